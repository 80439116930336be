"""Plans in every version, as applied."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

_ADD = sa.text(
    "INSERT INTO plans (plan, version, body) VALUES (:plan, :version, CAST(:body AS jsonb))"
    " ON CONFLICT (plan, version) DO NOTHING"
)
_NEWEST = sa.text(
    "SELECT DISTINCT ON (plan) plan, version, body FROM plans ORDER BY plan, version DESC"
)


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """One version of a plan; `body` is its canonical JSON."""

    plan: str
    version: int
    body: dict[str, Any]


async def add(session: AsyncSession, plans: Sequence[StoredPlan]) -> None:
    """Keep versions of plans; one that is there stays as it is."""
    for one in sorted(plans, key=lambda each: (each.plan, each.version)):
        await session.execute(
            _ADD,
            {"plan": one.plan, "version": one.version, "body": orjson.dumps(one.body).decode()},
        )


async def newest(session: AsyncSession) -> list[StoredPlan]:
    """The newest version of each plan."""
    return [
        StoredPlan(
            row.plan,
            row.version,
            orjson.loads(row.body) if isinstance(row.body, str | bytes) else row.body,
        )
        for row in await session.execute(_NEWEST)
    ]
