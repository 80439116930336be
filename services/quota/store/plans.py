"""Queries about plans."""

from collections.abc import Iterable
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession


async def plan_marks(session: AsyncSession) -> list[Any]:
    """Every version of every plan, oldest first, without its document."""
    rows = await session.execute(
        sa.text("SELECT plan, version, digest, effective_from FROM plans ORDER BY plan, version")
    )
    return list(rows.all())


async def plan_documents(session: AsyncSession, marks: Iterable[tuple[str, int]]) -> list[Any]:
    """The documents of some (plan, version)."""
    ordered = sorted(set(marks))
    if not ordered:
        return []
    plans, versions = zip(*ordered, strict=True)
    rows = await session.execute(
        sa.text(
            "SELECT p.plan, p.version, p.document FROM plans p JOIN unnest(CAST(:plans AS text[]),"
            " CAST(:versions AS integer[])) AS r(plan, version)"
            " ON p.plan = r.plan AND p.version = r.version"
        ),
        {"plans": list(plans), "versions": list(versions)},
    )
    return list(rows.all())


async def newest_plans(session: AsyncSession) -> list[Any]:
    """The newest version of each plan."""
    rows = await session.execute(
        sa.text("SELECT DISTINCT ON (plan) * FROM plans ORDER BY plan, version DESC")
    )
    return list(rows.all())


async def plan_versions(session: AsyncSession, plan: str) -> list[Any]:
    """All versions of a plan, newest first."""
    rows = await session.execute(
        sa.text("SELECT * FROM plans WHERE plan = :plan ORDER BY version DESC"), {"plan": plan}
    )
    return list(rows.all())


async def add_plan(
    session: AsyncSession, plan: str, version: int, digest: str, document: str, since: date
) -> None:
    """Keep a new version of a plan, which judges the days from ``since`` on."""
    await session.execute(
        sa.text(
            "INSERT INTO plans (plan, version, digest, document, applied_at, effective_from)"
            " VALUES (:plan, :version, :digest, :document, now(), :since)"
        ),
        {"plan": plan, "version": version, "digest": digest, "document": document, "since": since},
    )


async def recounts_due(session: AsyncSession) -> list[str]:
    """The plans that have to be counted anew; they are then no longer due."""
    rows = await session.scalars(sa.text("DELETE FROM recounts RETURNING plan"))
    return sorted(rows.all())
