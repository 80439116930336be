"""Events applied to a real store in random batches, orders and repeats equal the recount."""

import asyncio
import re
import runpy
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random

import orjson
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.reporting import tables
from services.reporting.handlers import (
    PlanMessage,
    Reports,
    apply_events,
    apply_plans,
    ask,
    refold_due,
    roll_pending,
)
from services.reporting.handlers.reports import Answer, Question, installs, timeliness
from services.reporting.rules import Place, Span, Territory, form_06, territory
from services.reporting.store import dossier_sums, figures, interviews, scores, spells
from services.reporting.store.scope import LATEST, Scope
from shared import inbox
from shared.clock import VN
from shared.db import Database
from shared.events import Event, parse
from shared.keys import Key
from shared.settings import deploy_dir
from shared.units import UnitRegistry
from shared.working_days import WorkingDays
from tests import emptying
from tests.instance import stores
from tests.reporting import recount
from tests.reporting.stories import stories

REGISTRY = UnitRegistry.load(deploy_dir() / "units")
MIGRATIONS = Path(tables.__file__).parent / "migrations"
READ_MODELS = sorted(set(tables.metadata.tables) - {"keys", "outbox", "dead_letters"})


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    with stores(tmp_path_factory.mktemp("stores")) as urls:
        asyncio.run(migrate(urls["reporting"]))
        yield urls["reporting"]


async def migrate(url: str) -> None:
    database = Database(url, "reporting", 2)
    await database.migrate(MIGRATIONS)
    await database.close()


def as_event(event: dict) -> Event:
    """An event of the stories as intake publishes it."""
    names = {"submitted": "dossier.submitted", "status": "dossier.status_changed"}
    data = {key: event.get(key) for key in ("code", "unit", "due_at") if event.get(key)}
    if event["kind"] == "submitted":
        data |= {key: event[key] for key in ("field", "authority", "channel", "submitted_at")}
        data |= {
            "procedure": "1.005129",
            "quality": dict.fromkeys(("name", "phone", "email"), "present"),
        }
        if event["received_at"]:
            data["received_at"] = event["received_at"]
    elif event["kind"] == "status":
        data |= {"status": event["status"], "at": event["at"]}
    else:
        data = {"of_source": event["of_source"], "of_id": event["of_id"], "reason": "test"}
    received = datetime.combine(event["rday"], datetime.min.time(), VN) + timedelta(hours=9)
    return parse(
        orjson.dumps(
            {
                "specversion": "1.0",
                "id": event["id"],
                "source": event["source"],
                "type": f"motcua.{names.get(event['kind'], 'record.voided')}.v1",
                "time": event.get("time", received),
                "receivedat": received,
                "data": data,
            }
        )
    )


async def apply(database: Database, batch: list[Event]) -> None:
    """As the batch consumer does it: what was seen is dropped."""
    async with database.transaction() as session:
        unique = {event.uid: event for event in batch}
        fresh = await inbox.note(session, unique)
        unseen = [event for uid, event in unique.items() if uid in fresh]
        if unseen:
            await apply_events(session, unseen, REGISTRY)


async def empty(database: Database) -> None:
    async with database.transaction() as session:
        await emptying.empty(session, READ_MODELS)


def bare(key: str | Place) -> str:
    return key.unit if isinstance(key, Place) else key


DAYS = st.integers(-1, 15).map(lambda days: date(2020, 1, 1) + timedelta(days=days))


def run_many(url, examples):
    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        stories(codes=("A", "B", "C"), limit=12),
        st.tuples(DAYS, DAYS).map(sorted),
        st.none() | DAYS,
        st.randoms(use_true_random=False),
    )
    def run(events, period, as_of, random: Random):
        asyncio.run(check(url, events, period, as_of, random))

    run()


def test_any_batches_in_any_order_equal_the_recount(url):
    run_many(url, 15)


@pytest.mark.soak
def test_any_batches_in_any_order_equal_the_recount_at_length(url):
    run_many(url, 1000)


