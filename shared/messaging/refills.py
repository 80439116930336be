"""What a stream no longer holds is asked for again, and published again from the outbox.

A consumer goes on silently where its stream begins later than it had come: messages that grew too
old, or that somebody purged, are just not there. So each service remembers how far it had come, and
asks the services that publish to the stream for what lies between. They publish it again as new
messages; what had taken effect takes none again.
"""

import json
from collections.abc import Callable, Iterable

import sqlalchemy as sa
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from shared.db import Database

log = structlog.get_logger()

PUBLISHERS = {
    "EVENTS": ("intake",),
    "CONTACTS": ("intake",),
    "KEYS": ("intake",),
    "PLANS": ("quota",),
    "OUTCOMES": ("intake", "quota", "notify", "reporting"),
}
"""Who publishes to each stream that somebody consumes."""

ANSWER_SECONDS = 5.0
LOAD = sa.text("SELECT consumer, created, seq FROM positions")
SAVE = sa.text(
    "INSERT INTO positions (consumer, created, seq) VALUES (:consumer, :created, :seq)"
    " ON CONFLICT (consumer) DO UPDATE SET created = excluded.created, seq = excluded.seq"
)
REOPEN = sa.text(
    "UPDATE outbox SET published_at = NULL, stream_seq = NULL, issues = issues + 1"
    " WHERE stream = :stream AND stream_seq BETWEEN :first AND :last"
)


class Refills:
    """A service's part in refilling streams: asking as a consumer, answering as a publisher.

    Args:
        service: its name.
        database: its store, with its outbox and the positions of its consumers.
        announce: called once there is something to publish.
    """

    def __init__(self, service: str, database: Database, announce: Callable[[], None]) -> None:
        self.service, self.database, self.announce = service, database, announce
        self.checked: set[str] = set()

    async def listen(self, nats: Client) -> None:
        """Answer requests for what this service has published."""
        await nats.subscribe(f"motcua.refills.*.{self.service}", self.service, self._answer)

    async def _answer(self, request: Msg) -> None:
        stream = request.subject.split(".")[2]
        wanted = json.loads(request.data)
        async with self.database.transaction() as session:
            found = await session.execute(REOPEN, {"stream": stream, **wanted})
        log.warning("stream_refilled", stream=stream, messages=found.rowcount)  # type: ignore[attr-defined]
        self.announce()
        await request.respond(b"ok")

    async def check(self, nats: Client, consumers: Iterable[tuple[str, str]]) -> None:
        """Note how far each consumer, as (name, stream), has come; ask for what it never saw.

        A position moves on only when every publisher of the stream has answered. The first check
        also asks for what the broker holds for read and this store has not noted: little, after a
        crash; much, where the store was restored from a backup.
        """
        jetstream = nats.jetstream()
        async with self.database.transaction() as session:
            known = {row.consumer: row for row in await session.execute(LOAD)}
        for name, stream in consumers:
            # In this order: what comes in between moves the floor, never the beginning.
            info = await jetstream.stream_info(stream)
            floor = (await jetstream.consumer_info(stream, name)).ack_floor
            created, seq = str(info.created), floor.stream_seq if floor else 0
            before = known.get(name)
            # A stream made anew is filled by its publishers themselves.
            if before is not None and before.created == created:
                read = 0 if name in self.checked else seq
                last = max(info.state.first_seq - 1, read)
                if last > before.seq and not await self._ask(nats, stream, before.seq + 1, last):
                    continue
                if seq == before.seq:
                    self.checked.add(name)
                    continue
            async with self.database.transaction() as session:
                position = {"consumer": name, "created": created, "seq": seq}
                await session.execute(SAVE, position)
            self.checked.add(name)

    async def _ask(self, nats: Client, stream: str, first: int, last: int) -> bool:
        log.info("refill_wanted", stream=stream, first=first, last=last)
        wanted = json.dumps({"first": first, "last": last}).encode()
        for publisher in PUBLISHERS[stream]:
            subject = f"motcua.refills.{stream}.{publisher}"
            try:
                await nats.request(subject, wanted, timeout=ANSWER_SECONDS)
            except (NatsError, TimeoutError):
                log.warning("refill_waits", stream=stream, publisher=publisher)
                return False
        return True
