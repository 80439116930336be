"""Queries about plans."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession


async def newest_plans(session: AsyncSession) -> list[Any]:
    """The newest version of each plan."""
    rows = await session.execute(
        sa.text(
            "SELECT DISTINCT ON (plan) plan, version, digest, document, applied_at FROM plans"
            " ORDER BY plan, version DESC"
        )
    )
    return list(rows.all())


async def plan_versions(session: AsyncSession, plan: str) -> list[Any]:
    """All versions of a plan, newest first."""
    rows = await session.execute(
        sa.text("SELECT * FROM plans WHERE plan = :plan ORDER BY version DESC"), {"plan": plan}
    )
    return list(rows.all())


async def add_plan(
    session: AsyncSession, plan: str, version: int, digest: str, document: str
) -> None:
    """Keep a new version of a plan."""
    await session.execute(
        sa.text("INSERT INTO plans VALUES (:plan, :version, :digest, :document, now())"),
        {"plan": plan, "version": version, "digest": digest, "document": document},
    )
