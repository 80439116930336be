"""Every cell of every report equals a plain recount: random events around a merger of units, in any
order, repeated, late, voided and corrected; asked for many periods, units, levels, as-of days."""

import asyncio
import datetime as dt
from collections import Counter
from pathlib import Path
from random import Random

import orjson
import pytest
import sqlalchemy as sa

from services.quota.handlers import Plans, Results
from services.reporting import tables
from services.reporting.handlers import (
    PlanMessage,
    Reports,
    apply_events,
    apply_outcomes,
    apply_plans,
    ask,
    refold_due,
    roll_pending,
)
from shared import inbox
from shared.clock import local_day
from shared.db import Database
from shared.events import parse
from shared.keys import Key
from shared.messaging.batches import Delivered
from shared.settings import deploy_dir
from shared.units import UnitRegistry
from shared.working_days import WorkingDays
from tests.instance import stores
from tests.quota.desk import Desk
from tests.reporting.invented import OUTCOMES, World, as_event, as_json
from tests.reporting.recount_reports import COLUMNS_06, Recount
from tests.reporting.tree import Tree

MIGRATIONS = Path(tables.__file__).parent / "migrations"
REGISTRY = UnitRegistry.load(deploy_dir() / "units")
TREE = Tree(deploy_dir() / "units")
ALL = Key("k", "test", frozenset({"reports:read"}))
NOW = dt.datetime(2025, 12, 1, 3, tzinfo=dt.UTC)
PLAN = {"from": dt.date(2025, 5, 1), "to": dt.date(2025, 8, 31),
        "units": ["461", "462", "QTR-TTYT-464", "QTR-TTHCC"],
        "quotas": {"461": 7, "462": 4, "440": 2, "QTR-TTHCC": 5},
        "online": ["461", "462", "45", "23668", "QTR-TTHCC"],
        "penalties": {("installs", "missed"): 5, ("online", "missed"): 2,
                      ("patient-lists", "late"): 1, ("patient-lists", "missing"): 4},
        "merits": {("installs", "met"): 3, ("online", "met"): 1}}  # fmt: skip
DOCUMENT = {
    "plan": "invented",
    "title": "Kế hoạch thử",
    "issued": {"number": "1/KH"},
    "runs": {"from": "2025-05-01", "to": "2025-08-31"},
    "indicators": {
        "installs": {
            "count": "install.recorded",
            "where": {"app": "rtHome", "result": "succeeded"},
            "once_per": ["device", "citizen"],
            "target": {
                "for": list(PLAN["quotas"]),
                "at_least": 7,
                "except": {"462": 4, "440": 2, "QTR-TTHCC": 5},
            },
        },
        "online": {
            "ratio": {
                "of": {"count": "dossier.received", "where": {"channel": "online"}},
                "over": {"count": "dossier.received"},
            },
            "period": "month",
            "target": {"for": PLAN["online"], "at_least": "50%"},
        },
    },
    "obligations": {
        "patient-lists": {
            "title": "Danh sách",
            "owed_by": PLAN["units"],
            "owed_to": "RTA",
            "due": {"every": "month", "day": 5, "for": "previous month"},
            "fulfilled_by": {"event": "list.delivered", "where": {"list": "patients"}},
        }
    },
    **{
        kind: [
            {
                "when": {
                    "obligation" if about == "patient-lists" else "indicator": about,
                    "state": state,
                },
                "points": points,
            }
            for (about, state), points in PLAN[kind].items()
        ]
        for kind in ("penalties", "merits")
    },
}
UNITS = (
    None,
    None,
    "45",
    "44",
    "461",
    "64",
    "52",
    "625",
    "23668",
    "42",
    "QTR-TTHCC",
    "BP-TINHDOAN",
)
ANEW = """
WITH emptied AS (DELETE FROM overdue_spells), gone AS (DELETE FROM pending),
    sums AS (DELETE FROM dossier_sums), scores AS (DELETE FROM score_sums),
    told AS (DELETE FROM notice_sums)
INSERT INTO refolds SELECT 'dossier', code FROM submissions UNION SELECT 'dossier', code FROM statuses
    UNION SELECT 'survey', encode(uid, 'hex') FROM surveys UNION SELECT 'notice', notice FROM notices
"""
"""Forgets every sum and asks for all of them to be derived from the facts."""
CELLS = Counter()
"""How many cells were compared, per report."""


