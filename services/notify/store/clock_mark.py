"""How far the clock was known to be: the newest instant at which an event was received."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

RAISE = sa.text(
    "INSERT INTO clock_mark (one, latest) VALUES (true, :at) ON CONFLICT (one)"
    " DO UPDATE SET latest = excluded.latest WHERE clock_mark.latest < excluded.latest"
)
RESET = sa.text("UPDATE clock_mark SET latest = :at WHERE latest > :at")
LATEST = sa.text("SELECT latest FROM clock_mark")


async def advance(session: AsyncSession, at: datetime) -> None:
    """An event was received at an instant."""
    await session.execute(RAISE, {"at": at})


async def reset(session: AsyncSession, at: datetime) -> None:
    """Take an instant for the present one, though events were received later by their stamp."""
    await session.execute(RESET, {"at": at})


async def latest(session: AsyncSession) -> datetime | None:
    """The newest instant at which an event was received; null before the first."""
    return await session.scalar(LATEST)
