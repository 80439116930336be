"""Every cell of every report equals a plain recount: random events around a merger of units, in any
order, repeated, late, voided and corrected; asked for many periods, units, levels, as-of days. In
another order they give the same answers byte by byte."""

import asyncio
import datetime as dt
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
    Undated,
    apply_events,
    apply_outcomes,
    apply_plans,
    ask,
    document,
    refold_due,
    roll_pending,
)
from shared import inbox
from shared.clock import local_day
from shared.db import Database
from shared.due_dates import DueRules
from shared.events import parse
from shared.keys import Key
from shared.messaging.batches import Delivered
from shared.plans import read_plan
from shared.questionnaires import Scales, known_questionnaires
from shared.rulebook import Changeover
from shared.settings import deploy_dir
from shared.units import UnitRegistry
from shared.working_days import WorkingDays
from tests.instance import stores
from tests.quota.desk import Desk
from tests.reporting.asked import questions
from tests.reporting.comparing import CELLS, asked_of_each, compare, joined, next_place
from tests.reporting.invented import (
    CHANGED,
    EARLY,
    FIRST_RULES,
    OUTCOMES,
    SECOND_RULES,
    World,
    as_event,
    as_json,
)
from tests.reporting.invented_plan import FIRST, PLAN, SECOND, SINCE
from tests.reporting.recount_reports import Recount
from tests.reporting.recount_rows import COLUMNS, GROUPINGS, Answers
from tests.reporting.test_due_rules import on_day
from tests.reporting.tree import Tree

MIGRATIONS = Path(tables.__file__).parent / "migrations"
REGISTRY = UnitRegistry.load(deploy_dir() / "units")
TREE = Tree(deploy_dir() / "units")
ALL = Key("k", "test", frozenset({"reports:read"}))
NOW = dt.datetime(2025, 12, 1, 3, tzinfo=dt.UTC)
SMALL = 8
SCALES = Scales(known_questionnaires())
ANEW = """
WITH emptied AS (DELETE FROM overdue_spells), gone AS (DELETE FROM pending),
    sums AS (DELETE FROM dossier_sums), scores AS (DELETE FROM score_sums),
    told AS (DELETE FROM notice_sums)
INSERT INTO refolds SELECT 'dossier', code FROM submissions UNION SELECT 'dossier', code FROM statuses
    UNION SELECT 'survey', encode(uid, 'hex') FROM surveys UNION SELECT 'notice', notice FROM notices
"""
"""Forgets every sum and asks for all of them to be derived from the facts."""


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
                elif unseen:
                    await apply_events(session, unseen, REGISTRY, SCALES)
            if random.random() < 0.4:
                await roll_pending(database, REGISTRY)


async def check(stores_of, answers, typed, asked):
    """Every report of one question: the recount's, and the same from each store byte by byte."""
    for report, by in asked_of_each():
        words = typed | ({"by": by} if by else {})
        documents = [await fetch(reports, report, words) for reports in stores_of]
        compare(documents[0], answers, typed, asked, by)
        texts = {orjson.dumps(each | {"data_as_of": None}) for each in documents}
        assert len(texts) == 1, (report, words, texts)


async def fetch(reports, report, words):
    """The document of a question, of a list that goes on all pages."""

    pages, place = [], {}
    while place is not None:
        question = ask(report, words | place, ALL, REGISTRY, NOW)
        made = document(question, await reports.answer(question.question))
        pages.append(orjson.loads(orjson.dumps(made)))
        place = next_place(pages[-1])
    return joined(pages)


async def change_over(database, rules, on):
    """Due dates follow from these rules, from a day on."""
    made = Changeover("reporting", database, DueRules(rules.body()), Undated(REGISTRY))
    with on_day(on):
        await made.begin()
        while await made.step():
            pass


async def results(desk, stream):
    """What quota tells of the same events, in two goes."""
    half = len(stream) // 2
    for written, part in ((FIRST, stream[:half]), (SECOND, stream[half:])):
        await desk.apply("invented", orjson.dumps(written).decode())
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
        return [parse(bytes(each)) for each in payloads]