async def apply(database, events, random):
    """Events as two consumers take them: in batches of any size, what was seen is dropped."""
    streams = {False: [], True: []}
    for event in events:
        streams[event["kind"] in OUTCOMES].append(as_event(event))
    for outcome, stream in streams.items():
        while stream:
            size = random.randint(1, 900)
            batch, stream = stream[:size], stream[size:]
            async with database.transaction() as session:
                unique = {event.uid: event for event in batch}
                fresh = await inbox.note(session, unique)
                unseen = [event for uid, event in unique.items() if uid in fresh]
                if outcome:
                    await apply_outcomes(session, unseen, REGISTRY)
                else:
                    await apply_events(session, unseen, REGISTRY)
            if random.random() < 0.4:
                await roll_pending(database, REGISTRY)


def questions(random, count):
    """What people ask: typed words, and the same for the recount; everything over the merger first,
    each unit for itself and by province."""
    for level in (None, "province"):
        asked = {"first": dt.date(2025, 5, 20), "last": dt.date(2025, 8, 31), "as_of": None,
                 "unit": None, "level": level, "field": None,
                 "until": dt.date(2025, 8, 31)}  # fmt: skip
        typed = {"from": "2025-05-20", "to": "2025-08-31", "limit": "1000"}
        yield typed | ({"level": level} if level else {}), asked
    for _ in range(count):
        first = dt.date(2025, 4, 20) + dt.timedelta(random.randrange(120))
        last = first + dt.timedelta(random.choice([0, 0, 6, 29, 30, 60, 200]))
        as_of = last + dt.timedelta(random.randrange(-10, 40)) if random.random() < 0.6 else None
        judged = min(last, as_of or dt.date(2025, 12, 1), dt.date(2025, 12, 1))
        if judged < first:
            continue
        typed = {"from": first.isoformat(), "to": last.isoformat(), "limit": "1000"}
        asked = {"first": first, "last": judged, "as_of": as_of, "until": last}
        for name, choices in (
            ("unit", UNITS),
            ("level", (None, "district", "province", "commune")),
            ("field", (None, None, "Đất đai", "=1+1")),
        ):
            asked[name] = random.choice(choices)
            if asked[name]:
                typed[name] = asked[name]
        yield typed | ({"as_of": as_of.isoformat()} if as_of else {}), asked


def unit_of(row):
    """A unit's code, and since when it bears it: stated where others bore it, too."""
    lines = TREE.lines[row["unit"]]
    told = row.get("unit_valid_from")
    return [row["unit"], dt.date.fromisoformat(told) if told else lines[0]["from"]]


def table(answer, names, columns=None):
    """Rows by what names them; `unit` stands for the code and since when it is borne."""
    found = {}
    for row in answer.rows:
        key = []
        for name in names:
            key += unit_of(row) if name == "unit" else [row[name]]
        key = tuple(key) if len(key) > 1 else key[0]
        assert key not in found, key
        found[key] = {name: row.get(name) for name in (columns or [*row, "reason"])}
    return found


