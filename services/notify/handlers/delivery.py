"""Sending: one notice at a time is claimed and recorded, sent outside any transaction, settled."""

import asyncio
import contextlib
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from random import random
from uuid import UUID

import sqlalchemy as sa
import structlog

from services.notify.clients import Answer, Parcel, Provider
from services.notify.handlers.desk import announcement
from services.notify.handlers.figures import RECEIPTS, count_attempt
from services.notify.handlers.wishes import wanted
from services.notify.rules.receipts import Receipt, after_receipt, not_before, pause
from services.notify.store import notices as store
from shared import clock, outbox
from shared.db import Database
from shared.events.outcomes import Notice

log = structlog.get_logger()

POLL_SECONDS = 0.5
SWEEP_SECONDS = 5.0
SEND_SECONDS = 75.0
REST_SECONDS = 30.0
LOST_AFTER = timedelta(minutes=2)
RECORD_SECONDS = 90.0
PARTING_SECONDS = 12.0


class Delivery:
    """Sends what is ready.

    Args:
        database: notify's store.
        providers: by channel, in the order in which they are tried.
        workers: how many messages are on their way at once.
        attempts: after so many a notice has failed.
        name: how attempts name this process; each start is an instance of its own.
        quiet: hours in which no SMS is sent.
        announce: called after an outcome was written.
    """

    def __init__(
        self,
        database: Database,
        providers: Mapping[str, Sequence[Provider]],
        workers: int = 8,
        attempts: int = 20,
        name: str = "",
        quiet: tuple | None = None,
        announce=lambda: None,
    ) -> None:
        self.database, self.providers = database, providers
        self.instance = f"{name}:{secrets.token_hex(8)}"
        self.known = asyncio.Event()
        self.rested: dict[str, float] = {}
        self.attempts, self.quiet, self.announce = attempts, quiet, announce
        self.slots = asyncio.Semaphore(workers)
        self.awake = asyncio.Event()
        self.sending: set[asyncio.Task[None]] = set()

    def wake(self) -> None:
        """There may be something to send."""
        self.awake.set()

    async def run(self) -> None:
        """Send for ever; what is on its way when this is cancelled is waited for."""
        if not self.providers:
            return
        try:
            while True:
                await self.known.wait()
                await self.slots.acquire()
                try:
                    claimed = await self.claim()
                except BaseException:
                    self.slots.release()
                    raise
                if claimed is None:
                    self.slots.release()
                    self.awake.clear()
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self.awake.wait(), POLL_SECONDS)
                    continue
                task = asyncio.create_task(self.deliver(*claimed))
                self.sending.add(task)
                task.add_done_callback(self.finish)
        finally:
            if self.sending:
                await asyncio.wait(self.sending, timeout=PARTING_SECONDS)

    def finish(self, task: asyncio.Task[None]) -> None:
        """Give the slot of a sent message back."""
        self.sending.discard(task)
        self.slots.release()
        if not task.cancelled() and task.exception() is not None:
            log.error("delivery_failed", error=type(task.exception()).__name__)

    async def claim(self) -> tuple[Parcel, UUID, int, Provider] | None:
        """Take the next notice, and record the attempt before anybody is called."""
        now = clock.now()
        async with self.database.transaction() as session:
            row = await store.claim(session, list(self.providers), self.instance, now)
            if row is None:
                return None
            provider = self.choose(row.channel, row.attempts)
            reference = secrets.token_urlsafe(24)
            await store.begin_attempt(
                session, row.id, row.attempts, provider.name, reference, self.instance, now
            )
        parcel = Parcel(str(row.id), reference, row.address, row.title, row.body)
        return parcel, row.id, row.attempts, provider

    def choose(self, channel: str, number: int) -> Provider:
        """The first provider that has not just failed; each in its turn where all have."""
        providers = self.providers[channel]
        now = clock.monotonic()
        for provider in providers:
            if self.rested.get(provider.name, 0.0) <= now:
                return provider
        return providers[(number - 1) % len(providers)]

    def judge_provider(self, provider: Provider, answer: Answer) -> None:
        """Let a provider that cannot be used rest, so that others go first."""
        if answer.verdict == "again":
            self.rested[provider.name] = clock.monotonic() + REST_SECONDS
        elif answer.verdict == "accepted":
            self.rested.pop(provider.name, None)

    async def deliver(self, parcel: Parcel, notice: UUID, number: int, provider: Provider) -> None:
        """Send one claimed notice and record what came of it."""
        try:
            answer = await asyncio.wait_for(provider.send(parcel), SEND_SECONDS)
        except TimeoutError:
            answer = Answer("unknown", "timeout")
        except Exception as fault:
            answer = Answer("unknown", type(fault).__name__)
        self.judge_provider(provider, answer)
        log.info(
            "notice_attempted",
            notice=str(notice),
            attempt=number,
            provider=provider.name,
            verdict=answer.verdict,
            detail=answer.detail,
        )
        until = clock.monotonic() + RECORD_SECONDS
        wait = 0.2
        while True:
            try:
                await self.record(notice, number, provider, answer)
                break
            except Exception as fault:
                # The store may be away for a while; what is not recorded in time is unknown.
                if clock.monotonic() > until:
                    log.error("notice_unrecorded", notice=str(notice), error=type(fault).__name__)
                    return
                await asyncio.sleep(wait)
                wait = min(wait * 2, 5.0)
        self.announce()
        if answer.verdict == "again":
            self.wake()

    async def record(self, notice: UUID, number: int, provider: Provider, answer: Answer) -> None:
        """Settle an attempt."""
        now = clock.now()
        state, reason, next_at = self.judge(answer, number, provider.channel, now)
        async with self.database.transaction() as session:
            row = await store.settle(
                session,
                notice,
                number,
                verdict=answer.verdict,
                detail=answer.detail,
                provider=provider.name,
                state=state,
                reason=reason,
                next_at=next_at,
                now=now,
            )
            if row is not None and row.state == "retrying" and not await wanted(session, row):
                await store.withhold(session, [row.id], "declined", now)
            if row is not None and state in ("sent", "failed"):
                message = notice_outcome(state, row, number, provider.name, reason, now)
                await outbox.enqueue(session, [message])
        segments = row.segments if row is not None else 0
        count_attempt(provider.channel, provider.name, answer.verdict, segments)

    def judge(
        self, answer: Answer, number: int, channel: str, now: datetime
    ) -> tuple[str, str | None, datetime | None]:
        """State, reason and next instant after an attempt."""
        if answer.verdict == "accepted":
            return "sent", None, None
        if answer.verdict == "unknown":
            return "unknown", "no_answer", None
        if answer.verdict == "refused":
            return "failed", "refused", None
        if number >= self.attempts:
            return "failed", "gave_up", None
        quiet = self.quiet if channel == "sms" else None
        rounds, rest = divmod(number, len(self.providers[channel]))
        wait = pause(rounds, random()) if rest == 0 else timedelta()
        return "retrying", "provider_down", not_before(now + wait, quiet)

    async def stay_known(self) -> None:
        """For ever: hold the lock by which other instances see that this one lives.

        It goes with its connection, so a killed process lets go of it at once. Nothing is claimed
        before it is held.
        """
        if not self.providers:
            return
        async with self.database.engine.connect() as plain:
            connection = await plain.execution_options(isolation_level="AUTOCOMMIT")
            try:
                await store.hold_name(connection, self.instance)
                self.known.set()
                while True:
                    await asyncio.sleep(SWEEP_SECONDS)
                    await connection.execute(sa.text("SELECT 1"))
            finally:  # back in the pool it would go on holding the lock
                self.known.clear()
                await connection.invalidate()

    async def sweep(self) -> None:
        """For ever: settle what a dead process was sending, and what grew too old waiting."""
        while True:
            await self.sweep_once(clock.now())
            await asyncio.sleep(SWEEP_SECONDS)

    async def sweep_once(self, now: datetime) -> None:
        """One round of the sweep."""
        async with self.database.transaction() as session:
            lost = await store.lose_of_dead(session, now)
            lost += await store.lose_older(session, now - LOST_AFTER, now)
            old = await store.expire(session, now)
        if lost:
            log.warning("notices_interrupted", count=lost)
        if old:
            log.warning("notices_stale", count=old)