async def look(reports):
    """Ask for what is kept in memory from one question to the next, before all has come."""
    for report in ("timeliness", "emulation", "installs"):
        await reports.answer(ask(report, {}, ALL, REGISTRY, NOW).question)


async def feed(reports, world, told, random):
    """Everything in an order of its own: events, versions of the plan, rules about due dates when
    they change, what quota tells; somebody asks meanwhile."""
    database = reports.database
    stream = world.events + random.sample(world.events, len(world.events) // 10)
    random.shuffle(stream)
    half = len(stream) // 2
    third = half // 3
    versions = [
        PlanMessage("invented", 1, "d", FIRST),
        PlanMessage("invented", 2, "e", SECOND, SINCE),
    ]
    random.shuffle(versions)
    await database.migrate(MIGRATIONS)
    for version, part, rules, on in zip(
        versions,
        (stream[:half], stream[half:]),
        (FIRST_RULES, SECOND_RULES),
        (EARLY, CHANGED),
        strict=True,
    ):
        await change_over(database, rules, on)
        async with database.transaction() as session:
            await apply_plans(session, [version])
        for begin in range(0, len(part), third):
            await apply(database, part[begin : begin + third], random)
            await look(reports)
    told = told + random.sample(told, len(told) // 5)
    random.shuffle(told)
    while told:
        async with database.transaction() as session:
            await apply_outcomes(session, told[:200], REGISTRY)
        told = told[200:]
        await look(reports)


async def run(urls, seed, size, count):
    random = Random(seed)
    world = World(seed, size)
    stream = world.events + random.sample(world.events, size // 10)
    random.shuffle(stream)
    async with Desk(urls["quota"]) as desk:
        told = await results(desk, stream)
    # Two stores of reporting, fed in two orders: the second one in a database of another service.
    databases = [Database(urls[name], name, 2) for name in ("reporting", "notify")]
    working = WorkingDays.load(deploy_dir() / "calendar")
    reports = [Reports(each, REGISTRY, working, SMALL) for each in databases]
    rules = [(dt.date.min, FIRST_RULES), (CHANGED, SECOND_RULES)]
    answers = Answers(Recount(world.events, TREE, rules), PLAN, SMALL)
    try:
        for each in reports:
            await feed(each, world, told, random)
        for typed, asked in questions(random, count, local_day(NOW)):
            await check(reports, answers, typed, asked)
        # Derived anew from the facts, as after an upgrade, the figures are the same.
        async with databases[0].transaction() as session:
            await session.execute(sa.text(ANEW))
        await refold_due(databases[0], REGISTRY)
        for typed, asked in list(questions(random, max(1, count // 20), local_day(NOW)))[1:]:
            await check(reports, answers, typed, asked)
    finally:
        for database in databases:
            await database.close()
    assert set(CELLS) == set(COLUMNS) == set(REPORTS)
    assert min(CELLS.values()) >= 10, CELLS


def test_every_report_equals_the_recount(tmp_path):
    with stores(tmp_path, schemas=False) as urls:
        asyncio.run(run(urls, 20250701, 1_500, 1))


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", [1, 2])
def test_every_report_equals_the_recount_of_200_000_events(tmp_path, seed):
    with stores(tmp_path, schemas=False) as urls:
        asyncio.run(run(urls, seed, 200_000, 40))


@pytest.mark.parametrize("document", [FIRST, SECOND])
def test_the_plan_of_these_tests_is_a_plan(document):
    assert read_plan(orjson.dumps(document), registry=REGISTRY).plan == "invented"


@pytest.mark.parametrize("report", sorted(REPORTS))
def test_no_column_of_a_report_is_left_out_of_the_recount(report):
    for by in (None, *GROUPINGS.get(report, ())):
        assert set(columns_of(report, by)) <= set(COLUMNS[report])
    assert PRODUCT_GROUPINGS.get(report, ()) == GROUPINGS.get(report, ())
