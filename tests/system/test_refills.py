"""A consumer that finds messages missing asks for them, and its publishers publish them again."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import nats
import pytest

from tests.builders import install
from tests.instance import Instance, instance, wait_for

PLAN = "quang-tri-rthome-2019"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    folder: Path = tmp_path_factory.mktemp("refills")
    with instance(folder) as made:
        made.extra["MOTCUA_ACK_WAIT"] = "5"
        made.start_all()
        made.apply_plan(PLAN)
        yield made


def succeeded(running: Instance, unit: str) -> int:
    rows = running.get("quota", "/v1/stipends", plan=PLAN)["rows"]
    return next(row["succeeded"] for row in rows if row["unit"] == unit)


def attempts(running: Instance, unit: str) -> int:
    rows = running.get("reporting", "/v1/reports/installs")["rows"]
    return sum(row["installs"] for row in rows if row["unit"] == unit)


def ask_broker(running: Instance, question: Any) -> Any:
    async def asked() -> Any:
        client = await nats.connect(running.urls["nats"])
        try:
            return await question(client.jetstream())
        finally:
            await client.close()

    return asyncio.run(asked())


def ask_store(running: Instance, name: str, *statements: str) -> None:
    async def asked() -> None:
        connection = await asyncpg.connect(running.urls[name])
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(asked())


def position(running: Instance) -> int:
    async def asked() -> int:
        connection = await asyncpg.connect(running.urls["quota"])
        try:
            return await connection.fetchval(
                "SELECT seq FROM positions WHERE consumer = 'quota-events'"
            )
        finally:
            await connection.close()

    return asyncio.run(asked())


def test_messages_purged_before_they_were_read_come_again(running: Instance) -> None:
    running.post([install(n, "461") for n in range(20)])
    running.settle()
    wait_for(lambda: position(running))
    running.kill("quota")
    running.post([install(n, "461") for n in range(20, 60)])
    running.settle(("reporting", "notify"))

    ask_broker(running, lambda jetstream: jetstream.purge_stream("EVENTS"))
    running.start("quota")
    running.wait_ready("quota")

    wait_for(lambda: succeeded(running, "461") == 60)
    running.settle()
    assert succeeded(running, "461") == 60
    assert attempts(running, "461") == 60


def test_a_store_restored_from_a_backup_catches_up(running: Instance) -> None:
    running.post([install(n, "462") for n in range(30)])
    running.settle()
    before = position(running)
    running.kill("reporting")
    # As a restored backup looks: it knows nothing of what came after it was made.
    ask_store(
        running,
        "reporting",
        "DELETE FROM installs WHERE unit = '462'",
        "DELETE FROM inbox",
        "UPDATE positions SET seq = 0",
    )
    assert before
    running.start("reporting")
    running.wait_ready("reporting")

    wait_for(lambda: attempts(running, "462") == 30)
    running.settle()
    assert attempts(running, "462") == 30
    assert succeeded(running, "462") == 30


def test_what_was_wiped_and_asked_for_by_hand_comes_again(running: Instance) -> None:
    running.post([install(n, "464") for n in range(10)])
    running.settle()
    ask_broker(running, lambda jetstream: jetstream.purge_stream("EVENTS"))
    answer = running.http.post(
        running.url("intake", "/v1/replays"), params={"since": "2019-01-01T00:00:00+07:00"}
    )
    assert answer.status_code == 202
    running.settle()
    kept = ask_broker(running, lambda jetstream: jetstream.stream_info("EVENTS")).state.messages
    assert kept >= 100  # within the broker's window for repeats, yet kept again
    assert succeeded(running, "464") == 10
    assert attempts(running, "464") == 10
