"""What PostgreSQL's planner is told where it cannot know how much lies in a range."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

_CHOICES = ("enable_sort", "enable_bitmapscan", "jit")


def _all(value: str) -> str:
    return ", ".join(f"set_config('{name}', {value}, true)" for name in _CHOICES)


_ANEW = "set_config('plan_cache_mode', 'force_custom_plan', true)"
_PLAN_ANEW = sa.text(f"SELECT {_ANEW}")
_WITHOUT = sa.text(f"SELECT {_ANEW}, " + _all("'off'"))
_AS_EVER = sa.text("SELECT " + _all("NULL"))


async def plan_anew(session: AsyncSession) -> None:
    """Have each statement of the transaction planned for its values.

    A plan for any values takes every array for ten long. With the units of a province that is a
    join which compares each of some thousand rows with each of them: fifteen times as slow.
    """
    await session.execute(_PLAN_ANEW)


@asynccontextmanager
async def in_order(session: AsyncSession) -> AsyncIterator[None]:
    """Have what is read inside taken in the order of its index, and groups hashed; from here on each
    statement is planned for its values.

    A range whose ends come from a joined table is guessed to hold next to nothing, and to gather and
    sort next to nothing looks cheap: for a page of a hundred rows it would fetch them all. Where it
    has to sort all the same, that looks dear enough to be compiled (jit), which takes far longer.
    """
    await session.execute(_WITHOUT)
    yield
    await session.execute(_AS_EVER)
