"""Plans in every version, as applied."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

_ADD = sa.text(
    "INSERT INTO plans (plan, version, since, body)"
    " VALUES (:plan, :version, :since, CAST(:body AS jsonb))"
    " ON CONFLICT (plan, version) DO UPDATE SET since = excluded.since"
)
_MARKS = sa.text("SELECT plan, version, since FROM plans ORDER BY plan, version")
_BODIES = sa.text(
    "SELECT p.plan, p.version, p.body FROM plans p JOIN unnest(CAST(:plans AS text[]),"
    " CAST(:versions AS integer[])) AS r(plan, version)"
    " ON p.plan = r.plan AND p.version = r.version"
)


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """One version of a plan; `body` is its canonical JSON. It judges the days from `since` on."""

    plan: str
    version: int
    body: dict[str, Any]
    since: date = date.min


@dataclass(frozen=True, slots=True)
class Mark:
    """A version of a plan without what it says."""

    plan: str
    version: int
    since: date


async def add(session: AsyncSession, plans: Sequence[StoredPlan]) -> None:
    """Keep versions of plans; of one that is there only the day since when it judges may change."""
    for one in sorted(plans, key=lambda each: (each.plan, each.version)):
        await session.execute(
            _ADD,
            {
                "plan": one.plan,
                "version": one.version,
                "since": one.since,
                "body": orjson.dumps(one.body).decode(),
            },
        )


async def marks(session: AsyncSession) -> list[Mark]:
    """Every version of every plan, by plan and number."""
    return [Mark(*row) for row in await session.execute(_MARKS)]


async def bodies(
    session: AsyncSession, wanted: Collection[tuple[str, int]]
) -> dict[tuple[str, int], dict[str, Any]]:
    """What some (plan, version) say, as canonical JSON."""
    if not wanted:
        return {}
    plans, versions = zip(*sorted(wanted), strict=True)
    rows = await session.execute(_BODIES, {"plans": list(plans), "versions": list(versions)})
    return {
        (row.plan, row.version): (
            orjson.loads(row.body) if isinstance(row.body, str | bytes) else row.body
        )
        for row in rows
    }
