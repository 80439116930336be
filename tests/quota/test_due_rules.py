"""Late dossiers by due dates that we compute, by rules that change: the plain recount."""

import asyncio
import datetime as dt
from collections import Counter
from random import Random

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.quota.handlers import Plans, Undated
from shared import rulebook
from shared.settings import deploy_dir
from shared.units import UnitRegistry
from tests.builders import event, status, submitted
from tests.instance import stores
from tests.quota import recount
from tests.quota.desk import Desk, delivery
from tests.quota.test_properties import DAYS, SOURCES, START, instants, submission
from tests.quota.test_properties import status as any_status
from tests.reporting import recount as stories
from tests.reporting.test_due_rules import RULES, due_rules, on_day

REGISTRY = UnitRegistry.load(deploy_dir() / "units")
NAME = "tre-han"
FILE = """
plan: tre-han
title: Kế hoạch thử
issued: {number: 1/KH, date: 2020-01-01, by: UBND}
runs: {from: 2020-01-05, to: 2020-01-20}
indicators:
  late: {count: dossier.late, target: {for: [461, 462], at_least: 3}}
  punctual:
    ratio: {of: {count: dossier.on_time}, over: {count: dossier.resolved}}
    period: day
    target: {for: [461, 462], at_least: 50%}
"""
DATES = (dt.date(2020, 1, 5), dt.date(2020, 1, 20))
FIRST = dt.date(2020, 3, 1)


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    with stores(tmp_path_factory.mktemp("stores")) as urls:
        yield urls["quota"]


@st.composite
def dated(draw, kind, number):
    """An event about a dossier; few state a due date."""
    made = draw(kind(number))
    if draw(st.integers(0, 9)) == 0:
        made["data"]["due_at"] = draw(instants(60))
    return made


@st.composite
def ending(draw, number):
    data = {
        "code": draw(st.sampled_from(("A", "B"))),
        "unit": "461",
        "status": "result_ready",
        "at": draw(instants(102)),
    }
    return event("dossier.status_changed", f"e{number}", draw(instants(60)), draw(SOURCES), **data)


@st.composite
def worlds(draw):
    """Pairs of an event and the day on which it reaches us."""
    wanted = st.lists(st.sampled_from((submission, any_status, ending)), max_size=12)
    kinds = [submission, submission, *draw(wanted)]
    made = [draw(dated(kind, number)) for number, kind in enumerate(kinds)]
    for number in range(draw(st.integers(0, 2))):
        gone = draw(st.sampled_from(made))
        made.append(
            event("record.voided", f"v{number}", START.isoformat(), draw(SOURCES),
                  of_source=gone["source"], of_id=gone["id"], reason="nhập sai")
        )  # fmt: skip
    return [(one, draw(DAYS)) for one in made]


CHANGES = st.lists(st.tuples(st.integers(0, 3), RULES), max_size=3)


def run_many(url, examples):
    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    @given(worlds(), CHANGES, st.randoms(use_true_random=False))
    def run(world, changes, random):
        asyncio.run(check(url, world, changes, random))

    run()


def change(desk, rule, size=1) -> rulebook.Changeover:
    return rulebook.Changeover(
        "quota", desk.service.database, due_rules(rule), Undated(Plans(REGISTRY)), size=size
    )


