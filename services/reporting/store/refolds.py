"""What has to be derived anew from facts: dossiers, surveys, notices."""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

_TAKE = sa.text(
    "DELETE FROM refolds WHERE (kind, code) IN"
    " (SELECT kind, code FROM refolds ORDER BY kind, code LIMIT :limit) RETURNING kind, code"
)


async def take(session: AsyncSession, limit: int) -> list[tuple[str, str]]:
    """Some of what is due, at most `limit`, as (kind, code); it is then no longer due."""
    return [(row.kind, row.code) for row in await session.execute(_TAKE, {"limit": limit})]
