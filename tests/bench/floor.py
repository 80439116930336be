"""The floor under everything: the raw broker and the raw database, with nothing in between."""

import asyncio
import time

import asyncpg
import nats
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.api import StorageType, StreamConfig

STREAM = "FLOOR"


async def measure_floor(database: str, broker: str, payloads: list[bytes]) -> float:
    """Messages a second from publish over pull into one table by COPY, both sides at once."""
    client = await nats.connect(broker)
    store = await asyncpg.connect(database)
    jetstream = client.jetstream(timeout=20)
    await store.execute("CREATE SCHEMA IF NOT EXISTS floor")
    await store.execute("DROP TABLE IF EXISTS floor.events")
    await store.execute("CREATE TABLE floor.events (seq bigint PRIMARY KEY, body bytea)")
    await jetstream.add_stream(
        StreamConfig(name=STREAM, subjects=["floor.>"], storage=StorageType.FILE)
    )
    try:
        pull = await jetstream.pull_subscribe("floor.>", durable="floor", stream=STREAM)
        began = time.perf_counter()

        async def publish() -> None:
            for start in range(0, len(payloads), 500):
                futures = [
                    await jetstream.publish_async("floor.events", payload)
                    for payload in payloads[start : start + 500]
                ]
                await asyncio.gather(*futures)

        async def consume() -> None:
            done = 0
            while done < len(payloads):
                try:
                    got = await pull.fetch(500, timeout=1)
                except NatsTimeoutError:
                    continue
                rows = [(m.metadata.sequence.stream, m.data) for m in got]
                await store.copy_records_to_table("events", schema_name="floor", records=rows)
                for message in got:
                    await message.ack()
                done += len(got)

        await asyncio.gather(publish(), consume())
        return len(payloads) / (time.perf_counter() - began)
    finally:
        await jetstream.delete_stream(STREAM)
        await store.execute("DROP SCHEMA floor CASCADE")
        await store.close()
        await client.close()
