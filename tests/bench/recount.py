"""A plan changes over many facts: how long no event is taken, at once and in slices.

`python -m tests.bench.recount --facts 200000` keeps that many installs, applies a plan, then a
changed one: once inside the request, as small plans are counted, and once in slices while batches of
500 events keep coming. The longest wait of a batch is the point.
"""

import argparse
import asyncio
import datetime as dt
import tempfile
import time
from pathlib import Path

import orjson
import sqlalchemy as sa

from services.quota.handlers import (
    Counting,
    Plans,
    Recounts,
    apply_plan,
    plans,
    state_of_recount,
)
from shared.db import Database, take_turn
from shared.plans import Plan, load_plan
from shared.units import Unit, UnitRegistry
from tests.instance import ROOT, stores
from tests.quota.test_statements import batch

UNITS = 1000
START = dt.date(2000, 1, 1)
FILL = f"""
INSERT INTO facts SELECT decode(md5(n::text), 'hex'), 'motcua.install.recorded.v1', NULL,
    timestamptz '2020-01-02 08:00+07' + make_interval(mins => n % 500000), '/bench', 'e' || n,
    '2020-12-31', jsonb_build_object('unit', 'U' || (n % {UNITS}), 'app', 'app-0', 'installer', 'x',
    'device', md5('d' || n), 'place', 'home', 'result', 'succeeded')
FROM generate_series(1, :facts) n
"""


def registry() -> UnitRegistry:
    """A province of invented communes."""
    above = Unit("P", START, None, "Tỉnh", "province")
    return UnitRegistry(
        [above, *(Unit(f"U{n}", START, None, f"Xã {n}", "commune", "P") for n in range(UNITS))]
    )


def plan(units: UnitRegistry, target: int) -> Plan:
    """Installs that are paid for up to a target."""
    body = {
        "plan": "lon",
        "title": "Kế hoạch lớn",
        "issued": {"number": "1/KH"},
        "runs": {"from": "2020-01-01", "to": "2020-12-31"},
        "groups": {"all": {"kind": "commune"}},
        "indicators": {
            "installs": {
                "count": "install.recorded",
                "once_per": ["device"],
                "target": {"for": "all", "at_least": target},
                "stipend": {"amount": 30000, "currency": "VND", "to": "unit"},
            }
        },
    }
    made, faults = load_plan(orjson.dumps(body), registry=units)
    assert made is not None, faults
    return made


async def run(url: str, facts: int) -> None:
    """Apply, change at once, change in slices."""
    units = registry()
    database, known = Database(url, "quota"), Plans(units)
    await database.migrate(ROOT / "services" / "quota" / "migrations")
    counting = Counting(known)
    async with database.transaction() as session:
        await session.execute(sa.text(FILL), {"facts": facts})
        await session.execute(sa.text("ANALYZE facts"))
    limit, plans.AT_ONCE = plans.AT_ONCE, facts * 2
    await apply_plan(database, known, plan(units, 50), restate=True)
    start = time.perf_counter()
    await apply_plan(database, known, plan(units, 60), restate=True)
    at_once = time.perf_counter() - start
    print(f"{facts:,} facts counted anew at once: no event is taken for {at_once:.1f} s")
    plans.AT_ONCE = limit
    await apply_plan(database, known, plan(units, 55), restate=True)
    recounts = Recounts(database, known, lambda: None)
    work = asyncio.create_task(recounts.run())
    waits: list[float] = []
    start = time.perf_counter()
    while True:
        async with database.transaction() as session:
            if await state_of_recount(session, "lon") is None:
                break
        before = time.perf_counter()
        async with database.transaction() as session:
            await take_turn(session, "store")
            await counting.count_events(session, batch(f"b{len(waits)}", 500, 1))
        waits.append(time.perf_counter() - before)
        await asyncio.sleep(0.5)
    seconds = time.perf_counter() - start
    work.cancel()
    print(
        f"the same in slices: {seconds:.1f} s, meanwhile {len(waits)} batches of 500 events were"
        f" counted, each in {sum(waits) / len(waits):.2f} s, the longest in {max(waits):.2f} s:"
        f" {max(waits) / at_once:.1%} of the pause"
    )
    await database.close()


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--facts", type=int, default=200_000)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, stores(Path(name)) as urls:
        asyncio.run(run(urls["quota"], chosen.facts))


if __name__ == "__main__":
    main()
