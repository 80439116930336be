"""Queries about months that were closed for payment."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession


async def runs(
    session: AsyncSession, plan: str | None, after: int = 0, limit: int = 1000
) -> list[Any]:
    """Closed months, in the order in which they were closed."""
    rows = await session.execute(
        sa.text(
            "SELECT * FROM runs WHERE (CAST(:plan AS text) IS NULL OR plan = :plan)"
            " AND id > :after ORDER BY id LIMIT :limit"
        ),
        {"plan": plan, "after": after, "limit": limit},
    )
    return list(rows.all())


async def find_run(session: AsyncSession, run: int) -> Any:
    """One closed month, or None."""
    rows = await session.execute(sa.text("SELECT * FROM runs WHERE id = :run"), {"run": run})
    return rows.first()


async def add_run(session: AsyncSession, plan: str, month: str, by: str, now: datetime) -> int:
    """Close a month; returns the run's id."""
    found: int | None = await session.scalar(
        sa.text(
            "INSERT INTO runs (plan, month, closed_by, closed_at)"
            " VALUES (:plan, :month, :by, :now) RETURNING id"
        ),
        {"plan": plan, "month": month, "by": by, "now": now},
    )
    assert found is not None
    return found


async def fill_run(session: AsyncSession, run: int, plan: str, before: datetime) -> None:
    """Put into a run what is booked for events before an instant and is in no run yet."""
    await session.execute(
        sa.text(
            "INSERT INTO run_entries (entry_id, run_id)"
            " SELECT l.id, :run FROM ledger l LEFT JOIN run_entries e ON e.entry_id = l.id"
            " WHERE l.plan = :plan AND l.occurred_at < :before AND e.entry_id IS NULL"
        ),
        {"run": run, "plan": plan, "before": before},
    )


async def run_lines(session: AsyncSession, ids: Sequence[int]) -> list[Any]:
    """What each run pays, per installer and event; what comes to nothing is left out."""
    rows = await session.execute(
        sa.text(
            "SELECT e.run_id, l.indicator, l.unit, l.installer, l.source, l.event_id, l.currency,"
            " max(l.occurred_at) AS occurred_at, sum(l.amount)::bigint AS amount"
            " FROM run_entries e JOIN ledger l ON l.id = e.entry_id WHERE e.run_id = ANY(:ids)"
            " GROUP BY 1, 2, 3, 4, 5, 6, 7 HAVING sum(l.amount) <> 0"
            " ORDER BY 1, 3, 4 NULLS FIRST, 8, 5, 6"
        ),
        {"ids": list(ids)},
    )
    return list(rows.all())
