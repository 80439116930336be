"""Stores that start each case with nothing in them."""

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession


async def empty(session: AsyncSession, tables: Iterable[str]) -> None:
    """Delete what these tables hold, in one statement, so that none is missed by another that
    refers to it. For few rows: to truncate a table makes its files anew, and takes as long as
    deleting thousands."""
    deletions = ", ".join(f"d{n} AS (DELETE FROM {name})" for n, name in enumerate(tables))
    await session.execute(sa.text(f"WITH {deletions} SELECT"))
