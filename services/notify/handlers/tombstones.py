"""Erasures travel between notify and intake, both ways: one call erases in both.

Intake's come as contacts without anything in them, in CONTACTS. Ours are told to intake at once, by a
plain message that may be lost; so intake also asks for all of them when it starts, and now and
then, which is how they reach a store that was restored from an older backup.
"""

import asyncio
import contextlib
from typing import Any, Literal

import orjson
import structlog
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from services.notify.store import people
from shared.db import Database

log = structlog.get_logger()

TELL = "motcua.erasures.intake"
ASKED = "motcua.erasures.notify"
ANSWER_SECONDS = 3.0
PAGE = 2000
Told = Literal["erased", "unknown", "later"]


async def tell_intake(nats: Any, token: str, why: str | None) -> Told:
    """Have intake erase a contact too: ``erased``, ``unknown`` where it never had it, ``later``
    where it cannot be reached now."""
    body = orjson.dumps({"token": token, "why": why})
    try:
        answer = await nats.request(TELL, body, timeout=ANSWER_SECONDS)
        state = orjson.loads(answer.data).get("state")
    except (NatsError, TimeoutError, OSError, ValueError, AttributeError) as fault:
        log.warning("erasure_untold", error=type(fault).__name__)
        return "later"
    if state == "purging":
        return "erased"
    return state if state in ("erased", "unknown") else "later"


class Tombstones:
    """Answers who asks which tokens were erased."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def listen(self, nats: Any) -> None:
        """Answer for ever; the client listens again by itself after a broken connection."""
        subscription = await nats.subscribe(ASKED, "notify", self.answer)
        try:
            await asyncio.Event().wait()
        finally:
            with contextlib.suppress(Exception):
                await subscription.unsubscribe()

    async def answer(self, request: Msg) -> None:
        """The erased tokens that follow one, in their order."""
        try:
            after = str(orjson.loads(request.data or b"{}").get("after") or "")
        except (ValueError, AttributeError):
            after = ""
        async with self.database.transaction() as session:
            tokens = await people.tombstones(session, after, PAGE)
        await request.respond(orjson.dumps({"tokens": tokens}))
