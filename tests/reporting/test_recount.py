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

from services.quota.handlers import Plans, Recounts, Results
from services.reporting import tables
from services.reporting.api.words import columns_of
from services.reporting.handlers import GROUPINGS as PRODUCT_GROUPINGS
from services.reporting.handlers import (
    REPORTS,
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
from shared.plans import read_plan
from shared.questionnaires import Scales, known_questionnaires
from shared.settings import deploy_dir
from shared.units import UnitRegistry
from shared.working_days import WorkingDays
from tests.instance import stores
from tests.quota.desk import Desk
from tests.reporting.invented import OUTCOMES, World, as_event, as_json
from tests.reporting.invented_plan import FIRST, PLAN, SECOND, SINCE
from tests.reporting.recount_reports import Recount
from tests.reporting.recount_rows import COLUMNS, GROUPINGS, ORDERED, Answers
from tests.reporting.tree import Tree

MIGRATIONS = Path(tables.__file__).parent / "migrations"
REGISTRY = UnitRegistry.load(deploy_dir() / "units")
TREE = Tree(deploy_dir() / "units")
ALL = Key("k", "test", frozenset({"reports:read"}))
NOW = dt.datetime(2025, 12, 1, 3, tzinfo=dt.UTC)
SMALL = 8
SCALES = Scales(known_questionnaires())
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
NAMES = ("code", "difficulty", "plan", "unit", "unit_valid_from", "field", "authority", "month",
         "place", "installer", "domain", "mode", "quarter", "item", "questionnaire", "cause",
         "obligation", "period", "team", "member", "day", "kind", "channel", "group")  # fmt: skip
"""What rows are told apart by."""
WITH_REASON = ("rate", "share", "score", "cost", "points", "rank")
"""What is empty only for a reason that stands beside it."""
WHOLES = {
    "received_total": ("received_online", "received_counter_post", "carried_over"),
    "resolved_total": ("resolved_early", "resolved_on_time", "resolved_late"),
    "pending_total": ("pending_within_due", "pending_overdue"),
}


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
                    await apply_events(session, unseen, REGISTRY, SCALES)
            if random.random() < 0.4:
                await roll_pending(database, REGISTRY)


def questions(random, count):
    """What people ask: typed words, and the same for the recount; everything over the merger first,
    each unit for itself and by province, and all of all time."""
    today = dt.date(2025, 12, 1)

    def question(first, last, as_of=None, **more):
        judged = min(last or today, as_of or today, today)
        asked = dict.fromkeys(("unit", "level", "field", "domain", "plan", "obligation")) | more
        told = {"from": first, "to": last, "as_of": as_of}
        typed = {name: each.isoformat() for name, each in told.items() if each} | more
        asked |= {"first": first or dt.date.min, "last": judged, "as_of": as_of}
        return typed | {"limit": "1000"}, asked | {"until": last or dt.date.max}

    yield question(dt.date(2025, 5, 20), dt.date(2025, 8, 31))
    yield question(dt.date(2025, 5, 20), dt.date(2025, 8, 31), level="province")
    yield question(None, None)
    for _ in range(count):
        first = dt.date(2025, 4, 20) + dt.timedelta(random.randrange(120))
        if random.random() < 0.3:  # over the turn of a year or of a quarter
            first = random.choice([dt.date(2024, 12, 5), dt.date(2024, 12, 31), dt.date(2025, 1, 1),
                                   dt.date(2025, 3, 31), dt.date(2025, 6, 30)])  # fmt: skip
        last = first + dt.timedelta(random.choice([0, 0, 1, 6, 29, 30, 60, 200]))
        as_of = last + dt.timedelta(random.randrange(-10, 40)) if random.random() < 0.6 else None
        if as_of and as_of < first:
            continue
        more = {}
        for name, choices in (
            ("unit", UNITS),
            ("level", (None, "district", "province", "commune")),
            ("field", (None, None, "Đất đai", "=1+1")),
            ("domain", (None, None, "health")),
            ("plan", (None, None, None, "invented", "other")),
            ("obligation", (None, None, None, "patients", "undated")),
        ):
            if (word := random.choice(choices)) is not None:
                more[name] = word
        yield question(None if random.random() < 0.1 else first, last, as_of, **more)


def same(kind, asked, found, expected, names):
    """That two lists of rows are the same but for their order; says which rows are not."""
    found, expected = ({tuple(map(str, map(row.get, names))): row for row in rows} for rows in
                       (found, expected))  # fmt: skip
    wrong = [key for key in found.keys() | expected.keys() if found.get(key) != expected.get(key)]
    told = [(key, found.get(key), expected.get(key)) for key in sorted(wrong)[:5]]
    assert not told, (kind, asked, len(wrong), told)


async def check_report(reports, answers, report, typed, asked, by):
    """Every cell of one answer: rows, total, and what stands beside them."""
    question = ask(report, typed | ({"by": by} if by else {}), ALL, REGISTRY, NOW).question
    answer = await reports.answer(question)
    while (after := answer.extra.get("next_offset") or answer.extra.get("next")) is not None:
        place = "offset" if report == "overdue" else "after"
        more = ask(report, typed | {place: str(after)}, ALL, REGISTRY, NOW).question
        page = await reports.answer(more)
        answer.rows += page.rows
        answer.extra = page.extra
    rows, total, beside = answers.of(report, asked, by)
    about = (report, by, typed)
    strange = {name for row in answer.rows for name in row} - set(COLUMNS[report])
    assert not strange, (about, "columns that nobody recounts", strange)
    if report == "data-quality":  # a unit may have had something, and have nothing left
        figures = COLUMNS[report][3:-1]
        answer.rows = [row for row in answer.rows if any(row[name] for name in figures)]
    names = [name for name in NAMES if any(name in row for row in answer.rows)]
    keys = [tuple(map(row.get, names)) for row in answer.rows]
    assert len(set(keys)) == len(keys), (about, "rows that nothing tells apart")
    same(about, asked, answer.rows, rows, names)
    if report in ORDERED:
        assert [list(map(row.get, names)) for row in rows] == [list(key) for key in keys], about
    assert answer.total == total, (about, answer.total, total)
    assert answer.extra.keys() == beside.keys(), about
    for name, value in beside.items():
        if name.startswith("by_"):
            same((about, name), asked, answer.extra[name], value, NAMES)
        else:
            assert answer.extra[name] == value, (about, name, answer.extra[name], value)
    for row in [*answer.rows, answer.total]:
        empty = [name for name in WITH_REASON if name in row and row[name] is None]
        assert not empty or row.get("reason"), (about, row)
        if report == "bieu-06":
            invariants(row)
    CELLS[report] += sum(map(len, answer.rows))


def invariants(row):
    for whole, parts in WHOLES.items():
        assert row[whole] == sum(row[part] for part in parts), row
        assert min(row[part] for part in parts) >= 0, row
    assert row["received_total"] == row["resolved_total"] + row["pending_total"], row


async def check(reports, answers, typed, asked):
    for report in COLUMNS:
        for by in (None, *GROUPINGS.get(report, ())[1:]):
            await check_report(reports, answers, report, typed, asked, by)


async def look(reports):
    """Ask for what is kept in memory from one question to the next, before all has come."""
    for report in ("timeliness", "emulation", "installs"):
        await reports.answer(ask(report, {}, ALL, REGISTRY, NOW).question)


async def results(desk, stream, random):
    """What quota tells of the same events: in two goes, heard in any order and repeated."""
    half = len(stream) // 2
    for document, part in ((FIRST, stream[:half]), (SECOND, stream[half:])):
        await desk.apply("invented", orjson.dumps(document).decode())
        events = [event for event in part if event["kind"] not in OUTCOMES]
        for begin in range(0, len(events), 500):
            raw = [as_json(event) for event in events[begin : begin + 500]]
            await desk.take([Delivered("motcua.events.test", 1, 1, each) for each in raw])
        plans = Plans(REGISTRY)
        while await Recounts(desk.service.database, plans, lambda: None).step():
            pass
        announcer = Results(desk.service.database, plans, REGISTRY, lambda: None)
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
    half = len(stream) // 2
    versions = [
        PlanMessage("invented", 1, "d", FIRST),
        PlanMessage("invented", 2, "e", SECOND, SINCE),
    ]
    random.shuffle(versions)
    reports = Reports(database, REGISTRY, WorkingDays.load(deploy_dir() / "calendar"), SMALL)
    try:
        await database.migrate(MIGRATIONS)
        for version, part in zip(versions, (stream[:half], stream[half:]), strict=True):
            async with database.transaction() as session:
                await apply_plans(session, [version])
            for begin in range(0, half, half // 3):
                await apply(database, part[begin : begin + half // 3], random)
                await look(reports)
        async with Desk(urls["quota"]) as desk:
            told = await results(desk, stream, random)
        while told:
            async with database.transaction() as session:
                await apply_outcomes(session, told[:200], REGISTRY)
            told = told[200:]
            await look(reports)
        answers = Answers(Recount(world.events, TREE), PLAN, SMALL)
        for typed, asked in questions(random, count):
            await check(reports, answers, typed, asked)
        # Derived anew from the facts, as after an upgrade, the figures are the same.
        async with database.transaction() as session:
            await session.execute(sa.text(ANEW))
        await refold_due(database, REGISTRY)
        for typed, asked in questions(random, max(2, count // 20)):
            await check(reports, answers, typed, asked)
    finally:
        await database.close()
    assert set(CELLS) == set(COLUMNS) == set(REPORTS)
    assert min(CELLS.values()) >= 10, CELLS


def test_every_report_equals_the_recount(tmp_path):
    with stores(tmp_path) as urls:
        asyncio.run(run(urls, 20250701, 3_000, 9))


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", [1, 2])
def test_every_report_equals_the_recount_of_200_000_events(tmp_path, seed):
    with stores(tmp_path) as urls:
        asyncio.run(run(urls, seed, 200_000, 40))


@pytest.mark.parametrize("document", [FIRST, SECOND])
def test_the_plan_of_these_tests_is_a_plan(document):
    assert read_plan(orjson.dumps(document), registry=REGISTRY).plan == "invented"


@pytest.mark.parametrize("report", sorted(REPORTS))
def test_no_column_of_a_report_is_left_out_of_the_recount(report):
    for by in (None, *GROUPINGS.get(report, ())):
        assert set(columns_of(report, by)) <= set(COLUMNS[report])
    assert PRODUCT_GROUPINGS.get(report, ()) == GROUPINGS.get(report, ())
