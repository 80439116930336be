"""Notices a second, from dossiers posted to texts that a gateway has taken, beside a plain loop.

The gateway answers at once, in a process of its own: ``python -m tests.bench.notices PORT``. The
loop is what one would write first: claim one message, send it, commit; on the same database and
gateway, with its messages written beforehand.
"""

import asyncio
import contextlib
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from shared.embedded.process import free_port
from tests.bench.load import post_all
from tests.bench.system import System, running
from tests.builders import submitted
from tests.instance import ROOT
from tests.system.world import LOCAL

UNIT = "19333"
STUCK_SECONDS = 180
SENT = "SELECT count(*) FROM notify.notices WHERE state = 'sent'"
LOOP_TABLE = """
CREATE TABLE plain_messages (
    id bigint PRIMARY KEY, phone text NOT NULL, body text NOT NULL, state text NOT NULL
);
CREATE INDEX ON plain_messages (id) WHERE state = 'ready'
"""
CLAIM = (
    "SELECT id, phone, body FROM plain_messages WHERE state = 'ready' ORDER BY id LIMIT 1"
    " FOR UPDATE SKIP LOCKED"
)


def dossiers(round_: int, count: int) -> list[dict[str, Any]]:
    """Dossiers that were just received, each of another applicant."""
    at = (datetime.now(LOCAL) - timedelta(minutes=5)).isoformat()
    return [
        submitted(
            f"notices-{round_}-{n}", UNIT, authority="commune", submitted_at=at, received_at=at,
            applicant={"name": "Người thử nghiệm", "phone": f"0900{n % 1_000_000:06}"},
        ) | {"time": at}
        for n in range(count)
    ]  # fmt: skip


async def serve(port: int) -> None:
    """Take every message that comes, and say so at once."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                size = int(head.partition(b"content-length:")[2].split(b"\r", 1)[0])
                await reader.readexactly(size)
                body = b'{"CodeResult": "100"}'
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


@contextlib.contextmanager
def gateway() -> Iterator[str]:
    """The address of a gateway that answers at once."""
    port = free_port()
    argv = [sys.executable, "-m", "tests.bench.notices", str(port)]
    with subprocess.Popen(argv, cwd=ROOT) as process:
        try:
            yield f"http://127.0.0.1:{port}/send"
        finally:
            process.kill()


async def by_motcua(system: System, round_: int, count: int) -> float:
    """Notices a second from the first POST until the last one is recorded as sent."""
    made = dossiers(round_, count)
    store = await asyncpg.connect(system.database_url)
    try:
        goal = await store.fetchval(SENT) + count
        began = time.perf_counter()
        async with asyncio.timeout(STUCK_SECONDS), asyncio.TaskGroup() as group:
            group.create_task(post_all(f"{system.urls['intake']}/v1/events", system.key, made))
            while True:
                if await store.fetchval(SENT) >= goal:
                    break
                await asyncio.sleep(0.02)
        return count / (time.perf_counter() - began)
    finally:
        await store.close()


async def by_a_loop(database: str, url: str, count: int) -> float:
    """Messages a second, one claim, one call and one commit after the other."""
    store = await asyncpg.connect(database)
    client = httpx.AsyncClient(
        limits=httpx.Limits(max_keepalive_connections=0), trust_env=False, timeout=20
    )
    try:
        await store.execute(LOOP_TABLE)
        rows = [(n, f"0900{n:06}", "Da tiep nhan ho so", "ready") for n in range(count)]
        await store.copy_records_to_table("plain_messages", records=rows)
        began = time.perf_counter()
        for _ in range(count):
            async with store.transaction():
                row = await store.fetchrow(CLAIM)
                assert row is not None
                answer = await client.post(url, json={"Phone": row["phone"], "Text": row["body"]})
                assert answer.json()["CodeResult"] == "100"
                await store.execute(
                    "UPDATE plain_messages SET state = 'sent' WHERE id = $1", row["id"]
                )
        return count / (time.perf_counter() - began)
    finally:
        await client.aclose()
        await store.execute("DROP TABLE IF EXISTS plain_messages")
        await store.close()


def measure(
    folder: Path, rounds: int, count: int, plain: int, tick: Callable[[str], None]
) -> dict[str, Any]:
    """The figures, by a system of its own whose notify sends through the gateway; ``rounds`` of
    ``count`` notices, and of ``plain`` messages by the loop."""
    with gateway() as url:
        settings = {
            "MOTCUA_NOTIFY_GATEWAYS": "esms", "MOTCUA_NOTIFY_QUIET_HOURS": "", "ESMS_URL": url,
            "ESMS_API_KEY": "k", "ESMS_SECRET_KEY": "s", "ESMS_BRANDNAME": "MOTCUA",
            "ESMS_RECEIPT_KEY": "r", "ESMS_RATE": "100000",
        }  # fmt: skip
        with running(folder, settings) as system:
            fast, slow = [], []
            asyncio.run(by_motcua(system, rounds, 50))  # everything is warm from here on
            for number in range(rounds):
                tick("notices")
                fast.append(asyncio.run(by_motcua(system, number, count)))
                tick("loop")
                slow.append(asyncio.run(by_a_loop(system.database_url, url, plain)))
    sent, loop = statistics.median(fast), statistics.median(slow)
    return {
        "notices_per_second": round(sent),
        "notices_loop_per_second": round(loop),
        "notices_times_loop": round(sent / loop, 2),
    }


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(int(sys.argv[1])))
