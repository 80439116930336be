"""Pages that listen while events come in: how old is what they show, how long do reports take.

Events of the last days are posted at a steady rate to the units of a province. Browsers' part is
played as their script plays it: a page listens on `/v1/live`, asks for itself when it is told of a
change, and rests a second. Once a second a dossier of today is posted, too; the first pages show the
province's dossiers of today, so the moment at which one shows the new dossier is seen.
"""

import asyncio
import contextlib
import re
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zlib import crc32

import httpx
import orjson

from tests.bench.load import BATCH, CONNECTIONS, make_events
from tests.builders import submitted
from tests.instance import ADMIN, Instance
from tests.system.world import LOCAL

PAUSE, PROBES_APART, QUESTIONS_APART = 1.0, 1.0, 0.25
DRAIN_SECONDS, SHOWN_SECONDS = 300, 15
EARLIEST = datetime(2000, 1, 1, tzinfo=LOCAL)
RECENT = 7
"""Days in which the events happened."""
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT")
_RECEIVED = re.compile(r'data-figure="online_share">[^<]*</a><small>[\d.,]+/([\d.,]+)<')
"""Of how many that came in; form 06 adds those that were carried over."""
LIVE_ROWS = (
    ("posted_per_second", "events/s posted and taken in"),
    ("applied_per_second", "events/s that reporting applied meanwhile"),
    ("drained_after_s", "s until reporting had applied the rest"),
    ("pages", "pages that listened"),
    ("told_per_second", "changes that a page was told of, a second"),
    ("stale_median_ms", "ms from POST until a listening page shows it: median"),
    ("stale_p95_ms", "the same: p95"),
    ("stale_max_ms", "the same: longest"),
    ("unseen", "posted meanwhile and never shown"),
    ("page_p95_ms", "ms to draw a page anew: p95"),
    ("report_median_ms", "ms to answer a report for the province: median"),
    ("report_p95_ms", "the same: p95"),
)


@dataclass(frozen=True, slots=True)
class Live:
    """What was seen; see `LIVE_ROWS`."""

    posted_per_second: int
    applied_per_second: int
    drained_after_s: float
    pages: int
    told_per_second: float
    stale_median_ms: int
    stale_p95_ms: int
    stale_max_ms: int
    unseen: int
    page_p95_ms: int
    report_median_ms: int
    report_p95_ms: int


@dataclass(slots=True)
class Seen:
    """What is noted while it runs; moments are seconds of one clock."""

    end: float
    posted: int = 0
    told: int = 0
    probes: list[float] = field(default_factory=list)
    shown: list[float] = field(default_factory=list)
    drawn: list[float] = field(default_factory=list)
    answered: list[float] = field(default_factory=list)

    @property
    def over(self) -> bool:
        return time.perf_counter() >= self.end


async def watch(
    running: Instance,
    top: str,
    units: Sequence[str],
    reports: Sequence[tuple[str, Mapping[str, str]]],
    ways: Sequence[Mapping[str, str]],
    seconds: float,
    rate: int,
) -> Live:
    """Post for so many seconds to the units of a province, listen, ask.

    Args:
        running: all four services.
        top: the unit that the pages are about.
        units: where events happen.
        reports: (path, parameters) of what is asked meanwhile, each in all `ways`.
        rate: events a second.
    """
    seed = f"live-{time.time_ns()}"  # a store that is kept knows the events of earlier runs
    bodies = [*_bodies(moved(make_events(seed, int(rate * seconds)), units))]
    today = datetime.now(LOCAL).date().isoformat()
    glance = {"unit": top, "from": today, "to": today}
    pages: list[tuple[str, dict[str, str]]] = [("/", glance), ("/", glance), ("/", {"unit": top})]
    pages += [
        (f"/reports/{name}", {"unit": top}) for name in ("bieu-06", "on-time", "online-share")
    ]
    seen = Seen(time.perf_counter() + seconds)
    headers = {"Authorization": f"Bearer {ADMIN}"}
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(
        headers=headers, timeout=120, limits=limits, follow_redirects=True
    ) as client:
        before = await _today(client, running, glance)
        async with _listening(client, running, pages, seen, before):
            began = time.perf_counter()
            async with asyncio.TaskGroup() as group:
                group.create_task(_post(client, running, bodies, rate, seen))
                group.create_task(_probe(client, running, units[0], seen))
                group.create_task(_question(client, running, reports, ways, seen))
            took = time.perf_counter() - began
            left = await _lag(client, running)
            await _until(DRAIN_SECONDS, lambda: _applied(client, running))
            drained = time.perf_counter() - began - took
            await _until(SHOWN_SECONDS, lambda: _shown(seen))
            ended = time.perf_counter()
    unseen = len(seen.probes) - len(seen.shown)
    # What no page has shown is at least as old as this run.
    shown = [*seen.shown, *[ended] * unseen]
    stale = [then - posted for posted, then in zip(seen.probes, shown, strict=True)]
    return Live(
        posted_per_second=round(seen.posted / took),
        applied_per_second=round((seen.posted - left) / took),
        drained_after_s=round(drained, 1),
        pages=len(pages),
        told_per_second=round(seen.told / len(pages) / (ended - began), 2),
        stale_median_ms=round(1000 * statistics.median(stale)),
        stale_p95_ms=_p95(stale),
        stale_max_ms=round(1000 * max(stale)),
        unseen=unseen,
        page_p95_ms=_p95(seen.drawn),
        report_median_ms=round(1000 * statistics.median(seen.answered)),
        report_p95_ms=_p95(seen.answered),
    )


