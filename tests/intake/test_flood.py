"""Many events at once, and a database that is away: exact counts, bounded memory, prompt answers."""

import asyncio
import json
import os
import signal
import time
from pathlib import Path

import httpx
import pytest

from tests.bench.flood import expected, fitting, pour, stored
from tests.builders import install
from tests.instance import ADMIN, instance, wait_for

EVENTS = 20_000
ANSWER_SECONDS = 3
BATCH = {
    "Authorization": f"Bearer {ADMIN}",
    "Content-Type": "application/cloudevents-batch+json",
}


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with instance(tmp_path_factory.mktemp("flood")) as made:
        made.start("intake", MOTCUA_ANSWER_SECONDS="60")
        made.wait_ready("intake")
        yield made


def test_every_count_of_a_flood_adds_up_and_memory_stays_flat(running):
    answered, memory = asyncio.run(pour(running, EVENTS))
    assert dict(answered) == expected(EVENTS)
    running.settle(("intake",))
    assert asyncio.run(stored(running)) == fitting(EVENTS)
    assert max(memory[10:]) - max(memory[:5]) < 40


def family(pid):
    """A process and its children."""
    found = [pid]
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if parent == pid:
            found.append(int(stat.parent.name))
    return found


@pytest.mark.parametrize("size", [20, pytest.param(100, marks=pytest.mark.soak)])
def test_a_database_that_hangs_is_answered_for_in_time_and_nothing_piles_up(running, size):
    running.start("intake", 1, MOTCUA_ANSWER_SECONDS=str(ANSWER_SECONDS))
    running.wait_ready("intake", 1)
    children = json.loads((running.folder / "stores" / "children.json").read_text())["children"]
    [database] = [child["pid"] for child in children if child["name"] == "database"]
    bodies = [
        json.dumps([install(n * 100 + m, "470", device=f"hang-{n}-{m}") for m in range(size)])
        for n in range(300)
    ]
    url = running.url("intake", "/v1/events", 1)

    async def post_all():
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(headers=BATCH, timeout=60, limits=limits) as client:

            async def post(body):
                began = time.monotonic()
                answer = await client.post(url, content=body)
                return answer, time.monotonic() - began

            return await asyncio.gather(*(post(body) for body in bodies))

    frozen = family(database)
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    try:
        answers = asyncio.run(post_all())
    finally:
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)
    for answer, seconds in answers:
        assert answer.status_code == 503
        assert answer.headers["content-type"] == "application/problem+json"
        assert int(answer.headers["retry-after"]) >= 1
        assert seconds < 30

    def in_now():
        answer = running.http.post(url, content=bodies[0], headers=BATCH)
        return answer.status_code == 202 and answer.json()["results"]

    results = wait_for(in_now, 60)
    assert {result["status"] for result in results} <= {"accepted", "duplicate"}
    again = asyncio.run(post_all())
    assert {answer.status_code for answer, _ in again} <= {202, 503}
    running.kill("intake", 1)
