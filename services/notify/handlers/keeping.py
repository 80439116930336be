"""Each class of personal record is kept for its time, and no longer."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from prometheus_client import Counter
from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.handlers.erasing import erase
from services.notify.store import attachments
from services.notify.store import keeping as store
from services.notify.store.people import Actor
from shared import clock
from shared.db import Database, take_turn

log = structlog.get_logger()

ROUND = 200
ROUNDS = 500
"""At most a hundred thousand rows of a class a day: the first day after a setting was lowered must
not stop the rest."""
PAUSE_SECONDS = 0.05
LOOK_SECONDS = 600.0
REMOVED = Counter("motcua_notify_retention_removed", "Records whose time was over", ["record"])


@dataclass(frozen=True, slots=True)
class Terms:
    """Days for which each class is kept; 0: for ever. ``contacts`` counts from the last that was
    heard of a dossier, the others from when the record was made."""

    contacts: int
    texts: int
    access: int
    consents: int


class Keeping:
    """Once a day, forgets what has been kept long enough. Replicas do no harm to one another.

    ``erased`` is called after contacts went, so that the broker forgets them too.
    """

    def __init__(self, database: Database, terms: Terms, erased: Callable[[], None]) -> None:
        self.database, self.terms, self.erased = database, terms, erased

    async def run(self) -> None:
        """For ever: tidy at the start and whenever a new day has begun."""
        done = None
        while True:
            if done != clock.today():
                await self.tidy(clock.now())
                done = clock.today()
            await asyncio.sleep(LOOK_SECONDS)

    async def tidy(self, now: datetime) -> dict[str, int]:
        """One day's round; how many of each class went."""
        work: dict[str, tuple[int, Callable[[AsyncSession, datetime], Awaitable[int]]]] = {
            "contacts": (self.terms.contacts, self.erase_old),
            "texts": (self.terms.texts, lambda s, t: store.blank_texts(s, t, ROUND)),
            "files": (self.terms.texts, lambda s, t: attachments.drop(s, t, ROUND)),
            "access": (self.terms.access, self.drop_records),
            "consents": (self.terms.consents, lambda s, t: store.drop_consents(s, t, ROUND)),
        }
        counts = {name: await self.rounds(*each, now) for name, each in work.items()}
        for name, count in counts.items():
            REMOVED.labels(name).inc(count)
        if any(counts.values()):
            log.info("retention", **counts)
        if counts["contacts"]:
            self.erased()
        return counts

    async def rounds(
        self, days: int, work: Callable[[AsyncSession, datetime], Awaitable[int]], now: datetime
    ) -> int:
        """Do a piece of work until nothing is left of it."""
        total = 0
        for _ in range(ROUNDS if days else 0):
            async with self.database.transaction() as session:
                await take_turn(session, "store")
                count = await work(session, now - timedelta(days=days))
            total += count
            if count < ROUND:
                break
            await asyncio.sleep(PAUSE_SECONDS)
        return total

    async def drop_records(self, session: AsyncSession, before: datetime) -> int:
        """Forget who looked at contacts, and who called them, long ago."""
        looks = await store.drop_access(session, before, ROUND)
        return looks + await store.drop_calls(session, before, ROUND)

    async def erase_old(self, session: AsyncSession, before: datetime) -> int:
        """Erase the contacts of dossiers of which nothing was heard any more."""
        tokens = await store.old_contacts(session, before, ROUND)
        who = Actor("retention", "retention", f"kept for {self.terms.contacts} days")
        for token in tokens:
            await erase(session, token, who, clock.now())
        return len(tokens)
