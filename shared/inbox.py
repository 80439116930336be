"""What was seen: the half of exactly-once that stands before the effects."""

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

INSERT = sa.text(
    "INSERT INTO inbox (uid, seen_at) SELECT u, now() FROM unnest(CAST(:uids AS bytea[])) AS u"
    " ON CONFLICT DO NOTHING RETURNING uid"
)


async def note(session: AsyncSession, uids: Iterable[bytes]) -> set[bytes]:
    """Record message ids (16 bytes each) and return those that were not there before."""
    ordered = sorted(set(uids))
    if not ordered:
        return set()
    return set((await session.scalars(INSERT, {"uids": ordered})).all())
