"""The last look at a notice, in the transaction that claims it: may it leave now?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.handlers.budgets import Purse
from services.notify.handlers.desk import Desk
from services.notify.handlers.digests import gather, look_again
from services.notify.handlers.relevance import pointless
from services.notify.rules.budgets import BUDGET
from services.notify.rules.digests import DIGEST
from services.notify.rules.leaving import CAP, Leaving, has_waited, spread_key
from services.notify.store import holding
from services.notify.store.budgets import Reserve
from shared.clock import local_day

log = structlog.get_logger()


@dataclass(slots=True)
class Gate:
    """Lets picked notices through, has them wait, or withdraws them."""

    leaving: Leaving
    agency_words: Sequence[str] = ()
    desk: Desk | None = None

    @property
    def gathers(self) -> bool:
        """Whether what officers are told is gathered into lists."""
        return self.desk is not None and bool(self.leaving.digest_over or self.leaving.digest_at)

    async def may_look(self, session: AsyncSession) -> bool:
        """Whether what officers are told may be picked in this transaction."""
        return not self.gathers or await holding.may_gather(session)

    async def let_through(
        self, session: AsyncSession, rows: Sequence[Any], now: datetime
    ) -> list[Any]:
        """Those of some locked notices that may leave now; of the others it is recorded why not."""
        if self.desk is not None:
            bars = self.desk.policy.trial.bars
            barred = {row.id: why for row in rows if (why := bars(row.address)) is not None}
            await holding.record(session, barred, now)
            rows = [row for row in rows if row.id not in barred]
        rows, held = self._awake(rows, now)
        waited = [row for row in rows if has_waited(row.reason, row.created_at, now)]
        gone = await pointless(session, waited, now, self.agency_words)
        rows = [row for row in rows if row.id not in gone]
        if self.desk is not None and self.gathers:
            lists = [row for row in waited if row.kind == DIGEST]
            read, empty = await look_again(session, self.desk, lists, now)
            rows, more = await gather(session, self.desk, rows, now)
            gone |= empty | more
            rows = [read.get(row.id, row) for row in rows if row.id not in empty]
        rows, beyond = await self._within_caps(session, rows, now)
        await holding.hold(session, held + beyond, now)
        await holding.withdraw(session, gone, now)
        if gone:
            log.info("notices_withdrawn", count=len(gone))
        return rows

    async def pay(
        self, session: AsyncSession, messages: Sequence[Any], now: datetime
    ) -> tuple[list[Any], list[Any], list[Reserve]]:
        """Of the messages that have found a way out: those that their budgets allow, those that
        wait for the next month or for more money, and what is to be set aside."""
        if self.desk is None or not messages:
            return list(messages), [], []
        purse = Purse(self.desk.units, self.leaving.urgent)
        paid, short, reserved = await purse.pay(session, messages, now)
        held = [(each.notice, BUDGET, self.leaving.month_after(each.spread, now)) for each in short]
        await holding.hold(session, held, now, self.desk.policy.stale_after)
        return paid, short, reserved

    async def _within_caps(
        self, session: AsyncSession, rows: Sequence[Any], now: datetime
    ) -> tuple[list[Any], list[tuple[UUID, str, datetime]]]:
        """Those that stay within what an address is sent a day, and until when the others wait.

        What is urgent counts as well, but does not wait.
        """
        caps, today = self.leaving.caps, local_day(now)
        readers = {(row.channel, row.address) for row in rows if row.channel in caps}
        if not readers:
            return list(rows), []
        counts = await holding.count_left(session, readers, today)
        passed: list[Any] = []
        held: list[tuple[UUID, str, datetime]] = []
        for row in rows:
            reader = (row.channel, row.address)
            fits = (
                row.channel not in caps
                or row.left_on == today
                or row.kind in self.leaving.urgent
                or counts.get(reader, 0) < caps[row.channel]
            )
            if not fits:
                key = spread_key(row.id, row.audience, row.recipient, row.channel)
                held.append((row.id, CAP, self.leaving.next_morning(key, now)))
                continue
            passed.append(row)
            if row.left_on != today:
                counts[reader] = counts.get(reader, 0) + 1
        return passed, held

    def _awake(
        self, rows: Sequence[Any], now: datetime
    ) -> tuple[list[Any], list[tuple[UUID, str, datetime]]]:
        """Those whose readers may be disturbed now, and until when the others wait."""
        passed: list[Any] = []
        held: list[tuple[UUID, str, datetime]] = []
        for row in rows:
            key = spread_key(row.id, row.audience, row.recipient, row.channel)
            at, why = self.leaving.leaves_at(key, row.kind, now, row.stale_at)
            if why is None:
                passed.append(row)
            else:
                held.append((row.id, why, at))
        return passed, held
