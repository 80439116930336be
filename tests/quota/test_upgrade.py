"""A store of the first schema is brought to the newest, and what it holds is counted anew."""

import asyncio
import datetime as dt

import orjson
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from services.quota.handlers import Plans, progress, recount_due, stipends
from shared import events
from shared.db import Database
from shared.plans import load_plan
from shared.settings import deploy_dir
from shared.units import UnitRegistry
from tests.instance import ROOT, stores
from tests.quota.plans import counted, small

MIGRATIONS = ROOT / "services" / "quota" / "migrations"
WHEN = dt.datetime(2019, 9, 3, 2, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    with stores(tmp_path_factory.mktemp("upgrade"), schemas=False) as urls:
        yield urls["quota"]


def to_first(connection):
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    config.attributes |= {"connection": connection, "schema": "quota"}
    command.upgrade(config, "0001")
    connection.commit()


async def fill(database, plan):
    """Two installs, one of them counted as the first schema did, and a booking of it."""
    async with database.transaction() as session:
        await session.execute(
            sa.text("INSERT INTO plans VALUES (:name, 1, :digest, :body, now())"),
            {"name": plan.plan, "digest": plan.digest(), "body": plan.canonical().decode()},
        )
        for n in range(2):
            data = {"unit": "461", "app": "rtHome", "installer": "a", "device": f"{n:064x}",
                    "place": "home", "result": "succeeded"}  # fmt: skip
            await session.execute(
                sa.text(
                    "INSERT INTO facts VALUES (:uid, 'motcua.install.recorded.v1', NULL, :at,"
                    " '/test', :id, '2019-09-03', CAST(:data AS jsonb))"
                ),
                {"uid": events.uid("/test", f"i{n}"), "at": WHEN, "id": f"i{n}",
                 "data": orjson.dumps(data).decode()},
            )  # fmt: skip
        await session.execute(
            sa.text("INSERT INTO counters VALUES ('old', 'installs', 'of', '461', 'whole',"
                    " '2019-09-03', 1)")
        )  # fmt: skip
        await session.execute(
            sa.text(
                "INSERT INTO ledger (plan, version, indicator, unit, installer, source, event_id,"
                " amount, currency, reason, booked_at) VALUES ('old', 1, 'installs', '461', 'a',"
                " '/test', 'i0', 1000, 'VND', 'earned', now())"
            )
        )


async def upgrade(url):
    registry = UnitRegistry.load(deploy_dir() / "units")
    stipend = {"amount": 1000, "currency": "VND", "to": "installer"}
    written = counted(small(plan="old"), period="whole", stipend=stipend)
    plan, faults = load_plan(orjson.dumps(written), registry=registry)
    assert plan is not None, faults
    database = Database(url, "quota")
    try:
        async with database.engine.connect() as connection:
            await connection.run_sync(to_first)
        await fill(database, plan)
        await database.migrate(MIGRATIONS)
        plans = Plans(registry)
        for _ in range(2):
            await recount_due(database, plans)
        async with database.transaction() as session:
            history = (await plans.load(session))["old"]
            rows = await progress(session, history, registry)
            paid = await stipends(session, history, "unit")
            ledger = await session.execute(
                sa.text("SELECT event_id, amount, occurred_at FROM ledger ORDER BY id")
            )
            told = await session.execute(
                sa.text("SELECT subject, payload FROM outbox WHERE stream = 'PLANS'")
            )
            plans_told = [(row.subject, orjson.loads(row.payload)) for row in told]
            return rows, paid, [tuple(row) for row in ledger], plans_told
    finally:
        await database.close()


def test_everything_is_counted_anew_and_nothing_booked_twice(url):
    rows, paid, ledger, told = asyncio.run(upgrade(url))
    assert {row["unit"]: row["numerator"] for row in rows} == {"461": 2, "462": 0}
    assert {row["unit"]: row["amount"] for row in paid} == {"461": 2000, "462": 0}
    assert ledger == [("i0", 1000, WHEN), ("i1", 1000, WHEN)]
    ((subject, message),) = told
    assert subject == "motcua.plans.old.1"
    assert (message["plan"], message["version"], message["since"]) == ("old", 1, "0001-01-01")
    assert message["effective_from"] == "2019-08-05"
    assert dt.datetime.fromisoformat(message["applied_at"]).tzinfo is not None
    assert message["document"]["runs"] == {"from": "2019-08-05", "to": "2019-12-31"}
