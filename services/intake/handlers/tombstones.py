"""Erasures that were ordered at notify hold here too.

Notify tells of each as it happens. What was missed meanwhile, or lies in the past of a store that
was restored from an older backup, is asked for at the start and every quarter of an hour.
"""

import asyncio
import contextlib
from typing import Any

import orjson
import structlog
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from services.intake import store
from services.intake.handlers.erasure import Eraser
from shared.db import Database

logger = structlog.get_logger()

TOLD = "motcua.erasures.intake"
ASK = "motcua.erasures.notify"
WHO = "notify"
ANSWER_SECONDS = 5.0
FIRST_SECONDS, EVERY_SECONDS = 5.0, 900.0


class Tombstones:
    """Hears of erasures, and asks for those that it may have missed."""

    def __init__(self, database: Database, eraser: Eraser) -> None:
        self.database, self.eraser = database, eraser

    async def listen(self, nats: Any) -> None:
        """Take what notify tells, for ever, and ask in between."""
        subscription = await nats.subscribe(TOLD, "intake", self.take)
        pause = FIRST_SECONDS
        try:
            while True:
                if await self.ask(nats):
                    pause = EVERY_SECONDS
                await asyncio.sleep(pause)
        finally:
            with contextlib.suppress(Exception):
                await subscription.unsubscribe()

    async def take(self, message: Msg) -> None:
        """Erase what notify erased, and say so."""
        try:
            told = orjson.loads(message.data)
            token, why = str(told["token"]), told.get("why")
        except (ValueError, KeyError, TypeError, AttributeError):
            return
        try:
            async with self.database.transaction() as session:
                known = await store.known_tokens(session, [token])
            if known.get(token):  # a repeat
                state: str | None = "erased"
            else:
                state = await self.eraser.erase(token, WHO, str(why) if why else None)
        except Exception as fault:  # it is asked for again
            logger.warning("erasure_waits", error=type(fault).__name__)
            return
        with contextlib.suppress(Exception):  # who asked may be gone
            await message.respond(orjson.dumps({"state": state or "unknown"}))

    async def ask(self, nats: Any) -> bool:
        """Erase here what notify has erased and this store still holds; whether notify answered."""
        after = ""
        while True:
            try:
                body = orjson.dumps({"after": after})
                answer = await nats.request(ASK, body, timeout=ANSWER_SECONDS)
                tokens = orjson.loads(answer.data)["tokens"]
            except (NatsError, TimeoutError, OSError, ValueError, KeyError):
                return False
            if not tokens:
                return True
            async with self.database.transaction() as session:
                known = await store.known_tokens(session, tokens)
            held = [token for token, erased in known.items() if not erased]
            for token in held:
                await self.eraser.erase(token, WHO, "erased at notify")
            if held:
                logger.info("tombstones_taken", count=len(held))
            after = tokens[-1]
