"""Erasing a citizen's contact: from the outbox, the quarantine and the stream, for good."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from services.intake import store
from shared import clock
from shared.db import Database, take_turn
from shared.outbox import Message, enqueue

logger = structlog.get_logger()

PURGE_SECONDS = 10.0
RETRY_SECONDS = 10.0
ERASURE = "/motcua/intake/erasures"


class Eraser:
    """Erases contacts; what the broker could not yet be told is done when it is back.

    Args:
        jetstream: gives the broker's JetStream.
        announce: called after a commit, to wake the relay.
    """

    def __init__(
        self, database: Database, jetstream: Callable[[], Any], announce: Callable[[], None]
    ) -> None:
        self.database, self.jetstream, self.announce = database, jetstream, announce
        self.also: list[Callable[[AsyncSession, str], Awaitable[None]]] = []
        """What else forgets a dossier's applicant, by the dossier's code."""

    async def erase(self, token: str, key_id: str, reason: str | None) -> str | None:
        """Erase a contact and write down who asked: ``erased``, or ``purging`` while the stream
        still holds it; None where there is no such token."""
        async with self.database.transaction() as session:
            await take_turn(session, "relay")  # what it is publishing now would come too late
            erased = await store.mark_erased(session, token, clock.now())
            if erased is None:
                return None
            await store.drop_contact_messages(session, token)
            await store.drop_sealed(session, erased.code)
            for forget in self.also:
                await forget(session, erased.code)
            await store.note_access(session, key_id, "erase contact", token, reason, clock.now())
        try:
            await self.purge(erased)
        except asyncio.CancelledError:
            raise
        except Exception as fault:
            logger.warning("purge_waits", error=type(fault).__name__)
            return "purging"
        return "erased"

    async def purge(self, erased: store.Erased) -> None:
        """Take a contact out of its stream, and have the tombstone published in its place."""
        subject = f"motcua.contacts.{erased.token}"
        async with self.database.transaction() as session:
            await take_turn(session, "relay")
            await asyncio.wait_for(
                self.jetstream().purge_stream("CONTACTS", subject=subject), PURGE_SECONDS
            )
            await store.drop_contact_messages(session, erased.token)
            await enqueue(session, [_tombstone(subject, erased)])
            await store.note_purged(session, erased.token)
        self.announce()

    async def run(self) -> None:
        """Finish what the broker could not be told, for ever."""
        while True:
            async with self.database.transaction() as session:
                due = await store.due_purges(session)
            try:
                for erased in due:
                    await self.purge(erased)
            except Exception as fault:
                logger.warning("purge_waits", error=type(fault).__name__)
            await asyncio.sleep(RETRY_SECONDS)


def _tombstone(subject: str, erased: store.Erased) -> Message:
    """A contact without anything in it, later than any that a source sent."""
    at = erased.erased_at.isoformat()
    contact = {
        "token": erased.token,
        "code": erased.code,
        "name": None,
        "phone": None,
        "email": None,
        "kind": None,
        "notify": [],
        "erased": True,
        "source": ERASURE,
        "id": erased.token,
        "time": at,
        "receivedat": at,
    }
    message_id = f"erased:{erased.token}:{clock.now().isoformat()}"  # the purge took earlier ones
    return Message("CONTACTS", subject, message_id, orjson.dumps(contact))
