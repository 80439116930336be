"""Builds reporting's store anew from the streams while the present one answers, then switches.

The next store is derived in a schema of its own, message by message as a consumer would. At the end
nobody writes for a moment: the last messages are taken, it is checked that nothing is missing that
the present store has seen, and both change places in one transaction. A run that is killed leaves
the present store as it was, and the next run begins anew.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import nats
from nats.aio.client import Client
from nats.errors import TimeoutError as NothingMore
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from sqlalchemy.ext.asyncio import create_async_engine

from services.reporting.handlers.applying import apply_events, roll_pending
from services.reporting.handlers.outcomes import apply_outcomes
from services.reporting.handlers.planning import apply_plans, parse_plan
from services.reporting.store import schemas
from shared import events, keys
from shared.db import Database
from shared.messaging import BatchConsumer
from shared.messaging.batches import Delivered
from shared.questionnaires import Scales, load_questionnaires
from shared.settings import deploy_dir
from shared.units import UnitRegistry

MIGRATIONS = Path(__file__).parent.parent / "migrations"
AT_ONCE = 500
STREAMS = ("PLANS", "KEYS", "EVENTS", "OUTCOMES")

Progress = Callable[[int, int], None]
"""Told (messages read, messages to read)."""


class RebuildRefused(Exception):
    """Why the store was not replaced; the present one is as it was."""


async def rebuild(database_url: str, nats_url: str, progress: Progress) -> int:
    """Build the store anew and put it in the place of the present one; returns the messages read.

    Raises:
        RebuildRefused: somebody else rebuilds, the present store is not up to date, the streams no
            longer hold all that it has seen, or rules changed meanwhile.
    """
    registry = UnitRegistry.load(deploy_dir() / "units")
    scales = Scales(load_questionnaires(deploy_dir() / "questionnaires"))
    target = Database(database_url, schemas.NEXT, pool=2)
    engine = create_async_engine(target.url, hide_parameters=True)
    client = await nats.connect(nats_url.split(","), inbox_prefix="_INBOX_reporting")
    try:
        async with engine.connect() as guard, engine.connect() as connection:
            if not await schemas.claim(guard):
                raise RebuildRefused("reporting is being rebuilt already")
            await schemas.begin(connection)
            await target.migrate(MIGRATIONS)
            if not await schemas.same_revision(connection):
                raise RebuildRefused("bring the store up to date first: motcua migrate")
            await schemas.take_rules(connection)
            sources = [
                _Source(client, stream, consumer)
                for stream, consumer in _consumers(target, registry, scales).items()
            ]
            for source in sources:
                await source.begin()
            total = sum(source.waiting for source in sources)

            async def read_all() -> int:
                read = 0
                for source in sources:
                    async for count in source.read():
                        read += count
                        progress(read, max(read, total))
                        while await roll_pending(target, registry, least=5000):
                            pass
                return read

            done = await read_all()
            while await roll_pending(target, registry):
                pass
            async with connection.begin():
                await schemas.hold(connection)
                total = done
                done += await read_all()
                missing, rules = await schemas.lacking(connection)
                if missing:
                    raise RebuildRefused(
                        f"{missing} messages that reporting has seen are no longer in the streams:"
                        " put them back with motcua replay --from, then rebuild"
                    )
                if rules:
                    raise RebuildRefused("rules about due dates changed meanwhile: rebuild again")
                await schemas.put_in_place(connection)
            await schemas.clean_up(connection)
            return done
    finally:
        await client.close()
        await target.close()
        await engine.dispose()


def _consumers(
    target: Database, registry: UnitRegistry, scales: Scales
) -> dict[str, BatchConsumer[Any]]:
    parts: dict[str, tuple[Any, Any]] = {
        "PLANS": (parse_plan, apply_plans),
        "KEYS": (keys.parse, keys.store),
        "EVENTS": (events.parse, partial(apply_events, registry=registry, scales=scales)),
        "OUTCOMES": (events.parse, partial(apply_outcomes, registry=registry)),
    }
    return {
        stream: BatchConsumer(f"reporting-{stream.lower()}", stream, target, *parts[stream])
        for stream in STREAMS
    }


class _Source:
    """One stream, read from its first message on."""

    def __init__(self, client: Client, stream: str, consumer: BatchConsumer[Any]) -> None:
        self.client, self.stream, self.consumer = client, stream, consumer
        self.read_to = 0
        self.waiting = 0

    async def begin(self) -> None:
        """Start at the beginning."""
        jetstream = self.client.jetstream(timeout=20)
        self.waiting = (await jetstream.stream_info(self.stream)).state.messages
        self.pulled = await jetstream.pull_subscribe(
            f"motcua.{self.stream.lower()}.>",
            stream=self.stream,
            config=ConsumerConfig(
                deliver_policy=DeliverPolicy.ALL,
                ack_policy=AckPolicy.NONE,
                inactive_threshold=600,
                mem_storage=True,
            ),
        )

    async def read(self) -> Any:
        """Apply what is there; yields how many messages each batch had."""
        last = (await self.client.jetstream(timeout=20).stream_info(self.stream)).state.last_seq
        while self.read_to < last:
            try:
                messages = await self.pulled.fetch(AT_ONCE, timeout=2)
            except (NothingMore, TimeoutError):
                if (await self.pulled.consumer_info()).num_pending == 0:
                    return
                continue
            batch = [
                Delivered(one.subject, one.metadata.sequence.stream, 1, one.data)
                for one in messages
            ]
            left = batch
            for attempt in range(1, 7):
                _, later = await self.consumer.apply(left)
                left = [
                    Delivered(one.subject, one.seq, attempt + 1, one.payload) for one, _ in later
                ]
                if not left:
                    break
            self.read_to = batch[-1].seq
            yield len(batch)