async def check(reports, oracle, typed, asked):
    async def answer(report, **more):
        question = ask(report, typed | more, ALL, REGISTRY, NOW).question
        return await reports.answer(question)

    def same(report, found, expected):
        assert found == expected, (report, typed)
        CELLS[report] += sum(len(row) for row in found.values())

    for by in ("field", "unit"):
        form = await answer("bieu-06", by=by)
        for row in [*form.rows, form.total]:
            assert row["received_total"] == (
                row["received_online"] + row["received_counter_post"] + row["carried_over"]
            )
            assert row["resolved_total"] == (
                row["resolved_early"] + row["resolved_on_time"] + row["resolved_late"]
            )
            assert row["pending_total"] == row["pending_within_due"] + row["pending_overdue"]
            assert row["received_total"] == row["resolved_total"] + row["pending_total"]
        expected = oracle.form_06(asked, by)
        same("bieu-06", table(form, [by], COLUMNS_06), expected)
        assert form.total == {
            name: sum(row[name] for row in expected.values()) for name in COLUMNS_06
        }
        rates = await answer("on-time", by=by)
        columns = ("on_time", "late", "open_overdue", "rate", "reason")
        same("on-time", table(rates, [by], columns), oracle.on_time(asked, by))
    shares = await answer("online-share")
    columns = ("online", "total", "share")
    same("online-share", table(shares, ["unit", "authority"], columns), oracle.online_share(asked))
    await check_overdue(answer, oracle, typed, asked)
    points = {}
    for (*unit, group), row in table(await answer("index-766"), ["unit", "group"]).items():
        points.setdefault(tuple(unit), {})
        assert (row["points"] is None) == (row["reason"] is not None), row
        if row["points"] is not None:
            points[tuple(unit)][group] = row["points"]
    same("index-766", points, oracle.index_766(asked))

    quality = {}
    for key, row in table(await answer("data-quality"), ["unit"]).items():
        kept = {
            name: n
            for name, n in row.items()
            if n and name not in ("unit", "unit_name", "unit_valid_from", "reason")
        }
        if kept:
            quality[key] = kept
    expected = oracle.data_quality(asked)
    same("data-quality", quality, {key: {k: n for k, n in row.items() if n} for key, row in
                                   expected.items()})  # fmt: skip

    for by in ("unit", "month", "place", "installer"):
        installs = await answer("installs", by=by)
        columns = ("installs", "succeeded", "failed", "distinct_citizens")
        found = {key: row for key, row in table(installs, [by], columns).items() if row["installs"]}
        same("installs", found, oracle.installs(asked, by))
        total = oracle.installs(asked, "total").get("total", dict.fromkeys(columns, 0))
        assert {name: installs.total[name] for name in columns} == total, typed
    await check_quotas(answer, oracle, asked)

    tallies = await answer("scorecard")
    names = ["unit", "domain", "mode", "quarter", "item"]
    same("scorecard", table(tallies, names, ("n", "score", "reason")), oracle.scorecard(asked))
    for by in ("unit", "team", "member", "day", "month"):
        done = table(await answer("activity", by=by), [by, "kind"],
                     ("activities", "people", "members"))  # fmt: skip
        expected = {
            (*key, kind) if by == "unit" else (key, kind): row
            for (key, kind), row in oracle.activity(asked, by).items()
        }
        same("activity", done, expected)
    await check_difficulties(answer, oracle, typed, asked)
    notices = table(await answer("notices"), ["unit", "channel"],
                    ("notices", "sent", "delivered", "failed", "segments", "cost"))  # fmt: skip
    same("notices", notices, oracle.notices(asked))
    lists = table(await answer("timeliness"), ["unit", "period"], ("state",))
    expected = {key: {"state": state} for key, state in oracle.lists(asked, PLAN).items()}
    same("timeliness", lists, expected)
    await check_points(answer, oracle, typed, asked)


async def check_points(answer, oracle, typed, asked):
    found = {}
    for row in (await answer("emulation")).rows:
        told = [
            (each["about"], each["state"], tuple(each["periods"]))
            for each in row["items"]
            if each["periods"]
        ]
        assert row["points"] == row["merits"] - row["deductions"]
        assert row["undecided"] == 0
        found[row["unit"]] = row["merits"], row["deductions"], row["rank"], sorted(told)
    assert found == oracle.points(asked, PLAN), typed
    CELLS["emulation"] += 4 * len(found)


async def check_overdue(answer, oracle, typed, asked):
    expected = oracle.overdue(asked)
    page = await answer("overdue")
    after = page.extra["next_offset"]
    while after is not None:
        more = await answer("overdue", offset=str(after))
        page.rows += more.rows
        after = more.extra["next_offset"]
    columns = ("code", "field", "department", "due_date", "days_late")
    assert [
        {name: row[name] for name in columns} | {"unit": tuple(unit_of(row))} for row in page.rows
    ] == expected, typed
    assert page.total["overdue"] == len(expected)
    CELLS["overdue"] += 6 * len(expected)
    second = await answer("overdue", limit="2", offset="1")
    assert [row["code"] for row in second.rows] == [row["code"] for row in expected[1:3]]


