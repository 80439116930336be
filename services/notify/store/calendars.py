"""The years of whose missing calendar was told."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

TELL = sa.text(
    "INSERT INTO calendar_warnings (year, told_at) VALUES (:year, :at)"
    " ON CONFLICT (year) DO NOTHING RETURNING year"
)


async def mark_told(session: AsyncSession, year: int, at: datetime) -> bool:
    """Note that a year is told of; whether it had not been before."""
    return await session.scalar(TELL, {"year": year, "at": at}) is not None