def moved(events: list[dict[str, Any]], units: Sequence[str]) -> list[dict[str, Any]]:
    """The same events in units of the province, each dossier's story so that it comes to its end, so
    far, on one of the last days: that is what comes in while an office works."""
    newest: dict[Any, datetime] = {}
    for number, event in enumerate(events):
        about = event["data"].get("code", number)
        newest[about] = max(datetime.fromisoformat(event["time"]), newest.get(about, EARLIEST))
    yesterday = datetime.now(LOCAL).date() - timedelta(days=1)
    for number, event in enumerate(events):
        data = event["data"]
        about = data.get("code", number)
        chance = crc32(str(about).encode())
        end = yesterday - timedelta(days=chance % RECENT)
        by = timedelta(days=(end - newest[about].astimezone(LOCAL).date()).days)
        event["time"] = _later(event["time"], by)
        for name in ("unit", "credited_unit"):
            if name in data:
                data[name] = units[chance % len(units)]
        for name, value in data.items():
            if isinstance(value, str) and _MOMENT.match(value):
                data[name] = _later(value, by)
    return events


def _later(text: str, by: timedelta) -> str:
    return (datetime.fromisoformat(text) + by).isoformat()


def _bodies(events: list[dict[str, Any]]) -> Iterator[bytes]:
    for start in range(0, len(events), BATCH):
        yield orjson.dumps(events[start : start + BATCH])


async def _post(
    client: httpx.AsyncClient, running: Instance, bodies: list[bytes], rate: int, seen: Seen
) -> None:
    """Post each batch at its moment, or as soon as a connection is free."""
    url, began = running.url("intake", "/v1/events"), time.perf_counter()
    headers = {"Content-Type": "application/cloudevents-batch+json"}
    waiting = iter(enumerate(bodies))

    async def connection() -> None:
        for number, body in waiting:
            await asyncio.sleep(max(0.0, began + number * BATCH / rate - time.perf_counter()))
            if seen.over:
                return
            answer = await client.post(url, content=body, headers=headers)
            while answer.status_code in (429, 503):
                await asyncio.sleep(float(answer.headers["retry-after"]))
                answer = await client.post(url, content=body, headers=headers)
            answer.raise_for_status()
            results = [each["status"] for each in orjson.loads(answer.content)["results"]]
            assert set(results) == {"accepted"}, answer.text[:500]
            seen.posted += len(results)

    await asyncio.gather(*(connection() for _ in range(CONNECTIONS)))


