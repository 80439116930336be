"""A pull loop on a real broker: quick while messages come, at rest while none do."""

import asyncio

import nats
import pytest
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.api import StreamConfig

from shared.messaging import fetching
from tests.instance import stores


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    with stores(tmp_path_factory.mktemp("stores")) as urls:
        yield urls["nats"]


async def test_an_idle_loop_waits_long_and_hands_on_at_once(url):
    fetching.install()
    client = await nats.connect(url)
    jetstream = client.jetstream()
    await jetstream.add_stream(StreamConfig(name="S", subjects=["s"]))
    pull = await jetstream.pull_subscribe("s", durable="d", stream="S")
    with pytest.raises(NatsTimeoutError):
        await pull.fetch(10, 0.05)
    waiting = asyncio.create_task(pull.fetch(10, 0.05))
    done, _ = await asyncio.wait({waiting}, timeout=0.5)
    assert not done
    for n in range(4):
        await jetstream.publish("s", f"{n}".encode())
    first = await asyncio.wait_for(waiting, 5)
    assert [message.data for message in first] == [b"0"]
    rest = []
    while len(rest) < 3:
        rest += await pull.fetch(10, 0.5)
    assert [message.data for message in rest] == [b"1", b"2", b"3"]
    for message in first + rest:
        await message.ack()
    # What is left of a batch is not waited for any longer than the batch may take.
    with pytest.raises(NatsTimeoutError):
        await asyncio.wait_for(pull.fetch(3, 0.05), 1.5)
    with pytest.raises(NatsTimeoutError):
        await asyncio.wait_for(pull.fetch(3, 0.05), 1.5)
    await client.close()
