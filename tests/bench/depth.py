"""Many dossiers in reporting's store: how long each report takes, beside a store with few of them.

`python -m tests.bench.depth` lays out one province (10 districts, 140 communes, 20 fields, three
years) twice, loads the read models as a million dossiers (`--dossiers`) and as a tenth of them, at
most a hundred thousand (`--few`), would have left them, and puts every question to both stores in
turn, at three levels of units. No question is asked twice. `--live SECONDS` then posts events while
pages listen (see `live.py`); `--data-dir DIR` keeps what was loaded for the next run. A dossier's
days follow from its number, so the sums are what its events would have made. Rows are made where they
are kept: no COPY from outside is as quick as none.
"""

import argparse
import asyncio
import contextlib
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
from rich.console import Console
from rich.table import Table

from services.reporting.handlers import roll_pending
from services.reporting.rules import MEASURES
from shared.db import Database
from shared.units import UnitRegistry
from tests.bench.live import LIVE_ROWS, watch
from tests.bench.system import cpu_of
from tests.instance import ROOT, Instance, instance
from tests.system.world import LOCAL

MANY, FEW = 1_000_000, 100_000
GOAL_MS, GOAL_RATIO = 50, 1.5
DAYS, FIELDS, DISTRICTS, COMMUNES = 1095, 20, 10, 14
LAST = datetime.now(LOCAL).date() - timedelta(days=1)
FIRST = LAST - timedelta(days=DAYS - 1)
CHUNK = 300_000
UNITS = {"commune": "BC0307", "district": "BD03", "province": "BP"}
REPORTS = (
    ("bieu-06", {"by": "field"}),
    ("bieu-06", {"by": "unit"}),
    ("bieu-06", {"by": "unit", "field": "Lĩnh vực 07"}),
    ("bieu-06", {"by": "unit", "level": "district"}),
    ("on-time", {}),
    ("online-share", {}),
    ("data-quality", {}),
    ("overdue", {}),
    ("interview-list", {}),
    ("scorecard", {}),
    ("installs", {}),
    ("installs", {"by": "month"}),
    ("timeliness", {}),
    ("activity", {}),
    ("difficulties", {}),
    ("notices", {}),
    ("emulation", {}),
)
PLAN = """
plan: sau
title: Danh sách hằng tháng
issued: {number: 1/KH, date: 2020-01-01, by: UBND}
runs: {from: %s, to: 2040-12-31}
groups: {communes: {kind: commune, parent: [%s]}}
indicators:
  installs: {count: install.recorded, where: {app: rtHome, result: succeeded},
    once_per: [device, citizen], target: {for: communes, at_least: 100}}
obligations:
  lists: {title: Danh sách, owed_by: communes, owed_to: BP,
    due: {every: month, day: 5, for: previous month},
    fulfilled_by: {event: list.delivered, where: {list: clients}}}
penalties: [{when: {obligation: lists, state: missed}, points: 2}]
"""


