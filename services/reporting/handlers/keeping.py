"""Facts that reports need whole, kept in memory: each is read once, then only what is new.

What is kept is always told from the store in the same transaction as the question: a replica that
lags behind another, or a store that was rebuilt, is noticed at once. Who looks from a moment before
what is kept is answered from the store alone.
"""

import asyncio
from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting.rules import Firsts, HandedIn, InstallQuota
from services.reporting.store import news
from services.reporting.store.news import Mark
from shared.plans import PlanVersion, Versions

Plans = Sequence[Versions[PlanVersion]]
QUOTAS = 4
"""Plans whose installs are kept."""
MOST_NEW = 5_000
"""New installs that are looked up one by one, or half as many as are kept where these are more; of
more than that all are read anew."""


class Keeping:
    """What one store's reports keep."""

    def __init__(self) -> None:
        self._filings = _Filings()
        self._installs: dict[tuple[Versions[PlanVersion], str], _Installs] = {}

    async def handed_in(self, session: AsyncSession, plans: Plans) -> HandedIn:
        """What was handed in under some plans, as the transaction sees it; good until the next
        thing is waited for."""
        return await self._filings.read(session, plans)

    async def installs(self, session: AsyncSession, quota: InstallQuota) -> Firsts:
        """Which installs count by a plan, as the transaction sees them; good until the next thing
        is waited for."""
        mark = quota.versions, quota.indicator
        kept = self._installs.pop(mark, None) or _Installs(quota)
        while len(self._installs) >= QUOTAS:
            self._installs.pop(next(iter(self._installs)))
        self._installs[mark] = kept
        return await kept.read(session)


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


class _Installs:
    def __init__(self, quota: InstallQuota) -> None:
        self._turn = asyncio.Lock()
        self.quota = quota
        self._seen = Mark(), Mark()
        self._kept = Firsts(quota)

    async def read(self, session: AsyncSession) -> Firsts:
        async with self._turn:
            marks = await news.marks(session)
            seen = marks["installs"], marks["voids"]
            if seen == self._seen:
                return self._kept
            if later(self._seen, seen):
                return await self._whole(session)
            if not (goes_on(self._seen, seen) and await self._follow(session)):
                self._kept = await self._whole(session)
            self._seen = seen
            return self._kept

    async def _whole(self, session: AsyncSession) -> Firsts:
        found = Firsts(self.quota)
        async for some in news.installs(session, *self.quota.days):
            found.append(some)
        return found

    async def _follow(self, session: AsyncSession) -> bool:
        """Take what is new, with all that counts once with it; says whether it could."""
        installs, voids = self._seen
        if installs.life is None:
            return False
        most = max(MOST_NEW, len(self._kept) // 2)
        fresh = await news.new_installs(session, installs.seq, voids.seq, most)
        if len(fresh) == most:
            return False
        fresh = [each for each in fresh if self.quota.counts(each.install)]
        if not self.quota.names <= {"device", "citizen"}:
            return not fresh
        keys = {self.quota.key(each.install) for each in fresh}
        devices = {each.install.device for each in fresh} - {None}
        citizens = {each.install.citizen for each in fresh} - {None}
        same = await news.same_installs(session, devices, citizens)  # type: ignore[arg-type]
        alone = [each for each in fresh if self.quota.key(each.install) is None]
        keys.discard(None)
        self._kept.replace([*alone, *(one for one in same if self.quota.key(one.install) in keys)])
        return True


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
