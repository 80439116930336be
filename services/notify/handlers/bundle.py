"""Work of many that is done in one go: what arrives while one round runs shares the next."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Bundle(Generic[Item, Result]):
    """``work`` takes up to ``most`` items and gives a result for each; it fails for all of them."""

    def __init__(
        self, work: Callable[[list[Item]], Awaitable[list[Result]]], most: int = 200
    ) -> None:
        self.work, self.most = work, most
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._running: asyncio.Task[None] | None = None

    async def add(self, item: Item) -> Result:
        """Have an item done; raises what its round raised."""
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._running is None:
            # A task of its own: who asked may be cancelled, the others of the round must not.
            self._running = asyncio.create_task(self._run())
        return await future

    async def _run(self) -> None:
        try:
            while self._waiting:
                round, self._waiting = self._waiting[: self.most], self._waiting[self.most :]
                try:
                    results = await self.work([item for item, _ in round])
                except Exception as fault:
                    for _, future in round:
                        if not future.done():
                            future.set_exception(fault)
                else:
                    for (_, future), result in zip(round, results, strict=True):
                        if not future.done():
                            future.set_result(result)
        finally:
            self._running = None
