"""Dossiers of which no due date was stated when they were submitted."""

from collections.abc import Collection, Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

_UNDATED = (
    " FROM facts WHERE type = 'motcua.dossier.submitted.v1' AND data->>'due_at' IS NULL"
    " AND data->>'procedure' = ANY(CAST(:procedures AS text[]))"
)
_COUNT = sa.text(f'SELECT count(DISTINCT code COLLATE "C"){_UNDATED}')
_AFTER = sa.text(  # by code points, as Python orders texts; the index is as well
    f'SELECT DISTINCT code COLLATE "C" AS code{_UNDATED} AND code COLLATE "C" > :code'
    " ORDER BY 1 LIMIT :limit"
)


async def count_undated(session: AsyncSession, procedures: Collection[str]) -> int:
    """How many there are of some procedures."""
    return await session.scalar(_COUNT, {"procedures": sorted(procedures)}) or 0


async def undated_after(
    session: AsyncSession, procedures: Collection[str], code: str, limit: int
) -> Sequence[str]:
    """The next codes of some procedures, in the order of code points."""
    given = {"procedures": sorted(procedures), "code": code, "limit": limit}
    return (await session.scalars(_AFTER, given)).all()
