"""Sending: notices are claimed and recorded in batches, sent outside any transaction, settled."""

import asyncio
import contextlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import random
from typing import Any
from uuid import UUID

import sqlalchemy as sa
import structlog

from services.notify.clients import Answer, Attached, Parcel, Provider
from services.notify.handlers.bundle import Bundle
from services.notify.handlers.clockwork import Clockwork
from services.notify.handlers.figures import count_attempt, show_circuit
from services.notify.handlers.gate import Gate
from services.notify.handlers.lanes import Lane, Lanes
from services.notify.handlers.receiving import Receiving
from services.notify.handlers.telling import notice_outcome
from services.notify.handlers.wishes import unwanted
from services.notify.rules import pace
from services.notify.rules.budgets import month_of
from services.notify.rules.files import carries, media_type
from services.notify.rules.leaving import Leaving, spread_key
from services.notify.rules.receipts import pause
from services.notify.rules.terms import cost
from services.notify.store import attachments
from services.notify.store import budgets as budget_store
from services.notify.store import notices as notice_store
from services.notify.store import sending as store
from shared import clock, outbox
from shared.db import Database

log = structlog.get_logger()

POLL_SECONDS = 0.5
SWEEP_SECONDS = 5.0
SEND_SECONDS = 75.0
LOST_AFTER = timedelta(minutes=2)
DEFER_FOR = timedelta(seconds=2)
FORGET_AFTER = timedelta(days=30)
RECORD_SECONDS = 90.0
PARTING_SECONDS = 12.0


@dataclass(frozen=True, slots=True)
class Claimed:
    """A notice that is ours to send: its attempt is recorded. ``fault`` says that it cannot be
    sent by anybody; ``able`` names the lanes that can take it, ``tried`` the providers of all its
    attempts, this one's last; ``spread`` decides when it leaves where it has to wait for a
    morning."""

    parcel: Parcel
    notice: UUID
    number: int
    lane: Lane
    channel: str
    segments: int
    tried: tuple[str, ...]
    able: frozenset[str]
    spread: str
    unit: str
    fault: str | None = None

    @property
    def kind(self) -> str:
        return self.parcel.kind

    @property
    def price(self) -> int:
        """VND that it will cost where it is taken; 0 where that is not known."""
        return (cost(self.lane.terms, self.segments) or 0) if self.fault is None else 0


@dataclass(frozen=True, slots=True)
class Done:
    """A claimed notice and the answer that it got."""

    claimed: Claimed
    answer: Answer


def spent_by(endings: Sequence[store.Ending]) -> dict[tuple[UUID, int], int | None]:
    """What attempts cost: nothing where nobody took the message, and what was set aside where
    nobody knows."""
    return {
        (each.notice, each.number): None if each.verdict == "unknown" else each.cost or 0
        for each in endings
    }


def plain_values(row: Any) -> dict[str, str]:
    """What a provider's own template may be filled in with: the notice's facts."""
    values = {name: value for name, value in (row.facts or {}).items() if isinstance(value, str)}
    return {"code": row.subject} | values


