"""The pulse of the figures: a number that grows with every batch that changed them."""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

_BEAT = sa.text(
    "INSERT INTO pulse (id, n) VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET n = pulse.n + 1"
)
_READ = sa.text("SELECT n, (SELECT received_at FROM freshness) AS fresh FROM pulse WHERE id = 1")


async def beat(session: AsyncSession) -> None:
    """Count a change."""
    await session.execute(_BEAT)


async def read(session: AsyncSession) -> sa.Row:
    """(n, fresh): the number, and until when events were applied (null before the first)."""
    return (await session.execute(_READ)).one()