async def _probe(client: httpx.AsyncClient, running: Instance, unit: str, seen: Seen) -> None:
    """A dossier of this moment, again and again."""
    url, mark = running.url("intake", "/v1/events"), time.time_ns()
    while not seen.over:
        now = datetime.now(LOCAL).isoformat()
        event = submitted(
            f"probe-{mark}-{len(seen.probes)}", unit, authority="commune", submitted_at=now,
            received_at=now,
        ) | {"time": now}  # fmt: skip
        began = time.perf_counter()
        answer = await client.post(
            url,
            content=orjson.dumps(event),
            headers={"Content-Type": "application/cloudevents+json"},
        )
        answer.raise_for_status()
        seen.probes.append(began)
        await asyncio.sleep(PROBES_APART)


async def _question(
    client: httpx.AsyncClient,
    running: Instance,
    reports: Sequence[tuple[str, Mapping[str, str]]],
    ways: Sequence[Mapping[str, str]],
    seen: Seen,
) -> None:
    """Somebody who asks for one report after another."""
    number = 0
    while not seen.over:
        path, more = reports[number % len(reports)]
        # Another way of asking with each report, so that all meet in a long run.
        way = ways[(number + number // len(reports)) % len(ways)]
        began = time.perf_counter()
        answer = await client.get(running.url("reporting", path), params={**way, **more})
        answer.raise_for_status()
        seen.answered.append(time.perf_counter() - began)
        number += 1
        await asyncio.sleep(QUESTIONS_APART)


@contextlib.asynccontextmanager
async def _listening(
    client: httpx.AsyncClient,
    running: Instance,
    pages: Sequence[tuple[str, Mapping[str, str]]],
    seen: Seen,
    before: int,
) -> AsyncIterator[None]:
    """Pages that listen as long as the block runs; what one of them stumbled over is raised."""
    tasks = [asyncio.create_task(_listen(client, running, page, seen, before)) for page in pages]
    try:
        yield
        for one in tasks:
            if one.done():
                one.result()
    finally:
        for one in tasks:
            one.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _listen(
    client: httpx.AsyncClient,
    running: Instance,
    page: tuple[str, Mapping[str, str]],
    seen: Seen,
    before: int,
) -> None:
    """A page that keeps itself up to date."""
    path, words = page
    told = asyncio.Event()

    async def hear() -> None:
        async with client.stream("GET", running.url("reporting", "/v1/live")) as stream:
            async for line in stream.aiter_lines():
                if line.startswith("event: changed"):
                    seen.told += 1
                    told.set()

    hearing = asyncio.create_task(hear())
    try:
        while True:
            await told.wait()
            told.clear()
            began = time.perf_counter()
            answer = await client.get(running.url("reporting", path), params=words)
            answer.raise_for_status()
            now = time.perf_counter()
            seen.drawn.append(now - began)
            if "from" in words:
                # Probes are applied in whatever order; so many of them are seen.
                seen.shown += [now] * (_figure(answer) - before - len(seen.shown))
            await asyncio.sleep(PAUSE)
    finally:
        hearing.cancel()
        await asyncio.gather(hearing, return_exceptions=True)


async def _today(client: httpx.AsyncClient, running: Instance, words: Mapping[str, str]) -> int:
    answer = await client.get(running.url("reporting", "/"), params=words)
    answer.raise_for_status()
    return _figure(answer)


def _figure(answer: httpx.Response) -> int:
    """The dossiers received, as the first page shows them."""
    found = _RECEIVED.search(answer.text)
    assert found, answer.text[:500]
    return int(re.sub(r"\D", "", found[1]))


async def _until(seconds: float, check: Callable[[], Awaitable[bool]]) -> None:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        if await check():
            return
        await asyncio.sleep(0.2)


async def _applied(client: httpx.AsyncClient, running: Instance) -> bool:
    return not await _lag(client, running)


async def _shown(seen: Seen) -> bool:
    return len(seen.shown) >= len(seen.probes)


async def _lag(client: httpx.AsyncClient, running: Instance) -> int:
    """Events that reporting has not applied yet."""
    answer = await client.get(running.url("reporting", "/v1/status"))
    unpublished = await client.get(running.url("intake", "/v1/status"))
    return answer.json()["lag"]["reporting-events"] + unpublished.json()["unpublished"]


def _p95(seconds: Sequence[float]) -> int:
    if len(seconds) == 1:
        return round(1000 * seconds[0])
    return round(1000 * statistics.quantiles(seconds, n=20, method="inclusive")[18])
