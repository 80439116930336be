"""Queries about what was announced."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa
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


async def inherit_milestones(
    session: AsyncSession, plan: str, version: int, earlier: int, indicators: Sequence[str]
) -> None:
    """Let a version take over what an earlier one announced of indicators that it left alone."""
    await session.execute(
        sa.text(
            "INSERT INTO milestones (plan, version, indicator, unit, period, percent)"
            " SELECT plan, :version, indicator, unit, period, percent FROM milestones"
            " WHERE plan = :plan AND version = :earlier AND indicator = ANY(:indicators)"
            " ON CONFLICT DO NOTHING"
        ),
        {"plan": plan, "version": version, "earlier": earlier, "indicators": list(indicators)},
    )


async def check_day(session: AsyncSession, day: date) -> bool:
    """Whether a day was not checked yet; it is then noted as checked."""
    row = await session.scalar(
        sa.text("INSERT INTO checked_days VALUES (:day) ON CONFLICT DO NOTHING RETURNING day"),
        {"day": day},
    )
    return row is not None
