"""Answers that many ask for at the same moment are made once."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar

from shared import clock

T = TypeVar("T")

FRESH_SECONDS = 30.0
"""Time goes on while figures do not change: a duty falls due, a day ends."""
MOST = 64


class Memo:
    """Keeps the newest answers, each by a mark that says of what state of things it is.

    Who asks while an answer is being made waits for it. A mistake is not kept.
    """

    def __init__(self) -> None:
        self._kept: dict[Hashable, tuple[float, asyncio.Task[Any]]] = {}

    async def get(self, mark: Hashable, make: Callable[[], Awaitable[T]]) -> T:
        """The answer of a mark; made where it is not there, or no longer fresh."""
        kept = self._kept.get(mark)
        if kept is None or clock.monotonic() - kept[0] > FRESH_SECONDS or _failed(kept[1]):
            self._kept.pop(mark, None)
            while len(self._kept) >= MOST:
                self._kept.pop(next(iter(self._kept)))
            kept = clock.monotonic(), asyncio.ensure_future(_made(make))
            self._kept[mark] = kept
        # Who goes away must not take the answer from those who still wait.
        answer: T = await asyncio.shield(kept[1])
        return answer


async def _made(make: Callable[[], Awaitable[T]]) -> T:
    return await make()


def _failed(task: "asyncio.Task[Any]") -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)
