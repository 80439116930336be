"""What people decide about being told, and the erasure of what is known of them."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from nats.errors import Error as NatsError
from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.handlers.desk import Desk, language_of, name_of
from services.notify.handlers.dossiers import fact_of
from services.notify.handlers.erasing import erase
from services.notify.rules import notices as rules
from services.notify.rules.consents import LINK, proves
from services.notify.store import links, people, story
from services.notify.store import notices as store
from services.notify.store.people import Actor, Consent
from shared import clock
from shared.db import Database, take_turn

log = structlog.get_logger()

PURGE_SECONDS = 5.0


class Gone(Exception):
    """Whose decision it would be was erased."""


class Unproven(Exception):
    """The address was said to be somebody else's, and nothing shows that it is not."""


async def record_consent(session: AsyncSession, desk: Desk, consent: Consent, actor: Actor) -> int:
    """Keep a decision, and have the notices that are still to be sent follow it.

    Raises:
        Gone: somebody who was erased would be told again.
        Unproven: it asks for messages to an address that is somebody else's, without a proof.
    """
    now = clock.now()
    await take_turn(session, "store")
    await desk.refresh(session)
    contact = await people.find_contact(session, token=consent.token, code=consent.code)
    code = consent.code or (contact.code if contact else None)
    if consent.channels and await is_erased(session, consent, contact):
        raise Gone
    number = await people.add_consent(session, consent, actor, now)
    if code is None or consent.purpose not in people.PURPOSES:
        return number
    if consent.channels and consent.how != LINK:
        lifted = links.Lifted(code, consent.channels, consent.at)
        if proves(consent.how, consent.note, consent.text_version):
            await links.lift(session, lifted, actor.key_name, now)
        elif await links.bars(session, lifted):
            raise Unproven
    await rechoose(session, desk, {code}, now)
    return number


async def is_erased(session: AsyncSession, consent: Consent, contact: Any) -> bool:
    """Whether nothing may be known any more of whom a decision is about."""
    tokens = {each for each in (consent.token, contact.token if contact else None) if each}
    return bool(contact is not None and contact.erased) or bool(
        await people.erased(session, tokens)
    )


async def rechoose(
    session: AsyncSession, desk: Desk, codes: Collection[str], now: datetime
) -> None:
    """Send what waits through the channels that are now wanted, or not at all."""
    contacts = await story.load_contacts(session, codes)
    taken = await store.channels_taken(session, codes)
    withheld: dict[str, list[UUID]] = {}
    for row in await store.pending(session, codes):
        contact = contacts.get(row.subject)
        ways = rules.channels_of(contact) if contact else None
        fact = fact_of(row)
        if ways is not None and row.channel in {channel for channel, _ in ways}:
            continue
        free = [
            way for way in ways or () if (row.subject, row.kind, row.version, way[0]) not in taken
        ]
        if not free:
            barred = contact is not None and row.channel in contact.barred
            withheld.setdefault("wrong_number" if barred else "declined", []).append(row.id)
            continue
        taken.add((row.subject, row.kind, row.version, free[0][0]))
        draft = rules.through(*free[0], rules.barred(fact, now, desk.policy), desk.policy)
        written = desk.write(
            fact, draft, now, recipient=row.recipient, name=name_of(contact),
            language=language_of(contact),
        )  # fmt: skip
        await store.release(session, replace(written, id=row.id), now)
    for reason, ids in withheld.items():
        await store.withhold(session, ids, reason, now)


class Erasure:
    """Erases what is known of somebody, here and at the broker.

    ``purge`` removes the messages of one token from CONTACTS. Where the broker cannot be reached
    it is tried again until it is done: the tombstone keeps what it still holds from coming back.
    """

    def __init__(self, database: Database, purge: Callable[[str], Awaitable[None]]) -> None:
        self.database, self.purge = database, purge
        self.wake = asyncio.Event()

    async def erase(self, token: str, actor: Actor) -> tuple[bool, int]:
        """Erase a contact and the personal parts of its notices; repeating changes nothing.

        Returns whether anything was known of it, and how many notices were blanked.
        """
        async with self.database.transaction() as session:
            await take_turn(session, "store")
            known, notices = await erase(session, token, actor, clock.now())
        self.wake.set()
        log.info("contact_erased", known=known, notices=notices)
        return known, notices

    async def run(self) -> None:
        """For ever: have the broker forget what was erased."""
        while True:
            self.wake.clear()
            async with self.database.transaction() as session:
                tokens = await people.unpurged(session)
            for token in tokens:
                try:
                    await self.purge(token)
                except (NatsError, OSError, TimeoutError) as fault:
                    log.warning("purge_waits", error=type(fault).__name__)
                    continue
                async with self.database.transaction() as session:
                    await people.mark_purged(session, token, clock.now())
            try:
                await asyncio.wait_for(self.wake.wait(), PURGE_SECONDS)
            except TimeoutError:
                continue
