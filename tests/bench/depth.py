"""Ten million dossiers in reporting's store: how long each report takes, beside a hundredth of them.

`python -m tests.bench.depth` lays out one province (10 districts, 140 communes, 20 fields, three
years), loads the read models as ten million dossiers would have left them, and asks every report at
three levels of units: first with a hundredth loaded, then with all. `--live SECONDS` posts events
meanwhile. A dossier's days follow from its number, so the sums are what its events would have made.
"""

import argparse
import asyncio
import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import asyncpg
from rich.console import Console
from rich.table import Table

from services.reporting.handlers import roll_pending
from services.reporting.rules import MEASURES
from shared.db import Database
from shared.units import UnitRegistry
from tests.bench.load import make_events, post_all
from tests.instance import ADMIN, ROOT, Instance, instance
from tests.system.world import LOCAL

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
GROUP BY 1, 2, 3, 4, 5, 6
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
WHERE luck >= 250 GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
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


async def load(url: str, first: int, last: int, registry: UnitRegistry, console: Console) -> None:
    """Dossiers numbered from `first` up to `last`."""
    connection = await asyncpg.connect(url, timeout=60, command_timeout=1200)
    database = Database(url, "reporting", 2)
    database.engine = database._engine(1200)
    began = time.perf_counter()
    try:
        await connection.execute("SET search_path TO reporting")
        for low in range(first, last, CHUNK):
            high = min(low + CHUNK, last) - 1
            made = _MADE
            for name, value in (("first", first), ("last", last), ("low", low), ("high", high)):
                made = made.replace(f":{name}", f"CAST({value} AS bigint)")
            await connection.execute("DROP TABLE IF EXISTS made")
            await connection.execute(made)
            for statement in (_PENDING, _SPELLS, _NOTICES, _FAILED, _SCORES, *_FACTS):
                await connection.execute(statement)
            while await roll_pending(database, registry, most=CHUNK * 8):
                pass
            took = time.perf_counter() - began
            console.print(f"{took:6.0f} s  {high - first + 1:,} of {last - first:,}")
        await connection.execute("DROP TABLE made")
        await connection.execute("VACUUM (ANALYZE)")
        total = await connection.fetchval(
            "SELECT sum(received_online + received_counter_post) FROM dossier_sums WHERE level = 1"
            " AND field = '' AND authority = '*' AND rday = DATE 'infinity'"
        )
        assert total == last - 1, (total, last)
    finally:
        await connection.close()
        await database.close()


def questions(unit: str) -> Iterator[dict[str, str]]:
    """Two months, a quarter and a bit, a year; as known today, as of then, and two days later."""
    for back, length in ((3, 30), (40, 30), (200, 100), (30, 365)):
        last = LAST - timedelta(days=back)
        words = {
            "unit": unit,
            "from": (last - timedelta(days=length)).isoformat(),
            "to": last.isoformat(),
        }
        yield words
        yield words | {"as_of": last.isoformat()}
        yield words | {"as_of": (last + timedelta(days=2)).isoformat()}


def measure(running: Instance, rounds: int) -> dict[tuple[str, str], float]:
    """{(report, level): p95 in milliseconds}."""
    found = {}
    for report, more in REPORTS:
        for level, unit in UNITS.items():
            taken = []
            for number in range(rounds + 1):
                for words in questions(unit):
                    began = time.perf_counter()
                    running.get("reporting", f"/v1/reports/{report}", **words, **more)
                    if number:
                        taken.append(1000 * (time.perf_counter() - began))
            name = " ".join([report, *(f"{key}={value}" for key, value in more.items())])
            found[name, level] = statistics.quantiles(taken, n=20)[18]
    return found


async def facts_read(url: str) -> int:
    """Rows of dossiers' facts that were read since the store began."""
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(
            "SELECT coalesce(sum(seq_tup_read + idx_tup_fetch), 0) FROM pg_stat_user_tables"
            " WHERE schemaname = 'reporting' AND relname IN ('submissions', 'statuses')"
        )
    finally:
        await connection.close()


def flood(running: Instance, seconds: float) -> tuple[threading.Thread, list[int]]:
    """Posts events as fast as they are taken, in a thread of its own; how many counts itself."""
    posted = [0]
    end = time.monotonic() + seconds

    def work() -> None:
        number = 0
        while time.monotonic() < end:
            events = make_events(f"depth{number}", 2000)
            asyncio.run(post_all(running.url("intake", "/v1/events"), ADMIN, events))
            posted[0] += len(events)
            number += 1

    thread = threading.Thread(target=work)
    thread.start()
    return thread, posted


def show(title: str, columns: dict[str, dict[tuple[str, str], float]]) -> None:
    table = Table("report", "units", *columns, title=title)
    rows = list(next(iter(columns.values())))
    names = list(columns)
    if len(names) == 2:
        table.add_column("ratio")
    for key in rows:
        cells = [f"{columns[name][key]:.1f}" for name in names]
        if len(names) == 2:
            cells.append(f"{columns[names[1]][key] / columns[names[0]][key]:.2f}")
        table.add_row(*key, *cells)
    for column in table.columns[2:]:
        column.justify = "right"
    Console().print(table)


def main() -> None:
    """Run and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.depth", description=__doc__)
    parser.add_argument("--dossiers", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=3, help="times each question is asked")
    parser.add_argument("--live", type=float, default=0, help="seconds of posting events meanwhile")
    given = parser.parse_args()
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory() as name, instance(Path(name) / "run") as running:
        lay_out(Path(name) / "deploy")
        running.extra["MOTCUA_DEPLOY_DIR"] = str(Path(name) / "deploy")
        for service in ("intake", "quota", "reporting"):
            running.start(service)
            running.wait_ready(service)
        districts = ", ".join(f"BD{d:02}" for d in range(DISTRICTS))
        document = PLAN % (FIRST.replace(day=1), districts)
        answer = running.http.put(running.url("quota", "/v1/plans/sau"), content=document.encode())
        answer.raise_for_status()
        running.settle(("quota", "reporting"))
        url = running.urls["reporting"]
        registry = UnitRegistry.load(Path(name) / "deploy" / "units")
        asyncio.run(_file_lists(url))
        few = given.dossiers // 100
        loading = partial(load, url, registry=registry, console=console)
        asyncio.run(loading(first=1, last=few + 1))
        small = measure(running, given.rounds)
        asyncio.run(loading(first=few + 1, last=given.dossiers + 1))
        big = measure(running, given.rounds)
        columns = {f"{few:,}": small, f"{given.dossiers:,}": big}
        show("p95 of a report, ms, by dossiers loaded", columns)
        print(f"rows of dossiers' facts read by these reports: {asyncio.run(facts_read(url))}")
        if given.live:
            thread, posted = flood(running, given.live)
            began = time.monotonic()
            busy = measure(running, 1)
            took = time.monotonic() - began
            thread.join()
            rate = posted[0] / max(took, given.live)
            show(f"the same while {rate:,.0f} events/s are posted", {"idle": big, "busy": busy})


async def _file_lists(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("SET search_path TO reporting")
        await connection.execute(_FILINGS, FIRST.replace(day=1), LAST.replace(day=1))
    finally:
        await connection.close()


if __name__ == "__main__":
    main()