async def check(url, events, period, as_of, random):
    first, last = period
    if as_of is not None:  # a report judges no later day than the one as of which it is asked for
        first, last = min(first, as_of), min(last, as_of)
    sendable = [event for event in events if event.get("of_id", "x") is not None]
    stream = [as_event(event) for event in sendable]
    stream += random.sample(stream, k=len(stream) // 2)
    random.shuffle(stream)
    database = Database(url, "reporting", 2)
    try:
        await empty(database)
        while stream:
            size = random.randint(1, 5)
            batch, stream = stream[:size], stream[size:]
            await apply(database, batch)
            if random.random() < 0.3:
                await roll_pending(database, REGISTRY)
        scope = Scope(first, last, as_of or LATEST, territory(REGISTRY, (), None))
        async with database.transaction() as session:
            for by in ("unit", "field"):
                rows = {
                    bare(key[0]): {name: n for name, n in form_06(sums).items() if n}
                    for key, sums in await dossier_sums.dossier_sums(session, scope, [by])
                }
                found = {key: row for key, row in rows.items() if row}
                assert found == recount.bieu_06(sendable, first, last, by, as_of)
            shares = {
                (bare(key[0]), key[1]): (
                    sums.received_online,
                    sums.received_online + sums.received_counter_post,
                )
                for key, sums in await dossier_sums.dossier_sums(
                    session, scope, ["unit", "authority"]
                )
            }
            expected = recount.online_share(sendable, first, last, as_of)
            assert {key: pair for key, pair in shares.items() if pair[1]} == expected
            page = await spells.page(session, scope, 100, 0)
            assert {row[0] for row in page} == recount.overdue_codes(sendable, last, as_of)
            units = await dossier_sums.dossier_sums(session, scope, ["unit"])
            assert sum(sums.overdue for _, sums in units) == len(page)
            await check_interviews(session, scope)
    finally:
        await database.close()


async def check_interviews(session, scope):
    """Who can be asked is the same page by page and all at once, unit by unit and of all, as many as
    the sums say."""
    every = [row async for rows in interviews.pages(session, scope) for row in rows]
    assert every == sorted(every, key=lambda row: (row.returned, row.code))
    of = tuple(
        Span(unit, date.min, date.max, Place(unit))
        for unit in {"464", *(row.unit for row in every)}
    )
    for wide in (None, True, False):
        one = scope
        if wide is not None:
            one = replace(scope, territory=Territory(of, open=False, wide=wide))
        after, walked = None, []
        while page := await interviews.page(session, one, after, 1):
            walked += page
            after = page[-1].returned, page[-1].code
        assert walked == every
    counts = await dossier_sums.quality_counts(session, scope)
    assert sum(sums.get("eligible", 0) for sums in counts.values()) == len(every)


async def test_an_upgrade_derives_who_can_be_asked(url):
    database = Database(url, "reporting", 2)
    await empty(database)
    first, third = date(2020, 1, 1), date(2020, 1, 3)
    at = datetime(2020, 1, 2, 9, tzinfo=VN)
    named = {"source": "/a", "unit": "461", "time": at, "rday": date(2020, 1, 2)}
    filed = {"kind": "submitted", "field": "Land", "authority": "district", "channel": "online"}
    filed |= {"submitted_at": at, "received_at": at}
    done = {"kind": "status", "status": "returned", "at": at}
    told = [named | filed | {"code": code, "id": code} for code in "AB"]
    told += [named | done | {"code": "A", "id": "A-done"}]
    await apply(database, [as_event(event) for event in told])
    scope = Scope(first, third, LATEST)

    async def listed():
        async with database.transaction() as session:
            return [row async for rows in interviews.pages(session, scope) for row in rows]

    made = await listed()
    assert [(row.code, row.returned) for row in made] == [("A", date(2020, 1, 2))]
    async with database.transaction() as session:
        await session.execute(sa.text("DROP TABLE interviews"))
        step = runpy.run_path(str(MIGRATIONS / "versions" / "0027_interviews.py"))
        for statement in step["CHANGES"].split(";"):
            await session.execute(sa.text(statement))
    assert await listed() == []
    await refold_due(database, REGISTRY)
    assert await listed() == made
    await database.close()


async def test_the_migrations_make_the_tables(url):
    database = Database(url, "reporting", 2)

    def differences(connection: sa.Connection) -> list:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        return [
            found
            for found in compare_metadata(context, tables.metadata)
            if "index" not in found[0]
            and not re.search(r"alembic_version|Table\('dossier_sums_", str(found))
        ]

    async with database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    await database.close()


def other(kind: str, id: str, day: int, **data) -> Event:
    """Another kind of event, which reached us at noon of a day of January 2020."""
    received = datetime(2020, 1, day, 12, tzinfo=VN)
    event = {"specversion": "1.0", "id": id, "source": "/a", "type": f"motcua.{kind}.v1"}
    return parse(orjson.dumps(event | {"time": received, "receivedat": received, "data": data}))


SURVEY = other(
    "survey.completed",
    "s",
    3,
    unit="461",
    domain="health",
    mode="phone",
    questionnaire="q",
    answers={"quality": 8},
)
INSTALL = other(
    "install.recorded", "i", 3, unit="461", app="rtHome", installer="461-01", place="home",
    result="succeeded", device="a" * 64,
)  # fmt: skip
FILED = other("list.delivered", "f", 3, unit="461", list="clients", period="2019-12", rows=3)
VOIDS = [
    other("record.voided", f"void-{id}-{day}", day, of_source="/a", of_id=id, reason="test")
    for id in ("s", "i", "f")
    for day in (5, 7)
]


@pytest.mark.parametrize("number", range(6))
async def test_withdrawals_of_all_kinds_in_any_order(url, number):
    stream = [SURVEY, INSTALL, FILED, *VOIDS]
    Random(number).shuffle(stream)
    database = Database(url, "reporting", 2)
    await empty(database)
    for start in range(0, len(stream), 2):
        await apply(database, stream[start : start + 2])
    seen = {}
    async with database.transaction() as session:
        for day in (2, 3, 4, 5, 8):
            known = date(2020, 1, day)
            everywhere = territory(REGISTRY, (), None)
            scope = Scope(date(2020, 1, 1), known, known, everywhere)
            tallies = await scores.tallies(session, scope, None)
            installs, whole = await figures.install_counts(session, scope, "unit")
            filed = await figures.filings(session, known)
            seen[day] = (
                [tally.n for _, tally, _ in tallies],
                [counts[0] for _, counts in installs],
                len(filed),
            )
            assert whole[0] == sum(counts[0] for _, counts in installs)
    await database.close()
    nothing, standing = ([], [], 0), ([1], [1], 1)
    assert seen == {2: nothing, 3: standing, 4: standing, 5: nothing, 8: nothing}


SUMMED = ("dossier_sums", "score_sums", "notice_sums", "lateness")
AS_BEFORE = (
    *(f"DROP INDEX {name}_across" for name in SUMMED[:3]),
    "ALTER TABLE dossier_sums RENAME TO parted",
    "CREATE TABLE dossier_sums (LIKE parted)",
    "INSERT INTO dossier_sums SELECT * FROM parted",
    "DROP TABLE parted",
    "ALTER TABLE dossier_sums ADD PRIMARY KEY (unit, field, level, rday, block, era, authority)",
    "DROP INDEX overdue_spells_reach, overdue_spells_unit",
    "ALTER TABLE overdue_spells DROP COLUMN reach",
    "CREATE INDEX overdue_spells_open ON overdue_spells (unit)",
    "CREATE INDEX overdue_spells_past ON overdue_spells (until)",
    "INSERT INTO overdue_spells SELECT code || 'v', unit, field, department, due_day, since, until,"
    " due_day, since, era FROM overdue_spells",
    *(f"ALTER TABLE confirmations DROP COLUMN {name}" for name in ("domain", "source", "event_id")),
    "DROP TABLE interviews",
    "ALTER TABLE notices DROP COLUMN audience",
    *(
        f"ALTER TABLE notices DROP COLUMN {state}_{part}"
        for state in ("sent", "failed", "delivered", "wrong")
        for part in ("segments", "cost")
    ),
    *(f"DELETE FROM {name} WHERE level < 0" for name in SUMMED[:3]),
    "DELETE FROM dossier_sums WHERE authority = '*'",
    "DROP TABLE lateness",
    "UPDATE alembic_version SET version_num = '0018'",
)


async def sums_of(database: Database) -> dict[str, list[tuple]]:
    """Every row of the sums that says anything."""
    async with database.transaction() as session:
        found = {
            name: [tuple(row) for row in await session.execute(sa.text(f"SELECT * FROM {name}"))]
            for name in SUMMED
        }
    return {
        name: sorted(map(str, (row for row in rows if name == "lateness" or any(row[7:]))))
        for name, rows in found.items()
    }


async def test_an_upgrade_adds_up_the_sums_that_are_there(url):
    random = Random(6)
    database = Database(url, "reporting", 2)
    await empty(database)
    filed = []
    for number in range(40):
        day = date(2020, 1, 1) + timedelta(days=random.randrange(200))
        code, rday = f"D{number}", day + timedelta(days=random.choice((0, 0, 1, 5, 90)))
        at = f"{day}T09:00:00+07:00"
        more = {"submitted_at": at, "received_at": at, "due_at": f"{day}T17:00:00+07:00"}
        filed.append(
            as_event(
                {"kind": "submitted", "code": code, "id": code, "source": "/a", "time": at}
                | {"unit": random.choice(("461", "462")), "field": random.choice("XY")}
                | {"authority": random.choice(("commune", "district")), "channel": "online"}
                | more
                | {"rday": rday}
            )
        )
    surveys = [
        other("survey.completed", f"s{day}", day, unit="461", domain="public_administration",
              mode="phone", questionnaire="q", answers={"quality": day})
        for day in (1, 5, 9)
    ]  # fmt: skip
    await apply(database, [*filed, *surveys])
    await roll_pending(database, REGISTRY)
    made = await sums_of(database)
    async with database.transaction() as session:
        for statement in AS_BEFORE:
            await session.execute(sa.text(statement))
    await migrate(url)
    assert await sums_of(database) == made
    async with database.transaction() as session:
        kept = await session.execute(sa.text("SELECT code, reach FROM overdue_spells"))
        assert {tuple(row) for row in kept} == {(f"D{number}", 31) for number in range(40)}
    await database.close()
    assert len([row for row in made["dossier_sums"] if "'*'" in row]) > 100
    assert made["lateness"] == [f"('dossier_sums', {level})" for level in (2, 4, 5, 9)]


QUOTAS = {
    "plan": "kept",
    "title": "Kept",
    "issued": {"number": "1/KH"},
    "runs": {"from": "2020-01-01", "to": "2020-12-31"},
    "indicators": {
        "installs": {
            "count": "install.recorded",
            "where": {"result": "succeeded"},
            "once_per": ["device"],
            "target": {"for": ["461", "462"], "at_least": 4},
        }
    },
    "obligations": {
        "lists": {
            "owed_by": ["461", "462"],
            "owed_to": ["QTR-HDND"],
            "due": {"every": "month", "day": 5, "for": "previous month"},
            "fulfilled_by": {"event": "list.delivered"},
        }
    },
}


def filed(id: str, day: int, unit: str = "461") -> Event:
    return other("list.delivered", id, day, unit=unit, list="clients", period="2020-01", rows=3)


def voided(id: str, day: int) -> Event:
    return other("record.voided", f"v-{id}", day, of_source="/a", of_id=id, reason="test")


def installed(id: str, day: int, unit: str, device: str) -> Event:
    return other("install.recorded", id, day, unit=unit, app="rtHome", installer=f"{unit}-01",
                 place="home", result="succeeded", device=device * 64)  # fmt: skip


def asked(report: str, as_of: int | None = None) -> Question:
    """About January 2020, as of a day of it, or as known on 1 March."""
    typed = {"from": "2020-01-01", "to": "2020-03-01"}
    if as_of is not None:
        typed |= {"as_of": f"2020-01-{as_of:02}"}
    now = datetime(2020, 3, 1, 12, tzinfo=VN)
    return ask(report, typed, Key("k", "test", frozenset()), REGISTRY, now).question


def states(answer: Answer) -> dict[str, str]:
    return {row["unit"]: row["state"] for row in answer.rows if row["period"] == "2020-01"}


def counted(answer: Answer) -> dict[str, int]:
    return {row["unit"]: row["counted"] for row in answer.rows}


async def test_two_replicas_keep_what_the_store_says(url):
    database = Database(url, "reporting", 4)
    await empty(database)
    async with database.transaction() as session:
        await apply_plans(session, [PlanMessage("kept", 1, "d", QUOTAS)])
    first, second = (Reports(database, REGISTRY, WorkingDays()) for _ in range(2))

    async def both(report, as_of=None):
        found = [await each.answer(asked(report, as_of)) for each in (first, second)]
        assert found[0].rows == found[1].rows
        return found[0]

    missing = {"461": "missing", "462": "missing"}
    assert states(await both("timeliness")) == missing
    assert counted(await both("installs")) == {"461": 0, "462": 0}
    await apply(database, [filed("f1", 3), installed("i1", 9, "461", "a")])
    assert states(await first.answer(asked("timeliness"))) == missing | {"461": "on_time"}
    assert counted(await first.answer(asked("installs"))) == {"461": 1, "462": 0}
    await apply(database, [filed("f2", 20, "462"), installed("i2", 4, "462", "a")])
    await apply(database, [voided("f1", 25), voided("f3", 26), installed("i3", 5, "462", "b")])
    assert states(await second.answer(asked("timeliness"))) == missing | {"462": "on_time"}
    assert states(await both("timeliness")) == missing | {"462": "on_time"}
    assert counted(await both("installs")) == {"461": 0, "462": 2}
    await apply(database, [filed("f3", 27), voided("i2", 12)])
    assert states(await both("timeliness")) == missing | {"462": "on_time"}
    assert counted(await both("installs")) == {"461": 1, "462": 1}
    assert [counted(await both("installs", day)) for day in (4, 9, 11, 12)] == [
        {"461": 0, "462": 1}, {"461": 0, "462": 2}, {"461": 0, "462": 2}, {"461": 1, "462": 1}
    ]  # fmt: skip
    # Another store in the place of this one, as after a rebuild: with as much in it, and the same
    # numbers, but not the same.
    await empty(database)
    async with database.transaction() as session:
        await session.execute(sa.text("ALTER SEQUENCE filings_seq_seq RESTART"))
        await session.execute(sa.text("ALTER SEQUENCE installs_seq_seq RESTART"))
        await apply_plans(session, [PlanMessage("kept", 1, "d", QUOTAS)])
    await apply(database, [filed(f"g{n}", 3, "462") for n in range(3)])
    await apply(database, [installed(f"j{n}", 5, "461", str(n)) for n in range(3)])
    assert states(await both("timeliness")) == missing | {"462": "on_time"}
    assert counted(await both("installs")) == {"461": 3, "462": 0}
    await database.close()


async def test_a_question_is_answered_from_the_moment_at_which_it_began(url):
    database = Database(url, "reporting", 4)
    await empty(database)
    async with database.transaction() as session:
        await apply_plans(session, [PlanMessage("kept", 1, "d", QUOTAS)])
    await apply(database, [installed("i1", 9, "461", "a")])
    reports = Reports(database, REGISTRY, WorkingDays())
    async with database.transaction() as session:
        await figures.hold_still(session)
        book = await reports.book(session)
        await apply(database, [filed("f1", 3), installed("i2", 4, "462", "a")])
        assert states(await reports.answer(asked("timeliness")))["461"] == "on_time"
        assert counted(await reports.answer(asked("installs"))) == {"461": 0, "462": 1}
        for _ in range(2):
            question = asked("timeliness")
            assert states(await timeliness(session, question, book))["461"] == "missing"
            question = asked("installs")
            assert counted(await installs(session, question, book)) == {"461": 1, "462": 0}
            assert states(await reports.answer(asked("timeliness")))["461"] == "on_time"
            assert counted(await reports.answer(asked("installs"))) == {"461": 0, "462": 1}
    await database.close()
