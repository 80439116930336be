"""A flood of events with repeats, refusals and conflicts: every count must add up, memory be flat.

`python -m tests.bench.flood --events 1000000` starts intake with its own stores, posts the events
in batches over a few connections, and holds what was answered and what is stored against what the
numbering of the events says.
"""

import argparse
import asyncio
import json
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import nats
import orjson

from tests.builders import install, submitted
from tests.instance import ADMIN, Instance, instance

UNITS = ("461", "462", "464", "466", "468", "469", "470", "465", "467")
SOURCE = "/flood"
BATCH = 500
CONNECTIONS = 4
SHARES = {"accepted": 92, "duplicate": 5, "refused": 2, "conflict": 1}
"""Of each hundred events."""


def expected(count: int) -> dict[str, int]:
    """What becomes of ``count`` events, in whole hundreds."""
    return {status: share * (count // 100) for status, share in SHARES.items()}


def flood(count: int) -> Iterator[dict[str, Any]]:
    """Hundreds of events: 92 new ones, then 5 repeats, 2 faulty ones and 1 that contradicts.

    No event is repeated or contradicted twice, so the counts do not hang on the order.
    """
    for hundred in range(count // 100):
        fresh = [_fresh(hundred * 100 + n) for n in range(92)]
        yield from fresh
        yield from fresh[10:15]
        for n, fault in ((92, {"unit": "no-such-unit"}), (93, {})):
            made = _fresh(hundred * 100 + n)
            made["data"] |= fault
            if not fault:
                made["time"] = "2019-09-31T08:00:00+07:00"
            yield made
        contrary = _fresh(hundred * 100 + 20)
        contrary["data"]["reason"] = "another body"
        contrary["data"]["submitted_at"] = "2020-03-01T08:00:00+07:00"
        yield contrary


def _fresh(n: int) -> dict[str, Any]:
    unit = UNITS[n % len(UNITS)]
    if n % 5 == 0:
        phone = f"09000000{n % 90 + 10}"
        made = submitted(f"F-{n}", unit, applicant={"name": "Người thử nghiệm", "phone": phone})
    else:
        made = install(n % 30_000, unit, device=f"flood-{n}")
    return made | {"source": SOURCE, "id": f"flood-{n}"}


def batches(count: int) -> Iterator[bytes]:
    """The flood in bodies of a batch each."""
    batch: list[dict[str, Any]] = []
    for made in flood(count):
        batch.append(made)
        if len(batch) == BATCH:
            yield orjson.dumps(batch)
            batch = []
    if batch:
        yield orjson.dumps(batch)


def resident_mib(pid: int) -> float:
    """What a process holds of the memory, in MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no such process")


async def pour(running: Instance, count: int, say: Any = None) -> tuple[Counter[str], list[float]]:
    """Post the flood; returns what was answered, and intake's memory after each twentieth."""
    answered: Counter[str] = Counter()
    memory: list[float] = []
    url, pid = running.url("intake", "/v1/events"), running.processes["intake-0"].pid
    headers = {
        "Authorization": f"Bearer {ADMIN}",
        "Content-Type": "application/cloudevents-batch+json",
    }
    waiting = batches(count)
    step = max(1, count // 20)
    async with httpx.AsyncClient(headers=headers, timeout=120) as client:

        async def connection() -> None:
            for body in waiting:
                answer = await client.post(url, content=body)
                while answer.status_code == 503:
                    await asyncio.sleep(float(answer.headers["retry-after"]))
                    answer = await client.post(url, content=body)
                answer.raise_for_status()
                answered.update(result["status"] for result in answer.json()["results"])
                while len(memory) < answered.total() // step:
                    memory.append(resident_mib(pid))
                    if say:
                        say(answered.total(), memory[-1])

        await asyncio.gather(*(connection() for _ in range(CONNECTIONS)))
    return answered, memory


async def stored(running: Instance) -> dict[str, int]:
    """What the store and the stream hold of the flood."""
    connection = await asyncpg.connect(running.urls["owner"])
    client = await nats.connect(running.urls["nats"])
    try:
        counts = {
            name: await connection.fetchval(f"SELECT count(*) FROM intake.{query}", SOURCE)
            for name, query in (
                ("events", "events WHERE source = $1"),
                ("published", "outbox o JOIN intake.events e USING (message_id) WHERE source = $1"
                 " AND stream = 'EVENTS' AND published_at IS NOT NULL"),
                ("refused", "quarantine WHERE source = $1 AND kind = 'refused'"),
                ("conflict", "quarantine WHERE source = $1 AND kind = 'conflict'"),
            )
        }  # fmt: skip
        info = await client.jetstream().stream_info("EVENTS")
        counts["stream"] = info.state.messages
        row = await connection.fetchrow(
            "SELECT sum(accepted) a, sum(duplicate) d, sum(conflict) c FROM intake.arrivals"
            " WHERE source = $1",
            SOURCE,
        )
        counts |= {"arrived": int(row["a"]), "repeated": int(row["d"]), "contrary": int(row["c"])}
    finally:
        await connection.close()
        await client.close()
    return counts


def fitting(count: int) -> dict[str, int]:
    """What `stored` must say after a flood of ``count`` events."""
    parts = expected(count)
    accepted = parts["accepted"]
    return {
        "events": accepted,
        "published": accepted,
        "stream": accepted,
        "arrived": accepted,
        "refused": parts["refused"],
        "conflict": parts["conflict"],
        "repeated": parts["duplicate"],
        "contrary": parts["conflict"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000, help="in hundreds")
    count = parser.parse_args().events // 100 * 100

    def say(done: int, mib: float) -> None:
        print(f"{done:>10,} events answered, intake holds {mib:6.1f} MiB", flush=True)

    with tempfile.TemporaryDirectory() as folder, instance(Path(folder)) as running:
        running.start("intake")
        running.wait_ready("intake")
        began = time.monotonic()
        answered, memory = asyncio.run(pour(running, count, say))
        seconds = time.monotonic() - began
        running.settle(("intake",), seconds=600)
        found = asyncio.run(stored(running))
    report = {
        "events_per_second": round(count / seconds),
        "answered": dict(answered),
        "answered_fits": dict(answered) == expected(count),
        "stored": found,
        "stored_fits": found == fitting(count),
        "memory_mib": {"after_a_tenth": memory[1], "at_the_end": memory[-1], "most": max(memory)},
    }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
