"""What is to be published: written with the effects in one transaction, sent by a relay after it."""

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import orjson
import sqlalchemy as sa
import structlog
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import StreamInfo
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db import Database, take_turn

log = structlog.get_logger()

ATOMIC_LIMIT = 500
ATOMIC_BYTES = 4 << 20
INSERT = sa.text(
    "INSERT INTO outbox (stream, subject, message_id, payload, created_at)"
    " SELECT s, t, m, p, now() FROM unnest(CAST(:streams AS text[]), CAST(:subjects AS text[]),"
    " CAST(:ids AS text[]), CAST(:payloads AS bytea[])) WITH ORDINALITY AS r(s, t, m, p, n)"
    " ORDER BY n"
)
PENDING = sa.text(  # each stream by itself: one that takes nothing must not hold up the others
    "WITH RECURSIVE s(stream) AS ("
    " SELECT min(stream) FROM outbox WHERE published_at IS NULL UNION ALL"
    " SELECT (SELECT min(stream) FROM outbox WHERE published_at IS NULL AND stream > s.stream)"
    " FROM s WHERE s.stream IS NOT NULL)"
    " SELECT r.* FROM s CROSS JOIN LATERAL (SELECT id, stream, subject, payload,"
    " CASE issues WHEN 0 THEN message_id ELSE message_id || '~' || issues END AS message_id"
    " FROM outbox WHERE published_at IS NULL AND stream = s.stream ORDER BY id LIMIT :limit) AS r"
)
MARK = sa.text(
    "UPDATE outbox SET published_at = now(), stream_seq = r.seq"
    " FROM unnest(CAST(:ids AS bigint[]), CAST(:seqs AS bigint[])) AS r(id, seq)"
    " WHERE outbox.id = r.id"
)
KNOWN = sa.text(
    "SELECT s.name, s.created, (SELECT max(stream_seq) FROM outbox WHERE stream = s.name) AS newest"
    " FROM streams s ORDER BY s.name"
)
REMEMBER = sa.text(
    "INSERT INTO streams (name, created) VALUES (:name, :created)"
    " ON CONFLICT (name) DO UPDATE SET created = excluded.created"
)
REOPEN = sa.text(
    "UPDATE outbox SET published_at = NULL, stream_seq = NULL, issues = issues + 1"
    " WHERE stream = :stream AND stream_seq > :seq"
)


@dataclass(frozen=True, slots=True)
class Message:
    """A message for a stream; ``message_id`` is what the broker drops repeats by."""

    stream: str
    subject: str
    message_id: str
    payload: bytes


async def enqueue(session: AsyncSession, messages: Sequence[Message]) -> None:
    """Put messages into the outbox, in their order, in one statement."""
    if messages:
        await session.execute(
            INSERT,
            {
                "streams": [m.stream for m in messages],
                "subjects": [m.subject for m in messages],
                "ids": [m.message_id for m in messages],
                "payloads": [m.payload for m in messages],
            },
        )