class Delivery:
    """Sends what is ready.

    Args:
        database: notify's store.
        providers: by channel, in the order in which they were configured.
        workers: how many messages are on their way at once.
        attempts: after so many a notice has failed.
        name: how attempts name this process; each start is an instance of its own.
        gate: what a claimed notice has to pass; by default anything leaves at any time.
        announce: called after an outcome was written.
        values: what a provider's own template may be filled in with, of a notice's row.
        unsubscribe: where a reader can have an end of such messages, of a notice's row.
        clockwork: says whether the clock can be believed; while it can't nothing is claimed.
    """

    def __init__(
        self,
        database: Database,
        providers: Mapping[str, Sequence[Provider]],
        workers: int = 32,
        attempts: int = 20,
        name: str = "",
        gate: Gate | None = None,
        announce: Callable[[], None] = lambda: None,
        values: Callable[[Any], Mapping[str, str]] = plain_values,
        clockwork: Clockwork | None = None,
        unsubscribe: Callable[[Any], str | None] = lambda _row: None,
    ) -> None:
        self.clockwork = clockwork or Clockwork(database)
        self.database, self.providers = database, providers
        self.lanes = Lanes(providers)
        self.receiving = Receiving(database, self.lanes, announce)
        self.instance = f"{name}:{secrets.token_hex(8)}"
        self.known = asyncio.Event()
        self.workers, self.attempts = workers, attempts
        self.gate = gate or Gate(Leaving())
        self.announce, self.values, self.unsubscribe = announce, values, unsubscribe
        self.awake = asyncio.Event()
        self.sending: set[asyncio.Task[None]] = set()
        self.bundle: Bundle[Done, None] = Bundle(self.settle)
        self.patience = POLL_SECONDS

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
                self.awake.clear()
                free = self.workers - len(self.sending)
                claimed = []
                # A few places that fall free together are filled by one claim.
                if not self.sending or free >= max(1, self.workers // 4):
                    claimed = await self.claim(free)
                for each in claimed:
                    task = asyncio.create_task(self.deliver(each))
                    self.sending.add(task)
                    task.add_done_callback(self.finish)
                if not claimed:
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self.awake.wait(), self.patience)
        finally:
            if self.sending:
                await asyncio.wait(self.sending, timeout=PARTING_SECONDS)

    def finish(self, task: asyncio.Task[None]) -> None:
        """Give the place of a sent message to others."""
        self.sending.discard(task)
        self.wake()
        if not task.cancelled() and task.exception() is not None:
            log.error("delivery_failed", error=type(task.exception()).__name__)

    async def claim(self, most: int = 1) -> list[Claimed]:
        """Take the next notices, and record their attempts before anybody is called."""
        claimed: list[Claimed] = []
        more = True
        while more and not claimed:  # where none of some may leave, the next ones are looked at
            claimed, more = await self._claim(most)
        return claimed

    async def _claim(self, most: int) -> tuple[list[Claimed], bool]:
        """One claim, and whether it held notices back, so that others may follow."""
        rooms = self.lanes.rooms(most)
        self.patience = POLL_SECONDS
        if not rooms:
            return [], False
        now = clock.now()
        claimed: list[Claimed] = []
        waiting: list[UUID] = []
        rates = self.lanes.rated(rooms)
        async with self.database.transaction() as session:
            if not await self.clockwork.trusted(session, now):
                return [], False
            tokens = await self._tokens(session, rates, now)
            before = dict(tokens)
            rows: Sequence[Any] = []
            if self._may(rooms, tokens):
                officers = await self.gate.may_look(session)
                rows = await store.pick(session, rooms, now, officers)
            rows = rows[:most]
            passed = await self.gate.let_through(session, rows, now)
            files = await attachments.of(session, [row.id for row in passed if carries(row.kind)])
            for row in passed:
                taken = self._place(row, tokens, files.get(row.id))
                if taken is None:
                    waiting.append(row.id)
                    continue
                taken.lane.on_way += 1
                claimed.append(taken)
            try:
                claimed, unpaid, reserved = await self.gate.pay(session, claimed, now)
                self._let_go(unpaid)
                for each in unpaid:
                    if each.lane.name in tokens:
                        tokens[each.lane.name] += 1.0
                beginnings = [
                    store.Beginning(
                        each.notice,
                        each.lane.name,
                        each.parcel.reference,
                        None if each.fault else cost(each.lane.terms, each.segments),
                        each.segments,
                    )
                    for each in claimed
                ]
                await store.begin(session, beginnings, self.instance, now)
                await budget_store.reserve(session, reserved, month_of(now))
                await store.defer(session, waiting, now + DEFER_FOR)
                if tokens != before:
                    await store.spend(session, tokens, now)
            except BaseException:
                self._let_go(claimed)
                raise
        short = self.lanes.wait(tokens)
        if short is not None:
            self.patience = min(POLL_SECONDS, short + 0.005)
        return claimed, len(passed) < len(rows) or bool(unpaid)

    def _let_go(self, claimed: Sequence[Claimed]) -> None:
        for each in claimed:
            each.lane.on_way -= 1

    def _may(self, rooms: Mapping[str, int], tokens: Mapping[str, float]) -> bool:
        """Whether any lane with room is within its rate."""
        now = clock.monotonic()
        return any(
            lane.room(now) > 0 and tokens.get(lane.name, 1.0) >= 1.0
            for channel in rooms
            for lane in self.lanes.by_channel[channel]
        )

    async def _tokens(self, session, rates: Mapping[str, float], now: datetime) -> dict[str, float]:
        """What the rated lanes may be given now; their rows stay locked until the claim ends."""
        if not rates:
            return {}
        full = {name: pace.tokens(rate, 0, rate) for name, rate in rates.items()}
        rows = await store.paces(session, full, now)
        return {
            row.provider: pace.tokens(
                row.tokens, (now - row.at).total_seconds(), rates[row.provider]
            )
            for row in rows
        }

    def _place(
        self, row: Any, tokens: dict[str, float], file: tuple[str, bytes] | None = None
    ) -> Claimed | None:
        tried = tuple(zip(row.providers or (), row.verdicts or (), strict=True))
        place = self.lanes.place(row.channel, row.kind, row.body, row.segments, tried, tokens)
        if place is None:
            return None
        parcel = Parcel(
            str(row.id),
            secrets.token_urlsafe(24),
            row.address,
            row.title,
            place.fit.body,
            row.kind,
            self.values(row),
            (Attached(file[0], media_type(file[0]), file[1]),) if file else (),
            self.unsubscribe(row) if row.channel == "email" else None,
        )
        return Claimed(
            parcel,
            row.id,
            row.attempts + 1,
            place.lane,
            row.channel,
            place.fit.segments,
            (*(name for name, _ in tried), place.lane.name),
            place.able,
            spread_key(row.id, row.audience, row.recipient, row.channel),
            row.unit,
            place.fit.fault,
        )

    async def deliver(self, claimed: Claimed) -> None:
        """Send one claimed notice and record what came of it."""
        lane = claimed.lane
        try:
            answer = await self._send(claimed)
            if claimed.fault is None:
                lane.learn(answer, clock.monotonic())
        finally:
            lane.on_way -= 1
        show_circuit(lane)
        log.info(
            "notice_attempted",
            notice=str(claimed.notice),
            attempt=claimed.number,
            provider=lane.name,
            verdict=answer.verdict,
            detail=answer.detail,
        )
        until = clock.monotonic() + RECORD_SECONDS
        wait = 0.2
        while True:
            try:
                await self.bundle.add(Done(claimed, answer))
                break
            except Exception as fault:
                # The store may be away for a while; what is not recorded in time is unknown.
                if clock.monotonic() > until:
                    log.error(
                        "notice_unrecorded",
                        notice=str(claimed.notice),
                        error=type(fault).__name__,
                    )
                    return
                await asyncio.sleep(wait)
                wait = min(wait * 2, 5.0)

    async def _send(self, claimed: Claimed) -> Answer:
        if claimed.fault is not None:
            return Answer("refused", claimed.fault)
        try:
            return await asyncio.wait_for(claimed.lane.provider.send(claimed.parcel), SEND_SECONDS)
        except TimeoutError:
            return Answer("unknown", "timeout")
        except Exception as fault:
            return Answer("unknown", type(fault).__name__)

    async def settle(self, batch: list[Done]) -> list[None]:
        """Record how attempts ended, all in one transaction."""
        now = clock.now()
        parts, endings = [], []
        for done in batch:
            claimed, answer = done.claimed, done.answer
            name = claimed.lane.name
            for id in answer.ids:
                total = max(answer.parts, len(answer.ids))
                parts.append(store.Part(name, id, claimed.notice, claimed.number, total))
            state, reason, next_at = self.judge(done, now)
            taken = answer.verdict == "accepted"
            endings.append(
                store.Ending(
                    claimed.notice,
                    claimed.number,
                    name,
                    answer.verdict,
                    answer.detail,
                    state,
                    reason,
                    next_at,
                    cost(claimed.lane.terms, claimed.segments) if taken else None,
                    claimed.segments if taken else None,
                )
            )
        async with self.database.transaction() as session:
            early = [row for row in await store.name_parts(session, parts, now) if row.receipt]
            settled = await store.settle(session, endings, now)
            await budget_store.settle(session, spent_by(endings))
            retrying = [row for row in settled if row.state == "retrying"]
            gone = await unwanted(session, retrying)
            await notice_store.withhold(session, gone, "declined", now)
            await outbox.enqueue(
                session,
                [
                    notice_outcome(
                        row.state,
                        row,
                        row.number,
                        row.provider,
                        row.reason,
                        now,
                        told_as=self.lanes.by_name[row.provider].terms.told_as,
                    )
                    for row in settled
                    if row.state in ("sent", "failed")
                ],
            )
            # What came before the answer that names the message.
            await self.receiving.judge(
                session,
                [
                    ((row.notice, row.number), row.receipt, row.detail or "receipt", "carrier")
                    for row in early
                ],
                now,
            )
        for done in batch:
            claimed = done.claimed
            count_attempt(claimed.channel, claimed.lane.name, done.answer.verdict, claimed.segments)
        self.announce()
        if retrying:
            self.wake()
        return [None] * len(batch)

    def judge(self, done: Done, now: datetime) -> tuple[str, str | None, datetime | None]:
        """State, reason and next instant after an attempt."""
        claimed, answer = done.claimed, done.answer
        if answer.verdict == "accepted":
            return "sent", None, None
        if answer.verdict == "unknown":
            return "unknown", "no_answer", None
        if answer.verdict == "refused":
            return "failed", claimed.fault or "refused", None
        name = claimed.lane.name
        another = self.lanes.another(claimed.able, name, claimed.tried)
        if answer.verdict == "elsewhere" and claimed.able <= set(claimed.tried):
            return "failed", "refused", None
        if claimed.number >= self.attempts:
            return "failed", "gave_up", None
        wait = timedelta() if another else pause(claimed.tried.count(name), random())
        if answer.rest and not another:
            wait = max(wait, timedelta(seconds=answer.rest))
        again, why = self.gate.leaving.leaves_at(claimed.spread, claimed.parcel.kind, now + wait)
        return "retrying", why or "provider_down", again

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
            await store.forget(session, now - FORGET_AFTER)
        if lost:
            log.warning("notices_interrupted", count=lost)
        if old:
            log.warning("notices_stale", count=old)
