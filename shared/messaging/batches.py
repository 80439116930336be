"""Batches of messages: one transaction each, and no bad message holds up a good one."""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Protocol, TypeVar

import asyncpg
import sqlalchemy as sa
import structlog
from faststream import AckPolicy, Context
from faststream.nats import JStream, NatsRouter, PullSub
from faststream.nats.message import NatsBatchMessage
from nats.aio.msg import Msg
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from shared import inbox, outbox
from shared.db import Database, take_turn

log = structlog.get_logger()

ATTEMPTS = 5
LINGER_SECONDS = 0.15
OUTAGE_PAUSE_SECONDS = 2
PASSING_STATES = (
    "40001", "40P01", "55P03", "57P01", "57P02", "57P03", "57P05", "25P03", "25006",
)  # fmt: skip
PASSING_CLASSES = ("08", "53", "58")  # connection, resources, the system under the database
OURS = (FileNotFoundError, FileExistsError, PermissionError, IsADirectoryError, NotADirectoryError)
DEAD_PAYLOAD_BYTES = 64 << 10


class Identified(Protocol):
    """A parsed message: ``uid`` (16 bytes) says whether its effects are in the store."""

    @property
    def uid(self) -> bytes: ...


T = TypeVar("T", bound=Identified)


@dataclass(frozen=True, slots=True)
class Delivered:
    """A message as the broker gave it."""

    subject: str
    seq: int
    deliveries: int
    payload: bytes


@dataclass
class BatchConsumer(Generic[T]):
    """Turns deliveries into effects.

    Args:
        name: the durable's name, e.g. ``quota-events``.
        database: the service's store.
        parse: bytes to a message; raises ``ValueError`` for what can never be read.
        handle: applies unseen messages inside the transaction.
        announce: called after a commit, to wake the relay.
        private: the payload may hold personal data and never leaves the service's store.
    """

    name: str
    stream: str
    database: Database
    parse: Callable[[bytes], T]
    handle: Callable[[AsyncSession, Sequence[T]], Awaitable[None]]
    announce: Callable[[], None] = lambda: None
    private: bool = False

    async def consume(self, messages: Sequence[Msg]) -> None:
        """Apply one fetched batch and acknowledge it; what fails comes back later."""
        by_delivery = {}
        for message in messages:
            meta = message.metadata
            delivered = Delivered(
                message.subject, meta.sequence.stream, meta.num_delivered, message.data
            )
            by_delivery[delivered] = message
        done, later = await self.apply(list(by_delivery))
        for delivered in done:
            await by_delivery[delivered].ack()
        for delivered, pause in later:
            await by_delivery[delivered].nak(delay=pause)
        if done:
            self.announce()

    async def apply(
        self, batch: list[Delivered]
    ) -> tuple[list[Delivered], list[tuple[Delivered, float]]]:
        """Effects of a batch; returns what is done and what is to be tried later (seconds)."""
        try:
            async with self.database.transaction() as session:
                await self._apply(session, batch)
            return batch, []
        except Exception as fault:
            if is_outage(fault):
                log.warning("batch_waits", consumer=self.name, error=type(fault).__name__)
                await asyncio.sleep(OUTAGE_PAUSE_SECONDS)
                return [], [(delivered, OUTAGE_PAUSE_SECONDS) for delivered in batch]
            if len(batch) > 1:
                half = len(batch) // 2
                done, later = await self.apply(batch[:half])
                done_right, later_right = await self.apply(batch[half:])
                return done + done_right, later + later_right
            return await self._give_up_or_retry(batch[0], fault)

    async def _apply(self, session: AsyncSession, batch: list[Delivered]) -> None:
        await take_turn(session, "store")
        parsed: dict[bytes, T] = {}
        for delivered in batch:
            try:
                message = self.parse(delivered.payload)
            except ValueError as fault:
                await self.bury(session, delivered, f"unreadable: {type(fault).__name__}")
                continue
            parsed.setdefault(message.uid, message)
        fresh = await inbox.note(session, parsed)
        unseen = [message for uid, message in parsed.items() if uid in fresh]
        if unseen:
            await self.handle(session, unseen)

    async def _give_up_or_retry(
        self, delivered: Delivered, fault: Exception
    ) -> tuple[list[Delivered], list[tuple[Delivered, float]]]:
        reason = f"{type(fault).__name__} in {_place(fault)}"
        if delivered.deliveries < ATTEMPTS:
            log.warning("message_retried", consumer=self.name, seq=delivered.seq, reason=reason)
            return [], [(delivered, float(2**delivered.deliveries))]
        async with self.database.transaction() as session:
            await self.bury(session, delivered, reason)
        log.error("message_dead", consumer=self.name, seq=delivered.seq, reason=reason)
        return [delivered], []

    async def bury(self, session: AsyncSession, delivered: Delivered, reason: str) -> None:
        """Put a message among the dead letters, and on DEAD unless it is private."""
        buried = await session.scalar(
            sa.text(
                "INSERT INTO dead_letters (consumer, subject, stream_seq, reason, payload, failed_at)"
                " VALUES (:consumer, :subject, :seq, :reason, :payload, now())"
                " ON CONFLICT (consumer, stream_seq, sha256(payload)) DO NOTHING RETURNING id"
            ),
            {
                "consumer": self.name,
                "subject": "motcua.contacts.-" if self.private else delivered.subject,
                "seq": delivered.seq,
                "reason": reason,
                "payload": delivered.payload,
            },
        )
        if buried is None or self.private:
            return
        notice = {"consumer": self.name, "subject": delivered.subject, "seq": delivered.seq}
        notice |= {"reason": reason, "letter": buried}
        head = delivered.payload[:DEAD_PAYLOAD_BYTES]  # the whole is in the store
        notice["payload"] = head.decode("utf-8", "replace")
        digest = hashlib.sha256(delivered.payload).hexdigest()
        message_id = f"{self.name}:{delivered.seq}:{digest}"
        subject = f"motcua.dead.{self.name}"
        payload = json.dumps(notice, ensure_ascii=False).encode()
        await outbox.enqueue(session, [outbox.Message("DEAD", subject, message_id, payload)])

    async def replay(self, session: AsyncSession, payload: bytes) -> None:
        """Apply one dead letter anew; raises what it fails with."""
        await self._replay(session, self.parse(payload))

    async def _replay(self, session: AsyncSession, message: T) -> None:
        await take_turn(session, "store")
        if await inbox.note(session, [message.uid]):
            await self.handle(session, [message])


