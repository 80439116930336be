"""Facts that reports need whole, kept in memory: each is read once, then only what is new.

What is kept is always told from the store in the same transaction as the question: a replica that
lags behind another, or a store that was rebuilt, is noticed at once. Who looks from a moment before
what is kept is answered from the store alone.
"""

import asyncio
from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting.rules import HandedIn
from services.reporting.store import news
from services.reporting.store.news import Mark
from shared.plans import PlanVersion, Versions

Plans = Sequence[Versions[PlanVersion]]


class Keeping:
    """What one store's reports keep."""

    def __init__(self) -> None:
        self._filings = _Filings()

    async def handed_in(self, session: AsyncSession, plans: Plans) -> HandedIn:
        """What was handed in under some plans, as the transaction sees it; good until the next
        thing is waited for."""
        return await self._filings.read(session, plans)


class _Filings:
    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._plans: tuple[Versions[PlanVersion], ...] = ()
        self._seen = Mark(), Mark()
        self._kept = HandedIn(())

    async def read(self, session: AsyncSession, plans: Plans) -> HandedIn:
        async with self._turn:
            marks = await news.marks(session)
            seen = marks["filings"], marks["voids"]
            same = self._plans == tuple(plans)
            if same and seen == self._seen:
                return self._kept
            if same and later(self._seen, seen):
                return await self._whole(session, plans)
            if same and goes_on(self._seen, seen):
                fresh = await news.filings(session, self._seen[0].seq)
                voided = await news.voided_filings(session, self._seen[1].seq)
                for each in fresh:
                    self._kept.add(*each)
                for each in voided:
                    self._kept.void(*each)
            else:
                self._kept = await self._whole(session, plans)
                self._plans = tuple(plans)
            self._seen = seen
            return self._kept

    async def _whole(self, session: AsyncSession, plans: Plans) -> HandedIn:
        found = HandedIn(plans)
        for each in await news.filings(session, 0):
            found.add(*each)
        return found


def goes_on(before: Sequence[Mark], now: Sequence[Mark]) -> bool:
    """Whether all that was read is still there, and what is new follows it."""
    return all(
        old.life in (None, new.life) and old.seq <= new.seq
        for old, new in zip(before, now, strict=True)
    )


def later(before: Sequence[Mark], now: Sequence[Mark]) -> bool:
    """Whether more was read than a transaction sees that began earlier."""
    return any(
        old.life == new.life and old.seq > new.seq for old, new in zip(before, now, strict=True)
    )