async def check(url, world, changes, random: Random):
    """Events, changes of the rules and the plan, in any order; slices with events between them."""
    stream = [delivery(*pair) for pair in world]
    stream += random.sample(stream, k=len(stream) // 2)
    random.shuffle(stream)
    applied = random.randint(0, len(changes))
    today = FIRST
    async with Desk(url) as desk:
        for number, (days, rule) in enumerate(changes):
            if number == applied:
                await desk.apply(NAME, FILE)
            stream = await take(desk, stream, random, random.randint(0, 5))
            today += dt.timedelta(days=days)
            with on_day(today):
                changeover = change(desk, rule)
                async with desk.service.database.transaction() as session:
                    await rulebook.propose(session, changeover.rules)
                for _ in range(random.randint(0, 3)):
                    await changeover.step()
                stream = await take(desk, stream, random, 2)
                while await changeover.step():
                    pass
        await take(desk, stream, random, len(stream))
        if applied == len(changes):
            await desk.apply(NAME, FILE)
        assert await desk.dead() == 0
        held = await timeline(desk, changes)
        events = [one for one, _ in world]
        await compare(desk, events, held[-1][1] if held else None)
        day = dt.date(2020, 3, 3)
        known = [one for one, received in world if received <= day]
        before = [rule for since, rule in held if since <= day]
        await compare(desk, known, before[-1] if before else None, as_of=day.isoformat())


async def take(desk, stream, random, count):
    """Take so many events in batches; what is left."""
    now, later = stream[:count], stream[count:]
    while now:
        size = random.randint(1, 4)
        await desk.take(now[:size])
        now = now[size:]
    return later


async def timeline(desk, changes):
    """(since, rule) of what has held, as the store has it; which rules these are is ours to say."""
    by_digest = {due_rules(rule).digest: rule for _, rule in changes}
    async with desk.service.database.transaction() as session:
        rows = await session.execute(sa.text("SELECT since, digest FROM due_rules ORDER BY seq"))
        return [(row.since, by_digest[row.digest]) for row in rows]


async def compare(desk, events, rule, **asked):
    rows = (await desk.get("/v1/progress", plan=NAME, **asked))["rows"]
    late, on_time, resolved = Counter(), Counter(), Counter()
    for one in stories.dossiers(recount.told(events), rule=rule).values():
        if DATES[0] <= one["closed"] <= DATES[1]:
            place = (one["unit"], one["closed"].isoformat())
            late[one["unit"]] += one["how"] == "late"
            on_time[place] += one["how"] != "late"
            resolved[place] += 1
    for row in rows:
        if row["indicator"] == "late":
            assert row["numerator"] == late[row["unit"]]
        else:
            place = (row["unit"], row["period"])
            assert (row["numerator"], row["denominator"]) == (on_time[place], resolved[place])
    assert len(rows) == 2 + 2 * 16


def test_changed_rules_and_events_in_any_order_equal_the_recount(url):
    run_many(url, 8)


@pytest.mark.soak
def test_changed_rules_and_events_in_any_order_equal_the_recount_at_length(url):
    run_many(url, 400)


async def test_a_longer_duration_makes_late_dossiers_punctual_from_that_day_on(url):
    """One procedure of two working days; then of four: two of three late ones are in time."""
    raws = []
    for n, closed in enumerate(("2020-01-09", "2020-01-10", "2020-01-14", "2020-01-07"), 1):
        raws.append(submitted(f"D{n}", day="2020-01-06"))
        raws.append(status(f"D{n}", "result_ready", f"{closed}T10:00:00+07:00"))
    async with Desk(url) as desk:
        await desk.apply(NAME, FILE)
        with on_day(dt.date(2020, 2, 1)):
            await change(desk, {"hours": 16, "closed": frozenset()}).begin()
        await desk.take([delivery(raw, dt.date(2020, 2, 1)) for raw in raws])
        assert await late_of(desk, "461") == 3
        with on_day(dt.date(2020, 2, 9)):
            job = change(desk, {"hours": 32, "closed": frozenset()}, size=3)
            await job.begin()
            while await job.step():
                pass
        assert await late_of(desk, "461") == 1
        assert await late_of(desk, "461", as_of="2020-02-08") == 3
        assert (await job.measure())["due_rules"] == {
            "digest": job.rules.digest, "state": "held", "done": 4, "total": 4,
        }  # fmt: skip
        # A dossier for which upstream states when it is due follows no rules.
        stated = submitted("D5", day="2020-01-06", due_at="2020-01-07T17:00:00+07:00")
        done = status("D5", "result_ready", "2020-01-08T10:00:00+07:00")
        await desk.take([delivery(raw, dt.date(2020, 2, 10)) for raw in (stated, done)])
        assert await late_of(desk, "461") == 2


async def late_of(desk, unit, **asked):
    rows = (await desk.get("/v1/progress", plan=NAME, indicator="late", **asked))["rows"]
    return next(row["numerator"] for row in rows if row["unit"] == unit)
