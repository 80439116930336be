"""Counts a plan anew, in slices: beside what answers until it is done.

The counts of the changed plan grow under a name of their own. Events that come meanwhile are
counted under both names; once every kept fact was counted, the new name answers, the ledger is
brought to it, what it reached is told, and the old counts are deleted. Each slice is a transaction
of its own, so that events are taken in between, and a service that is killed goes on where it was.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from services.quota import rules, store
from services.quota.handlers.counting import CHUNK, tally, types_of
from services.quota.handlers.milestones import announce_milestones
from services.quota.handlers.stipends import settle, stand_places
from services.quota.handlers.versions import Plans
from services.quota.rules import History
from shared import clock
from shared.db import Database, take_turn

AT_ONCE = 20_000
"""Up to so many facts are counted in the request that applies a plan: a second or two."""
PLACES = 50
"""Places whose stipends are judged in one slice."""
BOOKED = 100
"""Places that are booked in one slice: looking for them costs more than booking."""
CELLS = 2_000
"""Counts looked through for milestones in one slice."""
ROWS = 20_000
"""Old rows deleted in one slice."""
IDLE_SECONDS = 5.0
RUNNING = ("counting", "judging", "booking")
"""States in which the ledger is not yet what the newest version makes it."""


async def begin_recount(
    session: AsyncSession, before: History | None, after: History, total: int
) -> None:
    """Have a plan counted anew in slices, by all its versions; the figures so far answer."""
    now = clock.now()
    number = after.newest.number
    if before is None:
        await store.put_tally(session, after.plan, after.plan, number, "empty", now)
    elif not any(row.name == before.name for row in await store.tallies(session)):
        newest = before.newest.number
        await store.put_tally(session, before.name, after.plan, newest, "current", now)
    await drop_waiting(session, after.plan)
    name = f"{after.plan}#{number}"
    await store.put_tally(session, name, after.plan, number, "counting", now, total)


async def drop_waiting(session: AsyncSession, plan: str) -> None:
    """Give up counting a plan anew: another version has come."""
    for row in await store.tallies(session):
        if row.plan == plan and row.state in ("counting", "judging"):
            await store.advance_tally(session, row.name, "old", b"")


async def state_of_recount(session: AsyncSession, plan: str) -> dict[str, Any] | None:
    """How far counting a plan anew has come; None where it is not being counted."""
    for row in await store.tallies(session):
        if row.plan == plan and row.state in RUNNING:
            return {
                "version": row.version,
                "state": row.state,
                "counted": row.done,
                "facts": max(row.total, row.done),
                "since": row.started_at.astimezone(clock.VN).isoformat(),
            }
    return None


class Recounts:
    """Takes slice after slice.

    Args:
        announce: called after something was written.
    """

    def __init__(self, database: Database, plans: Plans, announce: Callable[[], None]) -> None:
        self.database, self.plans, self.announce = database, plans, announce
        self.begun = asyncio.Event()

    async def run(self) -> None:
        """Count for ever; replicas share the work."""
        while True:
            self.begun.clear()
            start = clock.monotonic()
            if await self.step():
                # Whoever waits for the turn gets it first.
                await asyncio.sleep(min(clock.monotonic() - start, 0.5) / 4)
                continue
            try:
                await asyncio.wait_for(self.begun.wait(), IDLE_SECONDS)
            except TimeoutError:
                continue

    async def step(self) -> bool:
        """Do one slice of what is to be done; False where there is nothing."""
        async with self.database.transaction() as session:
            if not any(row.state in STEPS for row in await store.tallies(session)):
                return False
        async with self.database.transaction() as session:
            await take_turn(session, "store")
            rows = [row for row in await store.tallies(session) if row.state in STEPS]
            if not rows:
                return False
            row = min(rows, key=lambda each: list(STEPS).index(each.state))
            history = await self.plans.of_tally(session, row)
            if history is None and row.state != "old":
                await store.advance_tally(session, row.name, "old", b"")
            else:
                await STEPS[row.state](session, history, row)
        if row.state in ("booking", "telling"):
            self.announce()
        return True


async def _count(session: AsyncSession, history: History, row: Any) -> None:
    types = types_of(set(rules.parts([history])))
    facts = await store.facts_after(session, bytes(row.last), types, CHUNK)
    if facts:
        await tally(session, {history.name: history}, facts)
        await store.advance_tally(session, row.name, "counting", facts[-1].uid, len(facts))
    else:
        await store.advance_tally(session, row.name, "judging", b"")


async def _judge(session: AsyncSession, history: History, row: Any) -> None:
    after = _cursor(row.last, 2)
    places = await store.places_after(session, row.name, after, PLACES)
    if places:
        await stand_places(session, {history.name: history}, places)
        await store.advance_tally(session, row.name, "judging", orjson.dumps(places[-1][1:]))
    else:
        await _answer(session, history, row)


async def _answer(session: AsyncSession, history: History, row: Any) -> None:
    """Let the new counts answer, and give up the old ones."""
    newest = history.newest
    for other in await store.tallies(session):
        if other.plan == row.plan and other.name != row.name and other.state != "old":
            await store.advance_tally(session, other.name, "old", b"")
            earlier = next((v for v in history.versions if v.number == other.version), None)
            if earlier is not None and other.state != "empty":
                same = rules.same_indicators(earlier, newest)
                await store.inherit_milestones(
                    session, row.plan, newest.judged_as, earlier.judged_as, same
                )
    await store.advance_tally(session, row.name, "booking", b"")


async def _book(session: AsyncSession, history: History, row: Any) -> None:
    places = await store.places_to_book(session, row.name, BOOKED)
    if places:
        await settle(session, {history.name: history}, places)
    else:
        await store.advance_tally(session, row.name, "telling", b"")


async def _tell(session: AsyncSession, history: History, row: Any) -> None:
    found = await store.cells_after(session, row.name, _cursor(row.last, 3), CELLS)
    if found:
        cells = [(history.name, *each) for each in found]
        await announce_milestones(session, {history.name: history}, cells)
        await store.advance_tally(session, row.name, "telling", orjson.dumps(found[-1]))
    else:
        await store.advance_tally(session, row.name, "current", b"")


async def _clear(session: AsyncSession, _history: History | None, row: Any) -> None:
    if await store.drop_counts(session, row.name, ROWS):
        await store.forget_tally(session, row.name)


def _cursor(last: bytes, length: int) -> list[str]:
    return orjson.loads(last) if last else [""] * length


STEPS: dict[str, Any] = {
    "booking": _book,
    "judging": _judge,
    "counting": _count,
    "telling": _tell,
    "old": _clear,
}
"""What a state asks for, the most pressing first."""
