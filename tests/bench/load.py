"""The events that are measured, and posting them."""

import asyncio
from typing import Any

import httpx
import orjson

from tests.system.world import make_world

BATCH = 100
CONNECTIONS = 4


def make_events(seed: str, count: int) -> list[dict[str, Any]]:
    """A mixed lot: installs, dossiers (most with an applicant), statuses, surveys, lists, voids."""
    made = make_world(seed, count)
    for number, event in enumerate(made):
        if event["type"] == "motcua.dossier.submitted.v1" and number % 5:
            event["data"]["applicant"] = {
                "name": "Người thử nghiệm",
                "phone": f"09000000{number % 90 + 10}",
                "kind": "person",
            }
    return made


async def post_all(url: str, key: str, events: list[dict[str, Any]]) -> None:
    """Post in batches of a hundred over several connections."""
    bodies = [orjson.dumps(events[n : n + BATCH]) for n in range(0, len(events), BATCH)]
    headers = {
        "Authorization": f"Bearer {key}",
        "Content-Type": "application/cloudevents-batch+json",
    }
    waiting = iter(bodies)
    async with httpx.AsyncClient(headers=headers, timeout=120) as client:

        async def connection() -> None:
            for body in waiting:
                answer = await client.post(url, content=body)
                answer.raise_for_status()
                bad = [r for r in answer.json()["results"] if r["status"] != "accepted"]
                assert not bad, bad[:3]

        await asyncio.gather(*(connection() for _ in range(CONNECTIONS)))
