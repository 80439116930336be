"""What a batch costs: a bounded number of statements, whatever it touches; answers from counters."""

import asyncio
import datetime as dt
import hashlib
from pathlib import Path

import orjson
import pytest
import sqlalchemy as sa

from services.quota.handlers import Counting, Plans, apply_plan, check_morning, progress
from shared import events
from shared.db import Database
from shared.plans import load_plan
from shared.units import Unit, UnitRegistry
from tests.instance import ROOT, stores

UNITS = 500
INDICATORS = 50
START = dt.date(2000, 1, 1)
MIGRATIONS = ROOT / "services" / "quota" / "migrations"


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    with stores(tmp_path_factory.mktemp("statements")) as urls:
        yield urls["quota"]


def many_units() -> UnitRegistry:
    above = [Unit("P", START, None, "Tỉnh", "province")]
    return UnitRegistry(
        above + [Unit(f"U{n}", START, None, f"Xã {n}", "commune", "P") for n in range(UNITS)]
    )


def wide_plan():
    """Fifty indicators by month for every unit; ten of them pay."""
    indicators = {
        f"i{n}": {
            "count": "install.recorded",
            "where": {"app": f"app-{n}"},
            "once_per": ["device"],
            "period": "month",
            "target": {"for": "all", "at_least": 2},
        }
        | ({"stipend": {"amount": 10, "currency": "VND", "to": "unit"}} if n % 5 == 0 else {})
        for n in range(INDICATORS)
    }
    return {
        "plan": "wide",
        "title": "Rộng",
        "issued": {"number": "1"},
        "runs": {"from": "2020-01-01", "to": "2020-12-31"},
        "groups": {"all": {"kind": "commune"}},
        "indicators": indicators,
    }


def batch(tag: str, units: int, apps: int) -> list[events.Event]:
    """500 installs over so many units, apps and the months of a year."""
    made = []
    for n in range(500):
        device = hashlib.sha256(f"{tag}-{n}".encode()).hexdigest()
        body = {
            "specversion": "1.0",
            "id": f"{tag}-{n}",
            "source": "/test",
            "type": "motcua.install.recorded.v1",
            "time": f"2020-{n % 12 + 1:02}-{n % 28 + 1:02}T08:00:00+07:00",
            "receivedat": "2020-12-31T08:00:00+07:00",
            "data": {
                "unit": f"U{n % units}", "app": f"app-{n % apps}", "installer": "x",
                "device": device, "place": "home", "result": "succeeded",
            },
        }  # fmt: skip
        made.append(events.parse(orjson.dumps(body)))
    return made


class Watched:
    """Notes every statement that a database runs."""

    def __init__(self, database: Database) -> None:
        self.statements: list[str] = []
        sa.event.listen(database.engine.sync_engine, "before_cursor_execute", self._note)

    def _note(self, _connection, _cursor, statement, *_more) -> None:
        self.statements.append(statement)

    def take(self) -> list[str]:
        taken, self.statements = self.statements, []
        return taken


async def run_all(url: str):
    registry = many_units()
    database = Database(url, "quota")
    await database.migrate(Path(MIGRATIONS))
    plans = Plans(registry)
    plan, faults = load_plan(orjson.dumps(wide_plan()), registry=registry)
    assert plan is not None, faults
    await apply_plan(database, plans, plan)
    watched = Watched(database)
    counting = Counting(plans)
    costs = []
    try:
        for tag, units, apps in (("warm", 1, 1), ("one", 1, 1), ("wide", UNITS, INDICATORS)):
            async with database.transaction() as session:
                await counting.count_events(session, batch(tag, units, apps))
            costs.append(len(watched.take()))
        async with database.transaction() as session:
            history = (await plans.load(session))["wide"]
            watched.take()
            rows = await progress(session, history, registry, "i7")
            answered = watched.take()
            await check_morning(session, {"wide": history}, dt.date(2020, 12, 20))
            checked = watched.take()
        return costs, rows, answered, checked
    finally:
        await database.close()


def test_the_number_of_statements_is_bounded(url):
    costs, rows, answered, checked = asyncio.run(run_all(url))
    _, narrow, wide = costs
    assert wide <= narrow + 2, f"one unit: {narrow} statements, {UNITS} units: {wide}"
    assert wide <= 25
    assert len(rows) == UNITS * 12
    assert sum(row["numerator"] for row in rows) == 10
    assert len(answered) == 1
    assert "FROM counters" in answered[0]
    assert "facts" not in answered[0]
    assert len(checked) <= 4
