"""Queries about who earned what, and the ledger."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.quota.store.batches import insert


async def set_winners(
    session: AsyncSession, rows: Sequence[tuple[Any, ...]], losers: Sequence[tuple[str, str, str]]
) -> set[tuple[str, str, str]]:
    """Set the paid event of each key, or none; returns (plan, indicator, unit) it touches."""
    gone = [(plan, indicator, key) for plan, indicator, key, *_ in rows] + list(losers)
    touched = {(row[0], row[1], row[3]) for row in rows}
    if gone:
        removed = await session.execute(
            sa.text(
                "DELETE FROM winners w USING unnest(CAST(:a AS text[]), CAST(:b AS text[]),"
                " CAST(:c AS text[])) AS r(plan, indicator, key) WHERE w.plan = r.plan"
                " AND w.indicator = r.indicator AND w.key = r.key"
                " RETURNING w.plan, w.indicator, w.unit"
            ),
            dict(zip("abc", map(list, zip(*sorted(gone), strict=True)), strict=True)),
        )
        touched |= {(r.plan, r.indicator, r.unit) for r in removed}
    types = {
        "plan": "text", "indicator": "text", "key": "text", "unit": "text", "installer": "text",
        "occurred_at": "timestamptz", "source": "text", "event_id": "text",
    }  # fmt: skip
    await insert(session, "winners", types, sorted(rows))
    return touched


async def winners_of(session: AsyncSession, plan: str, indicator: str, unit: str) -> list[Any]:
    """A unit's paid events, earliest first."""
    rows = await session.execute(
        sa.text(
            "SELECT key, unit, installer, occurred_at, source, event_id FROM winners"
            " WHERE plan = :plan AND indicator = :indicator AND unit = :unit"
        ),
        {"plan": plan, "indicator": indicator, "unit": unit},
    )
    return sorted(rows, key=lambda r: (r.occurred_at, r.source, r.event_id))


async def mark_payable(
    session: AsyncSession, plan: str, indicator: str, unit: str, keys: Sequence[str]
) -> None:
    """Say which of a unit's winners are payable."""
    await session.execute(
        sa.text(
            "UPDATE winners SET payable = (key = ANY(:keys)) WHERE plan = :plan"
            " AND indicator = :indicator AND unit = :unit AND payable <> (key = ANY(:keys))"
        ),
        {"plan": plan, "indicator": indicator, "unit": unit, "keys": list(keys)},
    )


async def balances(session: AsyncSession, plan: str, indicator: str, unit: str) -> dict[Any, int]:
    """(installer, source, event id) -> what the ledger has booked for it."""
    rows = await session.execute(
        sa.text(
            "SELECT installer, source, event_id, sum(amount)::bigint AS amount FROM ledger"
            " WHERE plan = :plan AND indicator = :indicator AND unit = :unit"
            " GROUP BY installer, source, event_id HAVING sum(amount) <> 0"
        ),
        {"plan": plan, "indicator": indicator, "unit": unit},
    )
    return {(r.installer, r.source, r.event_id): r.amount for r in rows}


async def book(session: AsyncSession, rows: Sequence[tuple[Any, ...]]) -> list[int]:
    """Append to the ledger; returns the entries' ids."""
    types = {
        "plan": "text", "version": "integer", "indicator": "text", "unit": "text",
        "installer": "text", "source": "text", "event_id": "text", "amount": "bigint",
        "currency": "text", "reason": "text", "booked_at": "timestamptz",
    }  # fmt: skip
    return [row.id for row in await insert(session, "ledger", types, rows, "RETURNING id")]


async def stipends(session: AsyncSession, plan: str, indicator: str) -> list[Any]:
    """Winners per unit and installer: how many, how many of them payable."""
    rows = await session.execute(
        sa.text(
            "SELECT unit, installer, count(*) AS succeeded, count(*) FILTER (WHERE payable) AS payable"
            " FROM winners WHERE plan = :plan AND indicator = :indicator"
            " GROUP BY unit, installer ORDER BY unit, installer"
        ),
        {"plan": plan, "indicator": indicator},
    )
    return list(rows.all())


async def ledger(
    session: AsyncSession, plan: str | None, unit: str | None, after: int, limit: int
) -> list[dict[str, Any]]:
    """Ledger entries in the order in which they were booked."""
    rows = await session.execute(
        sa.text(
            "SELECT * FROM ledger WHERE (CAST(:plan AS text) IS NULL OR plan = :plan)"
            " AND (CAST(:unit AS text) IS NULL OR unit = :unit) AND id > :after"
            " ORDER BY id LIMIT :limit"
        ),
        {"plan": plan, "unit": unit, "after": after, "limit": limit},
    )
    return [dict(row) for row in rows.mappings()]
