"""Rules about due dates that change while dossiers come in: the sums equal a plain recount."""

import asyncio
from contextlib import contextmanager
from datetime import date, timedelta
from random import Random

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.reporting.handlers import Undated
from services.reporting.rules import form_06, territory
from services.reporting.store import dossier_sums, spells
from services.reporting.store.scope import LATEST, Scope
from shared import clock, rulebook
from shared.db import Database
from shared.due_dates import NO_RULES, DueRules
from tests.instance import stores
from tests.reporting import recount
from tests.reporting.stories import stories
from tests.reporting.test_store import REGISTRY, apply, as_event, bare, empty, migrate

FIRST = date(2020, 1, 1)
DAYS = st.integers(-1, 15).map(lambda days: FIRST + timedelta(days=days))


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    with stores(tmp_path_factory.mktemp("stores")) as urls:
        asyncio.run(migrate(urls["reporting"]))
        yield urls["reporting"]


def due_rules(rule) -> DueRules:
    """The product's form of a plain rule."""
    if rule is None:
        return NO_RULES
    procedure = {
        "code": "1.005129", "amount": rule["hours"], "measure": "working_hours",
        "authority": None, "cutoff": None, "since": "0001-01-01",
    }  # fmt: skip
    off = sorted(day.isoformat() for day in rule["closed"])
    return DueRules({"off": off, "worked": [], "hours": [], "usual": [], "offices": {},
                     "procedures": [procedure]})  # fmt: skip


@contextmanager
def on_day(day: date):
    """Let it be that day in Viet Nam."""
    before, clock.today = clock.today, lambda: day
    try:
        yield
    finally:
        clock.today = before


RULES = st.none() | st.fixed_dictionaries(
    {
        "hours": st.sampled_from([2, 8, 16, 24]),
        "closed": st.sampled_from([frozenset(), frozenset({date(2020, 1, 2), date(2020, 1, 6)})]),
    }
)
CHANGES = st.lists(st.tuples(st.integers(0, 6), RULES), max_size=3)


@st.composite
def undated(draw):
    """Stories of which few state a due date."""
    events = draw(stories(codes=("A", "B", "C"), limit=12))
    kept = draw(st.sets(st.integers(0, 11), max_size=2))
    for number, event in enumerate(events):
        if number not in kept and "due_at" in event:
            event["due_at"] = None
    return [event for event in events if event.get("of_id", "x") is not None]


def run_many(url: str, examples: int) -> None:
    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        undated(),
        RULES,
        CHANGES,
        st.tuples(DAYS, DAYS).map(sorted),
        st.none() | DAYS,
        st.randoms(use_true_random=False),
    )
    def run(events, rule, changes, period, as_of, random):
        asyncio.run(check(url, events, rule, changes, period, as_of, random))

    run()


async def check(url, events, first_rule, changes, period, as_of, random: Random):
    first, last = period
    if as_of is not None:  # a report judges no later day than the one as of which it is asked for
        first, last = min(first, as_of), min(last, as_of)
    stream = [as_event(event) for event in events]
    stream += random.sample(stream, k=len(stream) // 2)
    random.shuffle(stream)
    database = Database(url, "reporting", 2)
    held = [(date.min, first_rule)]
    today = FIRST
    try:
        await empty(database)
        await change_to(database, first_rule, today)
        for days, rule in changes:
            batches = [random.randint(1, 4) for _ in range(random.randint(0, 2))]
            for size in batches:
                batch, stream = stream[:size], stream[size:]
                await apply(database, batch)
            today += timedelta(days=days)
            # Some slices, then events, then the rest: nobody has to wait for the changeover.
            stepped = await change_to(database, rule, today, steps=random.randint(0, 3))
            batch, stream = stream[:2], stream[2:]
            await apply(database, batch)
            with on_day(today):
                while await stepped.step():
                    pass
            # The first rules of a store hold from ever on if no dossier was read without them.
            before = [each for _, each in held if each is not None]
            since = date.min if not before and await held_for_ever(database) else today
            held.append((since, rule))
        while stream:
            size = random.randint(1, 5)
            batch, stream = stream[:size], stream[size:]
            await apply(database, batch)
        rule = [rule for since, rule in held if as_of is None or since <= as_of][-1]
        scope = Scope(first, last, as_of or LATEST, territory(REGISTRY, (), None))
        async with database.transaction() as session:
            for by in ("unit", "field"):
                found = {
                    bare(key[0]): row
                    for key, sums in await dossier_sums.dossier_sums(session, scope, [by])
                    if (row := {name: n for name, n in form_06(sums).items() if n})
                }
                assert found == recount.bieu_06(events, first, last, by, as_of, rule)
            page = await spells.page(session, scope, 100, 0)
            assert {row[0] for row in page} == recount.overdue_codes(events, last, as_of, rule)
            units = await dossier_sums.dossier_sums(session, scope, ["unit"])
            assert sum(sums.overdue for _, sums in units) == len(page)
    finally:
        await database.close()


async def held_for_ever(database) -> bool:
    async with database.transaction() as session:
        found = await session.execute(sa.text("SELECT since FROM due_rules ORDER BY seq"))
        return [row.since for row in found] == [date.min]


async def change_to(database, rule, today, steps=None) -> rulebook.Changeover:
    """Have other rules hold, or begin to."""
    changeover = rulebook.Changeover(
        "reporting", database, due_rules(rule), Undated(REGISTRY), size=1
    )
    with on_day(today):
        async with database.transaction() as session:
            await rulebook.propose(session, changeover.rules)
        left = -1 if steps is None else steps
        while left and await changeover.step():
            left -= 1
    return changeover


def test_changed_rules_and_events_in_any_order_equal_the_recount(url):
    run_many(url, 12)


@pytest.mark.soak
def test_changed_rules_and_events_in_any_order_equal_the_recount_at_length(url):
    run_many(url, 1500)


async def test_an_empty_store_takes_its_rules_on_for_ever_and_a_full_one_from_today(url):
    database = Database(url, "reporting", 2)
    await empty(database)
    rule = {"hours": 8, "closed": frozenset()}
    with on_day(date(2020, 1, 9)):
        await rulebook.Changeover("reporting", database, due_rules(rule), Undated(REGISTRY)).begin()
        longer = rule | {"hours": 16}
        again = rulebook.Changeover("reporting", database, due_rules(longer), Undated(REGISTRY))
        await again.begin()
        await again.begin()
        assert await again.step() is False
    async with database.transaction() as session:
        kept = await session.execute(
            sa.text("SELECT seq, since, state FROM due_rules ORDER BY seq")
        )
        assert [tuple(row) for row in kept] == [
            (1, date.min, "held"),
            (2, date(2020, 1, 9), "held"),
        ]
    assert (await again.measure())["due_rules"] == {
        "digest": due_rules(longer).digest, "state": "held", "done": 0, "total": 0,
    }  # fmt: skip
    await database.close()
