"""Queries about what was announced."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from services.quota.store.batches import insert


async def pass_milestones(
    session: AsyncSession, rows: Sequence[tuple[str, int, str, str, str, int]]
) -> list[Any]:
    """Note milestones; returns those that are new."""
    types = {
        "plan": "text", "version": "integer", "indicator": "text", "unit": "text",
        "period": "text", "percent": "integer",
    }  # fmt: skip
    after = "ON CONFLICT DO NOTHING RETURNING plan, version, indicator, unit, period, percent"
    return await insert(session, "milestones", types, sorted(rows), after)
