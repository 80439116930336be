"""Notes that figures have changed, for those who watch them."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting.store import pulse

Handle = Callable[[AsyncSession, Sequence[Any]], Awaitable[None]]


def felt(handle: Handle) -> Handle:
    """A handler after which the pulse beats, in the same transaction."""

    async def applied(session: AsyncSession, messages: Sequence[Any]) -> None:
        await handle(session, messages)
        await pulse.beat(session)

    return applied
