"""Receipts: found by our reference or the provider's name of the message, in any order."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.clients import Report
from services.notify.handlers.bundle import Bundle
from services.notify.handlers.figures import RECEIPTS
from services.notify.handlers.lanes import Lanes
from services.notify.handlers.telling import notice_outcome
from services.notify.rules.receipts import Receipt, after_receipt, combine
from services.notify.store import sending as store
from shared import clock, outbox
from shared.db import Database


@dataclass(frozen=True, slots=True)
class Heard:
    """What a provider reported of a message, known by our ``reference``, by the provider's own
    name for it, or as a notice's newest attempt. ``reason`` is what a failure is put down to."""

    provider: str
    receipt: Receipt
    detail: str
    reference: str | None = None
    message_id: str | None = None
    notice: UUID | None = None
    reason: str = "carrier"


class Receiving:
    """Takes receipts; those that come together share a transaction."""

    def __init__(self, database: Database, lanes: Lanes, announce=lambda: None) -> None:
        self.database, self.lanes, self.announce = database, lanes, announce
        self.bundle: Bundle[Heard, bool] = Bundle(self._take)

    async def take(self, heard: Heard) -> bool:
        """Apply a receipt once it is stored; False where nothing was sent under its reference.

        A receipt under a message's own name may come before the answer that tells us this name:
        it is kept until then.
        """
        return await self.bundle.add(heard)

    async def hear(self, provider: str, report: Report) -> bool:
        """Apply what a provider reports."""
        return await self.take(
            Heard(provider, report.receipt, report.detail, report.reference, report.message_id)
        )

    async def learn(self, provider: str, reference: str, message_id: str, parts: int) -> None:
        """A provider's name for a message, or a part of it, that was given up as unknown: its
        receipts are found by it from now on. A message of one part was taken, then."""
        now = clock.now()
        async with self.database.transaction() as session:
            found = (await store.referred(session, {reference}, {provider})).get(reference)
            if found is None:
                return
            part = store.Part(provider, message_id, *found, parts)
            early = [row.receipt for row in await store.name_parts(session, [part], now)]
            events = [(found, "accepted", "late answer", "carrier")] if parts == 1 else []
            events += [(found, each, f"receipt {each}", "carrier") for each in early if each]
            await self.judge(session, events, now)
        self.announce()

    async def _take(self, batch: list[Heard]) -> list[bool]:
        async with self.database.transaction() as session:
            known = await self.apply(session, batch, clock.now())
        for heard, found in zip(batch, known, strict=True):
            if found:
                RECEIPTS.labels(heard.provider, heard.receipt).inc()
        self.announce()
        return known

    async def apply(
        self, session: AsyncSession, batch: Sequence[Heard], now: datetime
    ) -> list[bool]:
        """Apply receipts in their order; says of each whether its message is known, or may be."""
        attempts: list[tuple[UUID, int] | None] = [None] * len(batch)
        known = [False] * len(batch)
        named: dict[tuple[str, str], list[int]] = {}
        references = {each.reference for each in batch if each.reference}
        referred = (
            await store.referred(session, references, {each.provider for each in batch})
            if references
            else {}
        )
        for index, heard in enumerate(batch):
            if heard.reference:
                attempts[index] = referred.get(heard.reference)
            elif heard.message_id:
                named.setdefault((heard.provider, heard.message_id), []).append(index)
                known[index] = True
            elif heard.notice:
                attempts[index] = await store.latest_attempt(session, heard.notice)
            known[index] |= attempts[index] is not None
        if named:
            await self._name(session, batch, named, attempts, now)
        events = [
            (attempt, heard.receipt, heard.detail, heard.reason)
            for attempt, heard in zip(attempts, batch, strict=True)
            if attempt is not None
        ]
        await self.judge(session, events, now)
        return known

    async def _name(self, session, batch, named, attempts, now) -> None:
        """Keep receipts of parts, and find whose they are."""
        furthest = {}
        for key, indexes in named.items():
            last = max(indexes, key=lambda i: (_RANK[batch[i].receipt], i))
            furthest[key] = (batch[last].receipt, batch[last].detail)
        for row in await store.hear(session, furthest, now):
            if row.notice is not None:
                for index in named[(row.provider, row.message_id)]:
                    attempts[index] = (row.notice, row.number)

    async def judge(
        self,
        session: AsyncSession,
        events: Sequence[tuple[tuple[UUID, int], Receipt, str, str]],
        now: datetime,
    ) -> None:
        """Let notices take on what receipts of their attempts teach; ``events`` are
        ((notice, number), receipt, detail, reason)."""
        if not events:
            return
        pairs = {attempt for attempt, *_ in events}
        wholes = {
            (row.notice, row.number): combine(row.receipts, row.parts)
            for row in await store.wholes(session, pairs)
            if row.parts > 1
        }
        rows = {(row.id, row.number): row for row in await store.judged(session, pairs)}
        states: dict[UUID, tuple[str, str | None, int | None, int]] = {}
        failed = {row.id: row.receipt_failed for row in rows.values()}
        stands = {row.id: row.state for row in rows.values()}
        lines, messages = [], []
        for attempt, receipt, detail, reason in events:
            row = rows.get(attempt)
            if row is None:
                continue
            # Of a message in parts counts what all of them come to, not each.
            heard = wholes.get(attempt, receipt)
            latest = row.number == row.attempts
            state = heard and after_receipt(stands[row.id], failed[row.id], heard, latest)
            if not state:
                lines.append((row.id, stands[row.id], receipt, detail))
                continue
            why = reason if state == "failed" else None
            stands[row.id], failed[row.id] = state, state == "failed"
            states[row.id] = (state, why, row.cost, row.segments)
            lines.append((row.id, state, why, detail))
            lane = self.lanes.by_name.get(row.provider)
            messages.append(notice_outcome(state, row, row.number, row.provider, why, now,
                                           told_as=lane.terms.told_as if lane else None))  # fmt: skip
        await store.receive(session, states, now)
        await store.note(session, lines, now)
        await outbox.enqueue(session, messages)


_RANK = {"buffered": 0, "accepted": 1, "failed": 2, "delivered": 3}
