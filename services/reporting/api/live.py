"""`/v1/live`: tells those who look at figures that they have changed, as server-sent events.

It says that something changed, never what: who listens asks anew for what he may see. However many
events come in, a listener is told at most once in `PAUSE`, and less often while answers are slow.
One watcher asks the store for all listeners of a process; replicas see each other's changes there.
"""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Depends, Request
from sse_starlette import EventSourceResponse, ServerSentEvent

from services.reporting.api.access import SCOPE, caller, reader
from services.reporting.store import pulse
from shared import clock
from shared.db import Database
from shared.keys import Key
from shared.problems import Problem, documented

log = structlog.get_logger()

PAUSE = 1.0
"""Seconds between two announcements."""
LONGEST_PAUSE = 10.0
SHARE = 4.0
"""Announcements are so many times further apart than it takes to answer one."""
MOST = 500
"""Listeners of a process; beyond them 503."""
MOST_EACH = 20
"""Listeners with one key or user; beyond them 429."""
RECHECK_SECONDS = 15.0
"""After so long it is looked whether a listener may still listen."""
SEND_SECONDS = 10.0
"""A listener that takes nothing for so long is dropped."""


class Live:
    """Watches the figures for all listeners.

    `version` is the pulse as it was announced last; null before anybody listened.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self.version: int | None = None
        self.fresh: datetime | None = None
        self.listeners: Counter[str] = Counter()
        self.woken = asyncio.Event()
        self.told = asyncio.Condition()
        self.cost = 0.0
        self.looked = float("-inf")

    def wake(self) -> None:
        """Something was written in this process: look now rather than later."""
        self.woken.set()

    def took(self, seconds: float) -> None:
        """Note what it took to answer a page, so that it is not asked for too often."""
        self.cost += 0.3 * (seconds - self.cost)

    @property
    def pause(self) -> float:
        """Seconds until the next announcement."""
        return min(LONGEST_PAUSE, max(PAUSE, SHARE * self.cost))

    async def now(self) -> int:
        """The pulse by which a page is drawn: while somebody listens the one announced last, so that
        all who were told of it ask for the same; else as it is this moment."""
        looked_lately = clock.monotonic() - self.looked < self.pause + PAUSE
        if self.listeners and self.version is not None and looked_lately:
            return self.version
        async with self.database.transaction() as session:
            return int((await pulse.read(session)).n)

    async def run(self) -> None:
        """Watch for ever."""
        while True:
            if not self.listeners:
                self.woken.clear()
                await self.woken.wait()
                continue
            with suppress(Exception):  # a store that is away comes back
                await self._look()
            await asyncio.sleep(self.pause)

    async def _look(self) -> None:
        async with self.database.transaction() as session:
            row = await pulse.read(session)
        self.looked = clock.monotonic()
        if row.n != self.version:
            self.version, self.fresh = int(row.n), row.fresh
            async with self.told:
                self.told.notify_all()

    async def wait(self, known: int | None, seconds: float) -> bool:
        """Wait for another version than the known one; False where none came in time."""
        async with self.told:
            with suppress(TimeoutError):
                await asyncio.wait_for(
                    self.told.wait_for(lambda: self.version not in (None, known)), seconds
                )
        return self.version not in (None, known)

    def enter(self, key: Key) -> None:
        """Take a listener in; raises `Problem` 429, 503 where there are too many."""
        if self.listeners.total() >= MOST:
            raise Problem(503, "Too many are listening.", headers={"Retry-After": "30"})
        if self.listeners[key.id] >= MOST_EACH:
            detail = "Too many listen with this key."
            raise Problem(429, detail, headers={"Retry-After": "30"})
        self.listeners[key.id] += 1
        self.wake()

    def leave(self, key: Key) -> None:
        """Let a listener go."""
        self.listeners[key.id] -= 1
        if self.listeners[key.id] <= 0:
            del self.listeners[key.id]

    def message(self) -> ServerSentEvent:
        """What listeners are told."""
        fresh = self.fresh.astimezone(clock.VN).isoformat() if self.fresh else None
        content: dict[str, Any] = {"version": self.version, "data_as_of": fresh}
        return ServerSentEvent(json.dumps(content), event="changed", id=str(self.version))


def build_live(live: Live) -> APIRouter:
    """The route of listeners."""
    router = APIRouter(prefix="/v1", tags=["live"], responses=documented(401, 403, 429, 503))

    @router.get("/live")
    async def listen(request: Request, key: Annotated[Key, Depends(reader)]) -> EventSourceResponse:
        """Server-sent events: `changed` at once and whenever figures have changed, with `version`
        (a number that only grows) and `data_as_of`. Ask then anew for the reports you show."""
        live.enter(key)
        return EventSourceResponse(
            _tell(live, request, key), ping=RECHECK_SECONDS, send_timeout=SEND_SECONDS
        )

    return router


async def _tell(live: Live, request: Request, key: Key) -> AsyncIterator[ServerSentEvent]:
    known: int | None = None
    checked = clock.monotonic()
    try:
        while True:
            if await live.wait(known, RECHECK_SECONDS):
                known = live.version
                yield live.message()
            if clock.monotonic() - checked >= RECHECK_SECONDS:
                if not await _may(request, key):
                    return
                checked = clock.monotonic()
    finally:
        live.leave(key)


async def _may(request: Request, key: Key) -> bool:
    """Whether a listener's key or session still holds; a store that is away says nothing of it."""
    try:
        now = await caller(request, request.headers.get("authorization"))
    except Problem as problem:
        return problem.status not in (401, 403)
    except Exception as fault:
        log.warning("listener_unchecked", error=type(fault).__name__)
        return True
    return now.id == key.id and now.may(SCOPE)