def is_outage(fault: BaseException) -> bool:
    """Whether a fault passes by itself (store or network away) and says nothing of the message."""
    if isinstance(fault, DBAPIError):
        state = getattr(fault.orig, "sqlstate", None)
        if fault.connection_invalidated or (state and _passes(state)):
            return True
        return isinstance(fault, OperationalError | InterfaceError) and state is None
    if isinstance(fault, asyncpg.PostgresError):
        return _passes(fault.sqlstate or "")
    if isinstance(fault, OURS):
        return False
    return isinstance(fault, OSError | sa.exc.TimeoutError | asyncpg.InterfaceError)


def _passes(state: str) -> bool:
    return state in PASSING_STATES or state[:2] in PASSING_CLASSES


def _place(fault: BaseException) -> str:
    trace = fault.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace.tb_frame.f_code.co_name if trace else "?"


def subscribe(
    router: NatsRouter, consumer: BatchConsumer[Any], inbox: str, batch_size: int = 500
) -> None:
    """Attach a consumer to its durable; messages come to a subject below ``inbox``.

    The decoder leaves payloads raw: one unreadable message must not take its batch with it.
    Acknowledgement is ours alone, after the commit.
    """

    async def raw(message: NatsBatchMessage) -> list[bytes]:
        return [part.data for part in message.raw_message]

    @router.subscriber(
        _filter(consumer.stream),
        stream=JStream(consumer.stream, declare=False),
        durable=consumer.name,
        pull_sub=PullSub(batch_size=batch_size, batch=True, timeout=LINGER_SECONDS),
        ack_policy=AckPolicy.MANUAL,
        decoder=raw,
        # The prefix of the connection does not reach pull subscriptions.
        inbox_prefix=f"{inbox}.".encode(),
    )
    async def consume(message: Annotated[NatsBatchMessage, Context("message")]) -> None:
        await consumer.consume(message.raw_message)


def _filter(stream: str) -> str:
    return f"motcua.{stream.lower()}.>"
