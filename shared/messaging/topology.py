"""Every stream and every consumer, in one place: nothing else creates or changes one."""

from dataclasses import dataclass

from nats.aio.client import Client
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    DiscardPolicy,
    StorageType,
    StreamConfig,
)
from nats.js.errors import NotFoundError

DAY = 86_400
GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream: how much and how long it keeps (bytes, seconds; 0 = for ever)."""

    name: str
    subjects: str
    max_bytes: int
    max_age: int = 0
    deny_delete: bool = False


STREAMS = (
    Stream("EVENTS", "motcua.events.>", 4 * GIB, 90 * DAY, deny_delete=True),
    Stream("CONTACTS", "motcua.contacts.>", GIB),
    Stream("PLANS", "motcua.plans.>", GIB // 4),
    Stream("KEYS", "motcua.keys.>", GIB // 16),
    Stream("OUTCOMES", "motcua.outcomes.>", GIB, 90 * DAY),
    Stream("DEAD", "motcua.dead.>", GIB // 4, 365 * DAY),
)

CONSUMERS = (
    ("EVENTS", "quota-events"),
    ("KEYS", "quota-keys"),
    ("EVENTS", "notify-events"),
    ("CONTACTS", "notify-contacts"),
    ("PLANS", "notify-plans"),
    ("OUTCOMES", "notify-outcomes"),
    ("KEYS", "notify-keys"),
    ("EVENTS", "reporting-events"),
    ("PLANS", "reporting-plans"),
    ("OUTCOMES", "reporting-outcomes"),
    ("KEYS", "reporting-keys"),
)


async def provision(nats: Client, replicas: int, ack_wait: int) -> None:
    """Create what is missing and bring what exists to this configuration; safe to repeat.

    Args:
        nats: whose user may create streams and consumers.
        replicas: servers that keep each stream.
        ack_wait: seconds after which what was not acknowledged is delivered again.
    """
    jetstream = nats.jetstream(timeout=20)
    for stream in STREAMS:
        config = StreamConfig(
            name=stream.name,
            subjects=[stream.subjects],
            storage=StorageType.FILE,
            num_replicas=replicas,
            max_bytes=stream.max_bytes,
            max_age=stream.max_age,
            max_msg_size=1 << 20,
            discard=DiscardPolicy.NEW,
            duplicate_window=600,
            deny_delete=stream.deny_delete,
            allow_atomic=True,
            allow_direct=True,
        )
        try:
            await jetstream.stream_info(stream.name)
            await jetstream.update_stream(config)
        except NotFoundError:
            await jetstream.add_stream(config)
    for stream_name, durable in CONSUMERS:
        await jetstream.add_consumer(
            stream_name,
            ConsumerConfig(
                durable_name=durable,
                deliver_policy=DeliverPolicy.ALL,
                ack_policy=AckPolicy.EXPLICIT,
                ack_wait=ack_wait,
                max_deliver=-1,
                max_ack_pending=5_000,
            ),
        )