def lay_out(folder: Path) -> None:
    """One invented province beside the units that ship."""
    shutil.copytree(ROOT / "deploy", folder)
    lines = ["code,valid_from,valid_to,name,aliases,kind,parent,seat,successors"]
    lines.append("BP,2000-01-01,,Tỉnh Thử,,province,,,")
    for d in range(DISTRICTS):
        lines.append(f"BD{d:02},2000-01-01,,Huyện {d:02},,district,BP,,")
        for c in range(COMMUNES):
            lines.append(f"BC{d:02}{c:02},2000-01-01,,Xã {d:02}{c:02},,commune,BD{d:02},,")
    (folder / "units" / "bench.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


# A number hashed: the same dossier has the same story however many there are.
_MADE = f"""
CREATE UNLOGGED TABLE made AS SELECT n,
    'BC' || lpad(((h >> 3) & 1023) % {DISTRICTS} || '', 2, '0')
        || lpad(((h >> 13) & 1023) % {COMMUNES} || '', 2, '0') AS unit,
    'Lĩnh vực ' || lpad(((h >> 23) & 4095) % {FIELDS} || '', 2, '0') AS field,
    CASE WHEN (h >> 35) & 3 = 0 THEN 'district' ELSE 'commune' END AS authority,
    (h >> 37) & 3 <> 0 AS online,
    day,
    day + CAST((h >> 39) & 15 AS integer) AS closed,
    day + 5 + CAST((h >> 43) & 7 AS integer) AS due,
    day + CASE WHEN (h >> 46) & 7 = 0 THEN 1 + CAST((h >> 49) & 7 AS integer) ELSE 0 END AS known,
    (h >> 52) & 31 AS flaw,
    (h >> 55) & 255 AS luck
FROM (SELECT n, abs(hashint8extended(n, 7)) AS h,
          DATE '{FIRST}' + CAST((n - :first) * {DAYS} / (:last - :first) AS integer) AS day
      FROM generate_series(:low, :high) n) g
"""
_SPREAD = [
    ("CASE WHEN online THEN 'received_online' ELSE 'received_counter_post' END", "day", "TRUE", 1),
    ("CASE WHEN closed < due THEN 'resolved_early' WHEN closed = due THEN 'resolved_on_time'"
     " ELSE 'resolved_late' END", "closed", "luck > 2", 1),
    ("'overdue'", "due + 1", "luck <= 2 OR closed > due + 1", 1),
    ("'overdue'", "closed", "luck > 2 AND closed > due + 1", -1),
    ("'missing_phone'", "day", "flaw = 1", 1),
    ("'invalid_phone'", "day", "flaw = 2", 1),
    ("'missing_name'", "day", "flaw = 3", 1),
    ("'missing_returned_at'", "closed", "luck > 2 AND flaw = 4", 1),
    ("'eligible'", "closed", "luck > 2 AND flaw NOT IN (1, 2, 3)", 1),
]  # fmt: skip
_PENDING = f"""
INSERT INTO pending (unit, era, field, authority, business_day, recorded_day, {", ".join(MEASURES)})
SELECT unit, DATE '2000-01-01', field, authority, at, learnt,
    {", ".join(f"coalesce(sum(n) FILTER (WHERE measure = '{name}'), 0)" for name in MEASURES)}
FROM ({" UNION ALL ".join(
    f"SELECT unit, field, authority, {measure} AS measure, {at} AS at,"
    f" greatest({at if name != 'overdue' else 'day'}, known) AS learnt, {n} AS n"
    f" FROM made WHERE {where}"
    for measure, at, where, n in _SPREAD
    for name in [measure.strip("'")]
)}) c
GROUP BY unit, field, authority, at, learnt
"""  # fmt: skip
_SPELLS = """
INSERT INTO overdue_spells (code, unit, era, field, department, due_day, since, until, known_from,
    known_until)
SELECT 'H' || n, unit, DATE '2000-01-01', field, NULL, due, due + 1,
    CASE WHEN luck > 2 THEN closed ELSE DATE 'infinity' END, known, DATE 'infinity'
FROM made WHERE luck <= 2 OR closed > due + 1
"""

_INTERVIEWS = """
INSERT INTO interviews (code, unit, era, field, returned, known_from, known_until)
SELECT 'H' || n, unit, DATE '2000-01-01', field, closed, greatest(closed, known), DATE 'infinity'
FROM made WHERE luck > 2 AND flaw NOT IN (1, 2, 3)
"""


def _blocks(day: str) -> str:
    """(level, number) of the blocks that a day is added to."""
    month = f"CAST(extract(year FROM {day}) * 12 + extract(month FROM {day}) - 1 AS integer)"
    third = f"{month} * 3 + least(CAST(extract(day FROM {day}) - 1 AS integer) / 10, 2)"
    number = f"{day} - DATE '0001-01-01'"
    return f"(0, {number}), (-1, {third}), (1, {month}), (-2, {month} / 3)"


_NOTICES = f"""
INSERT INTO notice_sums (unit, channel, era, level, block, rday, notices, sent, delivered, failed,
    segments, cost, priced)
SELECT unit, CASE WHEN online THEN 'email' ELSE 'sms' END, DATE '2000-01-01', b.level, b.number,
    DATE 'infinity', count(*), count(*) FILTER (WHERE luck > 3), count(*) FILTER (WHERE luck > 9),
    count(*) FILTER (WHERE luck <= 3), count(*), 350 * count(*), count(*)
FROM made CROSS JOIN LATERAL (VALUES {_blocks("day")}) AS b(level, number)
GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 4, 6, 5, 1, 2
ON CONFLICT (unit, level, block, rday, era, channel) DO UPDATE SET
    notices = notice_sums.notices + excluded.notices, sent = notice_sums.sent + excluded.sent,
    delivered = notice_sums.delivered + excluded.delivered,
    failed = notice_sums.failed + excluded.failed,
    segments = notice_sums.segments + excluded.segments, cost = notice_sums.cost + excluded.cost,
    priced = notice_sums.priced + excluded.priced
"""
_FAILED = """
INSERT INTO notices (notice, unit, channel, template, subject, segments, cost, reason, sent_day,
    sent_rday, failed_day, failed_rday)
SELECT 'n' || n, unit, 'sms', 't', 'H' || n, 1, 350, 'carrier', day, day, day, day
FROM made WHERE luck <= 3 AND NOT online
"""
_SCORES = f"""
INSERT INTO score_sums (unit, domain, mode, questionnaire, item, era, level, block, rday, n, scored,
    total, outside)
SELECT unit, 'public_administration', CASE WHEN online THEN 'phone' ELSE 'tablet' END, 'q', i.item,
    DATE '2000-01-01', b.level, b.number, DATE 'infinity', count(*), count(*), sum(flaw % 10), 0
FROM made CROSS JOIN (VALUES ('quality'), ('time'), ('bribe')) AS i(item)
CROSS JOIN LATERAL (VALUES {_blocks("closed")}) AS b(level, number)
WHERE luck >= 250 GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9 ORDER BY 7, 9, 8, 1, 2, 3, 4, 5
ON CONFLICT (unit, level, block, rday, era, domain, mode, questionnaire, item) DO UPDATE SET
    n = score_sums.n + excluded.n, scored = score_sums.scored + excluded.scored,
    total = score_sums.total + excluded.total
"""
_FACT = "decode(lpad(to_hex(n), 32, '0'), 'hex'), day + TIME '10:00', '/bench', 'e' || n, day"
_FACTS = (
    "INSERT INTO installs (uid, time, source, event_id, rday, day, unit, app, installer, place,"
    f" succeeded, device, citizen) SELECT {_FACT}, day, unit, 'rtHome', unit || '-' || flaw % 8,"
    " 'home', flaw > 2, lpad(to_hex(n), 64, '0'), lpad(to_hex(n % 100000), 64, 'a')"
    " FROM made WHERE luck = 100",
    "INSERT INTO activities (uid, time, source, event_id, rday, day, unit, team, member, kind,"
    f" people) SELECT {_FACT}, day, unit, 'doi-' || unit, unit || '-' || flaw % 8, 'guided', flaw"
    " FROM made WHERE luck = 101",
    "INSERT INTO difficulties (uid, time, source, event_id, rday, day, unit, difficulty, category,"
    f" text, resolved) SELECT {_FACT}, day, unit, 'D' || n, 'network', 'Mất mạng', FALSE"
    " FROM made WHERE luck = 102 AND n % 50 = 0",
)
_FILINGS = f"""
INSERT INTO filings (uid, type, time, source, event_id, rday, unit, data)
SELECT sha256(convert_to(unit || month, 'utf8')), 'motcua.list.delivered.v1',
    month + interval '1 month 3 days', '/bench', unit || month, month + 34, unit,
    jsonb_build_object('unit', unit, 'list', 'clients', 'period', to_char(month, 'YYYY-MM'), 'rows', 9)
FROM (SELECT 'BC' || lpad(d || '', 2, '0') || lpad(c || '', 2, '0') AS unit
      FROM generate_series(0, {DISTRICTS - 1}) d, generate_series(0, {COMMUNES - 1}) c) u,
    generate_series($1::date, $2::date, interval '1 month') m(at),
    LATERAL (SELECT CAST(at AS date) AS month) x
"""


async def load(
    url: str, first: int, last: int, registry: UnitRegistry, tell: Callable[[str], None]
) -> None:
    """Dossiers numbered from `first` up to `last`."""
    connection = await asyncpg.connect(url, timeout=60, command_timeout=1200)
    database = Database(url, "reporting", 2)
    database.engine = database._engine(1200)
    try:
        # A whole month of a province is sorted at once here, as the service never has to.
        await connection.execute("ALTER ROLE CURRENT_USER SET work_mem = '256MB'")
        await connection.execute("SET search_path TO reporting; SET work_mem = '256MB'")
        for low in range(first, last, CHUNK):
            high = min(low + CHUNK, last) - 1
            made = _MADE
            for name, value in (("first", first), ("last", last), ("low", low), ("high", high)):
                made = made.replace(f":{name}", f"CAST({value} AS bigint)")
            await connection.execute("DROP TABLE IF EXISTS made")
            await connection.execute(made)
            for statement in (_PENDING, _SPELLS, _INTERVIEWS, _NOTICES, _FAILED, _SCORES, *_FACTS):
                await connection.execute(statement)
            while await roll_pending(database, registry, most=CHUNK * 8):
                pass
            tell(f"{high - first + 1:,} of {last - first:,} loaded")
        await connection.execute("DROP TABLE made")
        await connection.execute("ALTER ROLE CURRENT_USER RESET work_mem")
        await connection.execute("VACUUM (ANALYZE)")
        total = await connection.fetchval(
            "SELECT sum(received_online + received_counter_post) FROM dossier_sums WHERE level = 1"
            " AND field = '' AND authority = '*' AND rday = DATE 'infinity'"
        )
        assert total == last - 1, (total, last)
    finally:
        await connection.close()
        await database.close()


@dataclass(frozen=True, slots=True)
class Loaded:
    """A running province; `last` is the day of its newest dossiers."""

    running: Instance
    dossiers: int
    last: date


@contextlib.contextmanager
def province(folder: Path, dossiers: int, tell: Callable[[str], None]) -> Iterator[Loaded]:
    """A province with so many dossiers, in a folder of its own; what lies there is used again."""
    kept = folder / "loaded.json"
    if folder.exists() and not (kept.exists() and (folder / "run/stores/postgres").exists()):
        shutil.rmtree(folder)  # a load that did not come to its end, or whose stores are gone
    folder.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(folder / "deploy", ignore_errors=True)
    lay_out(folder / "deploy")
    with instance(folder / "run", kept=True) as running:
        running.extra["MOTCUA_DEPLOY_DIR"] = str(folder / "deploy")
        for service in ("intake", "quota", "reporting"):
            running.start(service)
            running.wait_ready(service, seconds=600)
        if not kept.exists():
            fill(running, folder, dossiers, tell)
            kept.write_text(json.dumps({"last": LAST.isoformat()}))
        last = date.fromisoformat(json.loads(kept.read_text())["last"])
        yield Loaded(running, dossiers, last)


def fill(running: Instance, folder: Path, dossiers: int, tell: Callable[[str], None]) -> None:
    """Apply the plan, file the lists, load the dossiers while the service is away."""
    districts = ", ".join(f"BD{d:02}" for d in range(DISTRICTS))
    document = PLAN % (FIRST.replace(day=1), districts)
    running.http.put(
        running.url("quota", "/v1/plans/sau"), content=document.encode()
    ).raise_for_status()
    running.settle(("quota", "reporting"))
    url = running.urls["reporting"]
    registry = UnitRegistry.load(folder / "deploy" / "units")
    running.kill("reporting")
    asyncio.run(_file_lists(url))
    asyncio.run(load(url, 1, dossiers + 1, registry, tell))
    running.start("reporting")
    running.wait_ready("reporting")


def questions(unit: str, newest: date, number: int = 0) -> Iterator[dict[str, str]]:
    """Two months, a quarter and a bit, a year; as known today, as of then, and two days later. With
    another number all days are others, so that nothing is asked twice."""
    for back, length in ((3, 30), (40, 30), (200, 100), (30, 365)):
        last = newest - timedelta(days=back + number)
        words = {
            "unit": unit,
            "from": (last - timedelta(days=length)).isoformat(),
            "to": last.isoformat(),
        }
        yield words
        yield words | {"as_of": last.isoformat()}
        yield words | {"as_of": (last + timedelta(days=2)).isoformat()}


@dataclass(frozen=True, slots=True)
class Taken:
    """What answers took, in milliseconds; `cpu` is the service's and the database's, of one."""

    p95: float
    median: float
    cpu: float


Figures = dict[tuple[str, str], list[Taken]]
"""What each store's answers took, by (report, level of the unit)."""


def measure(
    stores: Sequence[Loaded], rounds: int, only: Sequence[str], tell: Callable[[str], None]
) -> Figures:
    """Put every question to each store in turn, so that what else the machine does hits all."""
    found: Figures = {}
    for report, more in REPORTS:
        name = " ".join([report, *(f"{key}={value}" for key, value in more.items())])
        if only and report not in only:
            continue
        for level, unit in UNITS.items():
            found[name, level] = _ask(stores, f"/v1/reports/{report}", unit, more, rounds)
        tell(name)
    return found


def _ask(
    stores: Sequence[Loaded], path: str, unit: str, more: Mapping[str, str], rounds: int
) -> list[Taken]:
    taken: list[list[float]] = [[] for _ in stores]
    cpu = [0.0 for _ in stores]
    for number in range(rounds + 1):
        for place, each in enumerate(stores):
            before = _cpu(each.running)
            for words in questions(unit, each.last, number):
                began = time.perf_counter()
                each.running.get("reporting", path, **words, **more)
                if number:
                    taken[place].append(1000 * (time.perf_counter() - began))
            if number:
                cpu[place] += _cpu(each.running) - before
    return [
        Taken(
            p95=round(statistics.quantiles(times, n=20)[18], 1),
            median=round(statistics.median(times), 1),
            cpu=round(1000 * seconds / len(times), 1),
        )
        for times, seconds in zip(taken, cpu, strict=True)
    ]


def _cpu(running: Instance) -> float:
    """Seconds of CPU that reporting and the stores of an instance have used."""
    return cpu_of(running.processes["reporting-0"].pid) + cpu_of(running.urls.process.pid)


async def facts_read(url: str) -> int:
    """Rows of dossiers' facts that were read since the store began."""
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(
            "SELECT CAST(coalesce(sum(seq_tup_read + idx_tup_fetch), 0) AS bigint) FROM pg_stat_user_tables"
            " WHERE schemaname = 'reporting' AND relname IN ('submissions', 'statuses')"
        )
    finally:
        await connection.close()


def run(given: argparse.Namespace, folder: Path, tell: Callable[[str], None]) -> dict[str, Any]:
    """All figures.

    Args:
        given: dossiers, few, rounds, only, live, rate.
        folder: where the stores lie.
        tell: told of every step.
    """
    number = given.few or fewer(given.dossiers)
    with province(folder / str(given.dossiers), given.dossiers, tell) as many:
        with province(folder / str(number), number, tell) as few:
            read = asyncio.run(facts_read(many.running.urls["reporting"]))
            found = measure([few, many], given.rounds, given.only, tell)
            read = asyncio.run(facts_read(many.running.urls["reporting"])) - read
        figures = {
            "dossiers": given.dossiers,
            "few": number,
            "facts_read": read,
            "reports": [
                {"report": report, "units": level, "few": asdict(small), "many": asdict(big)}
                for (report, level), (small, big) in found.items()
            ],
        }
        if given.live:
            asked = [(f"/v1/reports/{name}", more) for name, more in REPORTS]
            ways = questions(UNITS["province"], many.last, given.rounds + 1)
            many.running.start("notify")
            many.running.wait_ready("notify")
            many.running.settle()
            units = [f"BC{d:02}{c:02}" for d in range(DISTRICTS) for c in range(COMMUNES)]
            tell("live")
            figures["live"] = asdict(
                asyncio.run(
                    watch(
                        many.running,
                        UNITS["province"],
                        units,
                        asked,
                        [*ways],
                        given.live,
                        given.rate,
                    )
                )
            )
    return figures


def show(figures: dict[str, Any], console: Console) -> None:
    """Print what was measured."""
    few, many = f"{figures['few']:,}", f"{figures['dossiers']:,}"
    table = Table("report", "units", few, many, "ratio", f"CPU {few}", f"CPU {many}", "ratio")
    table.title = "p95 of a report in ms, and CPU of an answer in ms, by dossiers loaded"
    for column in table.columns[2:]:
        column.justify = "right"
    rows = figures["reports"]
    for row in rows:
        small, big = row["few"], row["many"]
        cells = [f"{small['p95']:.0f}", f"{big['p95']:.0f}", f"{big['p95'] / small['p95']:.2f}"]
        cells += [f"{small['cpu']:.0f}", f"{big['cpu']:.0f}"]
        cells.append(f"{big['cpu'] / small['cpu']:.2f}" if small["cpu"] else "-")
        table.add_row(row["report"], row["units"], *cells)
    console.print(table)
    quick = sum(row["many"]["p95"] < GOAL_MS for row in rows)
    even = sum(row["many"]["p95"] <= GOAL_RATIO * row["few"]["p95"] for row in rows)
    console.print(
        f"with {many} dossiers {quick} of {len(rows)} below {GOAL_MS} ms, {even} within {GOAL_RATIO}"
        f" times the same with {few}; rows of dossiers' facts read: {figures['facts_read']:,}"
    )
    if "live" in figures:
        table = Table("while events come in", "value", title=f"live, {many} dossiers loaded")
        table.columns[1].justify = "right"
        for name, text in LIVE_ROWS:
            table.add_row(text, f"{figures['live'][name]:,}")
        console.print(table)


def steps(dossiers: int, few: int | None) -> int:
    """How often `run` tells of a step when nothing is loaded yet."""
    few = few or fewer(dossiers)
    return -(-dossiers // CHUNK) - (-few // CHUNK) + len(REPORTS) + 1


def fewer(dossiers: int) -> int:
    """A tenth of them; of more than a million a hundred thousand."""
    return min(FEW, dossiers // 10)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `make bench` takes, too."""
    parser.add_argument("--few", type=int, help="dossiers of the store beside it")
    parser.add_argument("--live", type=float, default=20, help="seconds of posting events; 0: none")
    parser.add_argument("--rate", type=int, default=1000, help="events posted a second meanwhile")


def main() -> None:
    """Run and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.depth", description=__doc__)
    parser.add_argument("--dossiers", type=int, default=MANY)
    parser.add_argument(
        "--rounds", type=int, default=3, help="times each kind of question is asked"
    )
    parser.add_argument("--only", action="append", default=[], help="a report; may be repeated")
    parser.add_argument("--data-dir", type=Path, help="keep what is loaded here, and use it again")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    add_arguments(parser)
    given = parser.parse_args()
    console = Console(stderr=True)
    began = time.perf_counter()

    def tell(text: str) -> None:
        console.print(f"{time.perf_counter() - began:6.0f} s  {text}")

    with contextlib.ExitStack() as stack:
        folder = given.data_dir or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="motcua-depth-"))
        )
        figures = run(given, folder, tell)
    show(figures, Console())
    if given.json:
        given.json.write_text(json.dumps(figures, indent=2) + "\n")


async def _file_lists(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("SET search_path TO reporting")
        await connection.execute(_FILINGS, FIRST.replace(day=1), LAST.replace(day=1))
    finally:
        await connection.close()


if __name__ == "__main__":
    main()