async def check_quotas(answer, oracle, asked):
    """Machines counted once against quotas, added up at the level asked for."""
    counted = oracle.counted(asked, PLAN)
    last = min(asked["last"], PLAN["to"])
    expected = {}
    if asked["first"] <= PLAN["to"] and asked["last"] >= PLAN["from"]:
        for unit, quota in PLAN["quotas"].items():
            on = last if oracle.tree.line(unit, last) else dt.date(2025, 6, 30)
            place = oracle.place(asked, unit, on)
            if place:
                before = expected.get(place, (0, 0))
                expected[place] = (before[0] + counted[unit], before[1] + quota)
    rows = table(await answer("installs"), ["unit"])
    found = {key: (row["counted"], row["quota"]) for key, row in rows.items() if row["quota"]}
    assert found == expected, asked
    for row in rows.values():
        assert row["share"] == (row["counted"] / row["quota"] if row["quota"] else None)
        assert row.get("reason") == (None if row["quota"] else "no_quota")


async def check_difficulties(answer, oracle, typed, asked):
    expected = oracle.difficulties(asked)
    found = {}
    for row in (await answer("difficulties")).rows:
        found[row["difficulty"]] = {
            "unit": tuple(unit_of(row)),
            "text": row["text"],
            "raised_at": row["raised_at"] and dt.datetime.fromisoformat(row["raised_at"]),
            "resolved_at": row["resolved_at"] and dt.datetime.fromisoformat(row["resolved_at"]),
            "state": row["state"],
            "answer": row["answer"],
        }
    assert found == expected, typed
    CELLS["difficulties"] += 6 * len(found)


async def results(desk, stream, random):
    """What quota tells of the same events: in two goes, heard in any order and repeated."""
    told = []
    half = len(stream) // 2
    await desk.apply("invented", orjson.dumps(DOCUMENT).decode())
    for part in (stream[:half], stream[half:]):
        events = [event for event in part if event["kind"] not in OUTCOMES]
        for begin in range(0, len(events), 500):
            raw = [as_json(event) for event in events[begin : begin + 500]]
            await desk.take([Delivered("motcua.events.test", 1, 1, each) for each in raw])
        announcer = Results(desk.service.database, Plans(REGISTRY), REGISTRY, lambda: None)
        async with desk.service.database.transaction() as session:
            await announcer.announce_all(session, local_day(NOW))
    async with desk.service.database.transaction() as session:
        payloads = await session.scalars(
            sa.text("SELECT payload FROM outbox WHERE stream = 'OUTCOMES'")
        )
        told = [parse(bytes(each)) for each in payloads]
    told += random.sample(told, len(told) // 5)
    random.shuffle(told)
    return told


async def run(urls, seed, size, count):
    url = urls["reporting"]
    random = Random(seed)
    world = World(seed, size)
    stream = world.events + random.sample(world.events, size // 10)
    random.shuffle(stream)
    database = Database(url, "reporting", 2)
    try:
        await database.migrate(MIGRATIONS)
        async with database.transaction() as session:
            await apply_plans(session, [PlanMessage("invented", 1, "d", DOCUMENT)])
        await apply(database, stream, random)
        async with Desk(urls["quota"]) as desk:
            told = await results(desk, stream, random)
        while told:
            async with database.transaction() as session:
                await apply_outcomes(session, told[:200], REGISTRY)
            told = told[200:]
        reports = Reports(database, REGISTRY, WorkingDays.load(deploy_dir() / "calendar"))
        oracle = Recount(world.events, TREE)
        for typed, asked in questions(random, count):
            await check(reports, oracle, typed, asked)
        # Derived anew from the facts, as after an upgrade, the figures are the same.
        async with database.transaction() as session:
            await session.execute(sa.text(ANEW))
        await refold_due(database, REGISTRY)
        for typed, asked in questions(random, max(2, count // 20)):
            await check(reports, oracle, typed, asked)
    finally:
        await database.close()
    assert min(CELLS.values()) >= 10, CELLS
    assert set(CELLS) == {
        "bieu-06", "on-time", "online-share", "overdue", "data-quality", "installs", "scorecard",
        "activity", "difficulties", "notices", "timeliness",
        "index-766", "emulation",
    }  # fmt: skip


def test_every_report_equals_the_recount(tmp_path):
    with stores(tmp_path) as urls:
        asyncio.run(run(urls, 20250701, 3_000, 9))


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", [1, 2])
def test_every_report_equals_the_recount_of_200_000_events(tmp_path, seed):
    with stores(tmp_path) as urls:
        asyncio.run(run(urls, seed, 200_000, 40))


def test_the_plan_of_these_tests_is_a_plan():
    from shared.plans import read_plan

    assert read_plan(orjson.dumps(DOCUMENT), registry=REGISTRY).plan == "invented"
