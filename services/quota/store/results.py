"""Queries about results as they were announced."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.quota.store.batches import insert

Result = tuple[str, str, str, str, str, int, int | None, float | None]
"""(plan, indicator, unit, period, state, numerator, denominator, target)."""


async def announce_results(session: AsyncSession, rows: Sequence[Result]) -> list[Any]:
    """Note results; returns those that differ from what was noted before, with how often each has
    changed."""
    types = {
        "plan": "text", "indicator": "text", "unit": "text", "period": "text", "state": "text",
        "numerator": "bigint", "denominator": "bigint", "target": "double precision",
    }  # fmt: skip
    columns = ", ".join(types)
    same = "(state, numerator, denominator, target)"
    excluded = "(excluded.state, excluded.numerator, excluded.denominator, excluded.target)"
    mine = "(results.state, results.numerator, results.denominator, results.target)"
    return await insert(
        session,
        "results",
        types | {"changes": "integer"},
        [(*row, 1) for row in sorted(rows, key=lambda row: row[:4])],
        "ON CONFLICT (plan, indicator, unit, period) DO UPDATE SET"
        f" {same} = {excluded}, changes = results.changes + 1"
        f" WHERE {mine} IS DISTINCT FROM {excluded} RETURNING {columns}, changes",
    )


async def forget_results(session: AsyncSession, plan: str, indicators: Sequence[str]) -> None:
    """Forget what was announced of indicators that give or cost nothing any more."""
    await session.execute(
        sa.text("DELETE FROM results WHERE plan = :plan AND NOT indicator = ANY(:indicators)"),
        {"plan": plan, "indicators": list(indicators)},
    )
