"""What PostgreSQL's planner is told where it cannot know how much lies in a range."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

_CHOICES = ("enable_sort", "enable_bitmapscan", "jit")


def _set(value: str) -> sa.TextClause:
    chosen = ", ".join(f"set_config('{name}', {value}, true)" for name in _CHOICES)
    return sa.text(f"SELECT {chosen}")


_WITHOUT, _AS_EVER = _set("'off'"), _set("NULL")


@asynccontextmanager
async def in_order(session: AsyncSession) -> AsyncIterator[None]:
    """Have what is read inside taken in the order of its index, and groups hashed.

    A range whose ends come from a joined table is guessed to hold next to nothing, and to gather and
    sort next to nothing looks cheap: for a page of a hundred rows it would fetch them all. Where it
    has to sort all the same, that looks dear enough to be compiled (jit), which takes far longer.
    """
    await session.execute(_WITHOUT)
    yield
    await session.execute(_AS_EVER)
