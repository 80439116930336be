"""Queries about names under which the counts of plans are kept, beside the plan's own."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.quota.store.stipends import Place

TABLES = ("memberships", "counted", "counters", "winners")


async def tallies(session: AsyncSession) -> list[Any]:
    """All of them, oldest first."""
    return list((await session.execute(sa.text("SELECT * FROM tallies ORDER BY started_at"))).all())


async def put_tally(
    session: AsyncSession,
    name: str,
    plan: str,
    version: int,
    state: str,
    now: datetime,
    total: int = 0,
) -> None:
    """Begin one, or set the newest version and the state of one that is there."""
    await session.execute(
        sa.text(
            "INSERT INTO tallies (name, plan, version, state, last, done, total, started_at)"
            " VALUES (:name, :plan, :version, :state, '', 0, :total, :now)"
            " ON CONFLICT (name) DO UPDATE SET version = excluded.version, state = excluded.state"
        ),
        {"name": name, "plan": plan, "version": version, "state": state, "now": now,
         "total": total},
    )  # fmt: skip


async def advance_tally(
    session: AsyncSession, name: str, state: str, last: bytes, more: int = 0
) -> None:
    """Note how far one has come: after ``last`` comes the next slice."""
    await session.execute(
        sa.text(
            "UPDATE tallies SET state = :state, last = :last, done = done + :more"
            " WHERE name = :name"
        ),
        {"name": name, "state": state, "last": last, "more": more},
    )


async def drop_counts(session: AsyncSession, name: str, limit: int) -> bool:
    """Delete some of the counts under a name; whether that was all of them."""
    gone = 0
    for table in TABLES:
        result = await session.execute(
            sa.text(
                f"DELETE FROM {table} WHERE ctid = ANY(ARRAY("
                f"SELECT ctid FROM {table} WHERE plan = :name LIMIT :limit))"
            ),
            {"name": name, "limit": limit - gone},
        )
        gone += result.rowcount  # type: ignore[attr-defined]
        if gone >= limit:
            return False
    return True


async def forget_tally(session: AsyncSession, name: str) -> None:
    """Forget a name whose counts are gone."""
    await session.execute(sa.text("DELETE FROM tallies WHERE name = :name"), {"name": name})


async def count_facts(session: AsyncSession, types: Sequence[str]) -> int:
    """How many facts of some types are kept."""
    count = await session.scalar(
        sa.text("SELECT count(*) FROM facts WHERE type = ANY(:types)"), {"types": list(types)}
    )
    return int(count or 0)


async def places_after(
    session: AsyncSession, name: str, after: Sequence[str], limit: int
) -> list[Place]:
    """The next places of a name in which something was earned, by (indicator, unit)."""
    rows = await session.execute(
        sa.text(
            "SELECT DISTINCT indicator, unit FROM winners WHERE plan = :name"
            " AND (indicator, unit) > (:indicator, :unit) ORDER BY indicator, unit LIMIT :limit"
        ),
        {"name": name, "indicator": after[0], "unit": after[1], "limit": limit},
    )
    return [(name, row.indicator, row.unit) for row in rows]


async def places_to_book(session: AsyncSession, name: str, limit: int) -> list[Place]:
    """Some places of a name where the ledger says something else than what is due."""
    rows = await session.execute(
        sa.text(
            "WITH due AS (SELECT indicator, unit, coalesce(installer, '') AS payee, source,"
            " event_id, amount FROM winners WHERE plan = :name AND amount <> 0),"
            " booked AS (SELECT indicator, unit, coalesce(installer, '') AS payee, source,"
            " event_id, sum(amount) AS amount FROM ledger"
            " WHERE plan = split_part(:name, '#', 1) GROUP BY 1, 2, 3, 4, 5 HAVING sum(amount) <> 0)"
            " SELECT DISTINCT indicator, unit FROM due"
            " FULL JOIN booked USING (indicator, unit, payee, source, event_id)"
            " WHERE due.amount IS DISTINCT FROM booked.amount ORDER BY 1, 2 LIMIT :limit"
        ),
        {"name": name, "limit": limit},
    )
    return [(name, row.indicator, row.unit) for row in rows]


async def cells_after(
    session: AsyncSession, name: str, after: Sequence[str], limit: int
) -> list[tuple[str, str, str]]:
    """The next (indicator, unit, period of storage) under which a name counts something."""
    rows = await session.execute(
        sa.text(
            "SELECT DISTINCT indicator, unit, period FROM counters WHERE plan = :name"
            " AND (indicator, unit, period) > (:indicator, :unit, :period)"
            " ORDER BY indicator, unit, period LIMIT :limit"
        ),
        {
            "name": name,
            "indicator": after[0],
            "unit": after[1],
            "period": after[2],
            "limit": limit,
        },
    )
    return [(row.indicator, row.unit, row.period) for row in rows]
