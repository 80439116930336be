"""Dossiers whose sums and spells have to be derived anew from their facts."""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

_TAKE = sa.text(
    "DELETE FROM refolds WHERE code IN (SELECT code FROM refolds ORDER BY code LIMIT :limit)"
    " RETURNING code"
)


async def take(session: AsyncSession, limit: int) -> list[str]:
    """Some codes, at most `limit`; they are then no longer due."""
    return list((await session.scalars(_TAKE, {"limit": limit})).all())
