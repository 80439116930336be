"""`motcua up --demo`: the plans and a year of invented events, loaded into a running instance."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import orjson
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
)

from shared import clock
from shared.cli.client import Client, Instance, fault_line, faults, problem_of
from shared.cli.errors import REFUSED, CommandError
from shared.demo import Scenario, read_scenario, tell
from shared.demo.register import people, roster
from shared.demo.scenario import ScenarioFault
from shared.settings import deploy_dir

BATCH_EVENTS = 1000
BATCH_BYTES = 900_000
"""Both below intake's limits of 1,000 events and 1 MiB a request."""
IN_FLIGHT = 3
"""Requests that wait for intake at a time: it stores one while it checks the next."""
SHOWN = 5
"""So many reasons are shown for events that were not taken."""
STILL = 20.0
"""Seconds without progress after which counting is left to go on by itself."""
CONTENT_TYPE = "application/cloudevents-batch+json"


@dataclass(slots=True)
class Loaded:
    """How intake answered, by status; `reasons` are the first few for what was not taken.

    `seconds` is how long it took until every event was stored, `counted` until every service had
    counted it (None: they are still at it).
    """

    counts: Counter[str] = field(default_factory=Counter)
    reasons: list[str] = field(default_factory=list)
    seconds: float = 0.0
    counted: float | None = None

    @property
    def sentence(self) -> str:
        """The outcome in one line."""
        total = self.counts.total()
        known = self.counts["duplicate"]
        text = f"demo: {total:,} events in {self.seconds:.0f} s"
        if known:
            text += f", {known:,} of them known already"
        if self.counted is None:
            return text + "; the services go on counting them"
        return text + f", counted after {self.counted:.0f} s"


def batches(events: Iterator[dict[str, object]]) -> Iterator[tuple[int, bytes]]:
    """Request bodies and how many events each holds."""
    parts: list[bytes] = []
    size = 0
    for event in events:
        text = orjson.dumps(event)
        if parts and (len(parts) == BATCH_EVENTS or size + len(text) + 1 > BATCH_BYTES):
            yield len(parts), b"[" + b",".join(parts) + b"]"
            parts, size = [], 0
        parts.append(text)
        size += len(text) + 1
    if parts:
        yield len(parts), b"[" + b",".join(parts) + b"]"


async def load(instance: Instance, scale: float = 1.0) -> Loaded:
    """Apply the plans, send the events, wait until every service has counted them.

    The same events are sent at every call, so loading twice changes nothing. `scale` below 1 sends
    an even share of the many.

    Raises:
        CommandError: 1 the demo file or a plan is refused, 3 intake or quota is unreachable.
    """
    try:
        scenario = await asyncio.to_thread(read_scenario, deploy_dir() / "demo.yaml")
    except ScenarioFault as fault:
        raise CommandError(str(fault), REFUSED) from fault
    loaded = Loaded()
    start = clock.monotonic()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    console = Console(stderr=True)
    hidden = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=hidden) as progress:
        async with Client(instance) as client:
            await _register(client, scenario)
            plans = progress.add_task("plans", total=len(scenario.plans))
            for plan in scenario.plans:
                await _apply(client, plan)
                progress.advance(plans)
            await _send(client, scenario, scale, loaded, progress)
            loaded.seconds = clock.monotonic() - start
            if await _counted(client, progress):
                loaded.counted = clock.monotonic() - start
                await _close_months(client, scenario)
    return loaded


async def _register(client: Client, scenario: Scenario) -> None:
    """Put the people and their roster."""
    await client.fetch("quota", "PUT", "/v1/people", json={"people": people(scenario)})
    for sessions in roster(scenario):
        await client.fetch("quota", "PUT", "/v1/roster", json={"sessions": sessions})


async def _close_months(client: Client, scenario: Scenario) -> None:
    """Close some months for payment; one that cannot be closed any more stays as it is."""
    for plan, months in scenario.officials.closed.items():
        for month in months:
            body = {"plan": plan, "month": month}
            await client.ask("quota", "POST", "/v1/stipends/runs", json=body)


async def _apply(client: Client, plan: str) -> None:
    file = deploy_dir() / "plans" / f"{plan}.yaml"
    try:
        text = await asyncio.to_thread(file.read_bytes)
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}", REFUSED) from error
    headers = {"Content-Type": "application/yaml"}
    await client.fetch("quota", "PUT", f"/v1/plans/{plan}", content=text, headers=headers)


async def _send(
    client: Client, scenario: Scenario, scale: float, loaded: Loaded, progress: Progress
) -> None:
    task = progress.add_task("events", total=None)
    waiting: asyncio.Queue[tuple[int, bytes] | None] = asyncio.Queue()

    async def invent() -> None:
        bodies = batches(tell(scenario, scale))
        total = 0
        while (batch := await asyncio.to_thread(next, bodies, None)) is not None:
            waiting.put_nowait(batch)
            total += batch[0]
        progress.update(task, total=total)
        for _ in range(IN_FLIGHT):
            waiting.put_nowait(None)

    async def send() -> None:
        while (batch := await waiting.get()) is not None:
            await _deliver(client, batch[1], loaded)
            progress.advance(task, batch[0])

    work = [asyncio.create_task(each()) for each in (invent, *[send] * IN_FLIGHT)]
    try:
        await asyncio.gather(*work)
    finally:
        for each in work:
            each.cancel()


async def _deliver(client: Client, body: bytes, loaded: Loaded) -> None:
    headers = {"Content-Type": CONTENT_TYPE}
    answer = await client.ask("intake", "POST", "/v1/events", content=body, headers=headers)
    results = problem_of(answer).get("results")
    if not isinstance(results, list):
        raise CommandError(faults("intake", answer), REFUSED)
    for result in results:
        loaded.counts[result["status"]] += 1
        if result["status"] in ("refused", "conflict") and len(loaded.reasons) < SHOWN:
            why = "; ".join(fault_line(fault) for fault in result["errors"])
            loaded.reasons.append(f"{result['status']} {result['source']} {result['id']}: {why}")


async def _counted(client: Client, progress: Progress) -> bool:
    """Wait until nothing is left to publish or to count; False where it gets no further."""
    task = progress.add_task("counted", total=None)
    most, least = 0, None
    since = clock.monotonic()
    quiet = 0
    while quiet < 2:
        left = await _left(client)
        quiet = quiet + 1 if left == 0 else 0
        most = max(most, left)
        progress.update(task, total=most, completed=most - left)
        if least is None or left < least:
            least, since = left, clock.monotonic()
        elif left and clock.monotonic() - since > STILL:
            return False
        await asyncio.sleep(0.3)
    return True


async def _left(client: Client) -> int:
    """Messages that some service has yet to publish or to count."""
    found = await asyncio.gather(
        *(client.fetch(name, "GET", "/v1/status") for name in client.instance.urls)
    )
    return sum(
        (status.get("unpublished") or 0) + sum((status.get("lag") or {}).values())
        for status in found
    )
