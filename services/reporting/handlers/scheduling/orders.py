"""Reports that are ordered ahead: who ordered what, and who may see it."""

import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from services.reporting.handlers.answering import Reports
from services.reporting.handlers.asking import visible_units
from services.reporting.handlers.scheduling.times import next_time, when_of
from services.reporting.handlers.scheduling.wishes import Wish, checked, fault
from services.reporting.rules import schedules as rules
from services.reporting.rules.schedules import Occasion
from services.reporting.store import schedules as store
from services.reporting.store.schedules import Schedule
from shared import clock
from shared.keys import Key
from shared.problems import Problem

MOST_OF_ONE = 100
"""Orders of one person."""
MOST_LISTED = 1000


class Scheduling:
    """The orders of one store.

    Args:
        reports: what answers.
        wake: called once an order is to be built at once.
        lead: minutes before its time in which a report is built, where an order does not say.
    """

    def __init__(self, reports: Reports, wake: Callable[[], None], lead: int = 60) -> None:
        self.reports, self.wake, self.lead = reports, wake, lead

    async def create(self, wish: Wish, key: Key) -> str:
        """Keep an order; returns its id. Raises `Problem` 403, 422 naming every fault."""
        now = clock.now()
        body, units = await checked(wish, key, now, self.reports, self.lead)
        id = secrets.token_hex(8)
        async with self.reports.database.transaction() as session:
            if await store.count(session, key.id) >= MOST_OF_ONE:
                raise Problem(422, errors=[fault("", "too_many", "There is no room for more.")])
            owner = (key.id, key.name)
            await store.add(session, id, owner, body, units, now, self._next(body, now))
        return id

    async def change(self, id: str, wish: Wish, key: Key) -> None:
        """Put another order in its place; raises `Problem` 403, 404, 422."""
        now = clock.now()
        await self._mine(id, key)
        body, units = await checked(wish, key, now, self.reports, self.lead)
        async with self.reports.database.transaction() as session:
            await store.change(session, id, body, units, now, self._next(body, now))

    async def drop(self, id: str, key: Key) -> None:
        """Forget an order and its files; raises `Problem` 403, 404."""
        await self._mine(id, key)
        async with self.reports.database.transaction() as session:
            await store.drop(session, id)

    async def pause(self, id: str, key: Key) -> None:
        """Build nothing until it is resumed; raises `Problem` 403, 404."""
        await self._mine(id, key)
        async with self.reports.database.transaction() as session:
            await store.pause(session, id, clock.now())

    async def resume(self, id: str, key: Key) -> None:
        """Go on with the next time: what lay between is not made up for. Raises `Problem`."""
        found = await self._mine(id, key)
        async with self.reports.database.transaction() as session:
            await store.resume(session, id, self._next(found.body, clock.now()))

    async def run_now(self, id: str, key: Key) -> None:
        """Have it built and sent now, beside its times; raises `Problem` 403, 404."""
        await self._mine(id, key)
        async with self.reports.database.transaction() as session:
            await store.order(session, id, clock.now())
        self.wake()

    async def listed(self, key: Key, runs: int = 1) -> list[tuple[Schedule, list[sa.Row]]]:
        """The orders that somebody may see, each with what came of it, the newest first."""
        async with self.reports.database.transaction() as session:
            found = await store.listed(session, MOST_LISTED)
            seen = [each for each in found if self._sees(each, key)]
            history = await store.histories(session, [each.id for each in seen], runs)
        return [(each, history.get(each.id, [])) for each in seen]

    async def find(self, id: str, key: Key) -> Schedule:
        """An order; raises `Problem` 404, also for one of others' units."""
        async with self.reports.database.transaction() as session:
            found = await store.find(session, id)
        if found is None or not self._sees(found, key):
            raise Problem(404, "There is no such schedule.")
        return found

    async def runs(self, id: str, key: Key, limit: int) -> list[sa.Row]:
        """What came of an order, the newest first; raises `Problem` 404."""
        await self.find(id, key)
        async with self.reports.database.transaction() as session:
            return await store.runs(session, id, limit)

    async def file(self, run: int, key: Key) -> sa.Row:
        """A run whose file somebody may read; raises `Problem` 404."""
        async with self.reports.database.transaction() as session:
            row = await store.run(session, run)
        units = None if row is None or row.units is None else frozenset(row.units)
        if row is None or row.file is None or not (row.owner == key.id or self._covers(key, units)):
            raise Problem(404, "There is no such file.")
        return row

    async def read(self, run: int) -> AsyncIterator[bytes]:
        """A file, piece by piece."""
        async with self.reports.database.transaction() as session:
            async for part in store.read(session, run):
                yield part

    def next_times(self, body: Mapping[str, Any], after: datetime, most: int) -> list[Occasion]:
        """The next times of an order."""
        return rules.occasions(when_of(body), after, most, self.reports.working)

    def _next(self, body: Mapping[str, Any], after: datetime) -> datetime | None:
        return next_time(body, after, self.reports.working)

    def _sees(self, schedule: Schedule, key: Key) -> bool:
        return schedule.owner == key.id or self._covers(key, schedule.units)

    def _covers(self, key: Key, units: frozenset[str] | None) -> bool:
        """Whether somebody may see the figures of some units, or of all."""
        reach = visible_units(None, key, self.reports.registry, date.min, clock.today())
        if reach.open:
            return True
        return units is not None and units <= {span.unit for span in reach.spans}

    async def _mine(self, id: str, key: Key) -> Schedule:
        found = await self.find(id, key)
        if found.owner != key.id and not key.may("admin"):
            raise Problem(403, "Only who made a schedule, and admins, may change it.")
        return found
