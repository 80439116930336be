"""What is due is found at the cost of what is due, however much is open: the plans say so."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from services.notify.store import alerts, deadlines, sending
from shared.db import Database
from tests.instance import ROOT
from tests.notify.many import BIG, explain, fill, nodes, pages

TYPES = {
    "now": "timestamptz", "limit": "bigint", "before": "timestamptz", "channels": "text[]",
    "rooms": "integer[]", "officers": "boolean",
}  # fmt: skip
NOW = datetime.now(UTC)
SCANS = {
    "deadlines: any": (deadlines.ANY_DUE, {}),
    "deadlines: due": (deadlines.DUE, {"limit": 500}),
    "alarms: any": (alerts.ANY_DUE, {}),
    "alarms: due": (alerts.DUE, {"limit": 500}),
    "notices: pick": (
        sending.PICK,
        {"channels": ["sms", "email"], "rooms": [100, 100], "officers": True},
    ),
    "notices: expire": (sending.EXPIRE, {}),
    "notices: lose": (sending.LOSE_OLD, {"before": NOW - timedelta(minutes=5)}),
    "notices: claimed by the dead": (sending.DEAD, {}),
    "parts: forget": (sending.FORGET, {"before": NOW - timedelta(days=30)}),
}


async def costs(url, count, due):
    """{scan: [(pages, rows touched, kinds of scans of big tables)]}, however it is planned: with
    and without statistics, with and without looking at the values."""
    database = Database(url, "notify", 1)
    found = {}
    try:
        await database.migrate(ROOT / "services" / "notify" / "migrations")
        async with database.transaction() as session:
            await session.execute(sa.text(f"TRUNCATE {', '.join(BIG)}, notice_history"))
            await fill(session, count, due)
        for known in (False, True):
            for mode in ("force_custom_plan", "force_generic_plan"):
                for name, (statement, given) in SCANS.items():
                    async with database.engine.connect() as connection:
                        raw = (await connection.get_raw_connection()).driver_connection
                        await raw.execute(f"SET plan_cache_mode = {mode}")
                        begun = raw.transaction()
                        await begun.start()
                        made = await explain(raw, statement, TYPES, now=NOW, **given)
                        await begun.rollback()
                        await raw.execute("RESET plan_cache_mode")
                    found.setdefault(name, []).append(measured(made["Plan"], known, mode))
            async with database.transaction() as session:
                await session.execute(sa.text("ANALYZE"))
    finally:
        await database.close()
    return found


def measured(plan, known, mode):
    reads = [each for each in nodes(plan) if each.get("Relation Name") in BIG]
    whole = {
        (each["Relation Name"], each["Node Type"], known, mode)
        for each in reads
        if each["Node Type"] == "Seq Scan" and each["Actual Loops"]
    }
    removed = sum(each.get("Rows Removed by Filter", 0) for each in nodes(plan))
    rows = sum(each["Actual Rows"] * each["Actual Loops"] for each in reads)
    return pages(plan), rows + removed, whole


async def compare(url, few, many, due):
    """The scans of few and of many open ones of which as many are due."""
    little, much = await costs(url, few, due), await costs(url, many, due)
    nothing = await costs(url, many, 0)
    for name in SCANS:
        for before, after, idle in zip(little[name], much[name], nothing[name], strict=True):
            assert after[2] == set(), name
            assert idle[2] == set(), name
            assert after[1] <= 20 * due, (name, after)
            assert after[0] <= 1.5 * before[0] + 40, (name, before, after)
            assert idle[1] <= 2, (name, idle)
            assert idle[0] <= 40, (name, idle)


async def test_a_scan_costs_what_is_due(store_url):
    await compare(store_url, 2_000, 16_000, 50)


@pytest.mark.soak
async def test_a_scan_among_a_million_costs_what_is_due(store_url):
    await compare(store_url, 10_000, 1_000_000, 1_000)