def notice_outcome(
    state: str, row, number: int, provider: str, reason: str | None, now: datetime
) -> outbox.Message:
    """``motcua.notice.sent``, ``delivered`` or ``failed``; it names no recipient."""
    data = Notice(
        notice=str(row.id),
        template=row.kind,
        channel=row.channel,
        unit=row.unit,
        subject=row.subject,
        segments=row.segments,
        at=now,
        provider=provider,
        reason=reason,
    )
    return announcement(
        f"motcua.notice.{state}.v1",
        data,
        id=f"notice-{state}:{row.id}:{number}",
        time=now,
        unit=row.unit,
        subject=row.subject,
    )


async def take_receipt(
    database: Database, provider: str, reference: str, receipt: Receipt, detail: str
) -> bool:
    """Apply a delivery receipt; False where nothing was sent under this reference."""
    now = clock.now()
    async with database.transaction() as session:
        row = await store.find_by_reference(session, provider, reference)
        if row is None:
            return False
        RECEIPTS.labels(provider, receipt).inc()
        latest = row.number == row.attempts
        state = after_receipt(row.state, row.receipt_failed, receipt, latest)
        if state is None:
            await store.note(session, row.id, row.state, receipt, detail, now)
            return True
        await store.apply_receipt(session, row.id, state, detail, now)
        reason = "carrier" if state == "failed" else None
        message = notice_outcome(state, row, row.number, provider, reason, now)
        await outbox.enqueue(session, [message])
    return True