class Relay:
    """Publishes a service's outbox.

    One relay of a service works at a time, so that a contact is in its stream before the event
    that needs it. ``order`` names streams that go before all others of the same round.
    """

    def __init__(self, database: Database, nats: Client, first: tuple[str, ...] = ()) -> None:
        self.database, self.nats, self.first = database, nats, first
        self.wake = asyncio.Event()
        self.checked = False
        self.known: set[str] = set()

    async def run(self, poll: float = 1.0) -> None:
        """Publish for ever; an outage of broker or database is waited out."""
        pause = poll
        while True:
            try:
                self.wake.clear()  # before looking: what is written meanwhile must not be missed
                if not self.checked:
                    await self.recover()
                sent = await self.publish_round()
                pause = 0.0 if sent else poll
            except asyncio.CancelledError:
                raise
            except Exception as fault:
                log.warning("relay_waits", error=type(fault).__name__)
                self.checked, pause = False, poll
            if pause:
                try:
                    await asyncio.wait_for(self.wake.wait(), pause)
                except TimeoutError:
                    continue

    async def recover(self) -> None:
        """Publish again what a broker has lost: the end of a stream, or all of it.

        A stream that was made anew counts from 1 again, so it is known by when it was made.
        """
        jetstream = self.nats.jetstream()
        async with self.database.transaction() as session:
            await take_turn(session, "relay")
            for name, created, newest in (await session.execute(KNOWN)).all():
                info = await jetstream.stream_info(name)
                last = info.state.last_seq
                if _made(info) != created:
                    await session.execute(REMEMBER, {"name": name, "created": _made(info)})
                    last = 0
                if newest is not None and last < newest:
                    lost = await session.execute(REOPEN, {"stream": name, "seq": last})
                    log.warning("stream_refilled", stream=name, messages=lost.rowcount)
            self.known = set((await session.scalars(sa.text("SELECT name FROM streams"))).all())
        self.checked = True

    async def publish_round(self, limit: int = 1000) -> int:
        """Publish one round of unpublished rows of each stream; returns how many went out.

        Raises what a stream failed with, after the others have had their turn. Where one of the
        ``first`` fails, the rest waits.
        """
        failed: list[tuple[str, Exception]] = []
        ids: list[int] = []
        seqs: list[int] = []
        async with self.database.transaction() as session:
            await take_turn(session, "relay")
            by_stream: dict[str, list] = {}
            for row in (await session.execute(PENDING, {"limit": limit})).all():
                by_stream.setdefault(row.stream, []).append(row)
            for stream in sorted(by_stream, key=lambda name: (name not in self.first, name)):
                if stream not in self.first and any(name in self.first for name, _ in failed):
                    break
                try:
                    if stream not in self.known:
                        await self._remember(session, stream)
                    for part in _parts(by_stream[stream]):
                        seqs += await publish(
                            self.nats, [(r.subject, r.message_id, r.payload) for r in part]
                        )
                        ids += [row.id for row in part]
                except TimeoutError as fault:
                    failed.append((stream, fault))
                    break
                except (NatsError, OSError) as fault:
                    failed.append((stream, fault))
            if ids:
                await session.execute(MARK, {"ids": ids, "seqs": seqs})
        if failed:
            raise failed[0][1]
        return len(ids)

    async def _remember(self, session: AsyncSession, stream: str) -> None:
        info = await self.nats.jetstream().stream_info(stream)
        await session.execute(REMEMBER, {"name": stream, "created": _made(info)})
        self.known.add(stream)


def _made(info: StreamInfo) -> str:
    return str(info.created)


def _parts(rows: Sequence) -> list[list]:
    parts: list[list] = [[]]
    size = 0
    for row in rows:
        if parts[-1] and (len(parts[-1]) >= ATOMIC_LIMIT or size + len(row.payload) > ATOMIC_BYTES):
            parts.append([])
            size = 0
        parts[-1].append(row)
        size += len(row.payload)
    return parts


async def publish(nats: Client, messages: Sequence[tuple[str, str, bytes]]) -> list[int]:
    """Publish (subject, message id, payload) to one stream and return their stream sequences.

    An atomic batch costs a handful of disk syncs instead of one a message. One known id makes the
    broker refuse the whole batch: then each goes by itself, under the same id.
    """
    jetstream = nats.jetstream(timeout=10)
    if len(messages) > 2:
        seqs = await _publish_atomic(nats, messages)
        if seqs is not None:
            return seqs
    return await _publish_each(jetstream, messages)


async def _publish_atomic(
    nats: Client, messages: Sequence[tuple[str, str, bytes]]
) -> list[int] | None:
    batch = uuid.uuid4().hex
    for n, (subject, message_id, payload) in enumerate(messages[:-1], 1):
        headers = {"Nats-Msg-Id": message_id, "Nats-Batch-Id": batch, "Nats-Batch-Sequence": str(n)}
        await nats.publish(subject, payload, headers=headers)
    subject, message_id, payload = messages[-1]
    reply = await nats.request(
        subject,
        payload,
        timeout=10,
        headers={
            "Nats-Msg-Id": message_id,
            "Nats-Batch-Id": batch,
            "Nats-Batch-Sequence": str(len(messages)),
            "Nats-Batch-Commit": "1",
        },
    )
    acknowledged = orjson.loads(reply.data)
    if "error" in acknowledged:
        return None
    last = acknowledged["seq"]
    return list(range(last - len(messages) + 1, last + 1))


async def _publish_each(
    jetstream: JetStreamContext, messages: Sequence[tuple[str, str, bytes]]
) -> list[int]:
    seqs = []
    for start in range(0, len(messages), 200):
        futures = [
            await jetstream.publish_async(subject, payload, headers={"Nats-Msg-Id": message_id})
            for subject, message_id, payload in messages[start : start + 200]
        ]
        seqs += [ack.seq for ack in await asyncio.wait_for(asyncio.gather(*futures), 15)]
    return seqs
