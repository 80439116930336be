"""`make bench`: throughput beside two baselines, latency, what an idle system costs, reports' speed."""

import argparse
import asyncio
import contextlib
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import nats
import orjson
from nats.js.api import StorageType, StreamConfig
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from sqlmodel import SQLModel

from shared import log
from shared.embedded.process import free_port
from tests.bench import depth, naive, notices, scan
from tests.bench.floor import measure_floor
from tests.bench.load import make_events, post_all
from tests.bench.system import System, put_plan, read_json, running
from tests.builders import submitted
from tests.instance import ROOT
from tests.system.world import LOCAL

CONSUMERS = ("quota", "notify", "reporting")
PLANS = ("quang-tri-rthome-2019", "quang-tri-mscore-2020", "duc-tho-2020", "to-tung-2023")
UNIT = "19333"
STUCK_SECONDS = 90
LATENCY_PLAN = """
plan: bench
title: Đo độ trễ
issued: {number: 1/KH, date: 2026-01-01, by: UBND}
runs: {from: 2026-01-01, to: 2040-12-31}
indicators:
  received:
    count: dossier.received
    target: {for: 19333, at_least: 1000000}
"""


class Bench:
    """One run against one system."""

    def __init__(self, system: System, given: argparse.Namespace, tick: Callable[[str], None]):
        self.system, self.given, self.tick = system, given, tick
        self.found: dict[str, Any] = {}

    async def run(self) -> dict[str, Any]:
        for plan in PLANS:
            put_plan(self.system, plan, (ROOT / f"deploy/plans/{plan}.yaml").read_text("utf-8"))
        put_plan(self.system, "bench", LATENCY_PLAN)
        await asyncio.sleep(2)
        await self.idle()
        await self.latency()
        await self.throughput()
        await self.naive()
        await self.floor()
        fast = self.found["events_per_second"]
        self.found["times_naive"] = round(fast / self.found["naive_per_second"], 1)
        self.found["share_of_floor"] = round(fast / self.found["floor_per_second"], 3)
        return self.found

    async def idle(self) -> None:
        """Memory and CPU of all processes while nothing comes in."""
        self.tick("idle")
        before, began = self.system.cpu(), time.perf_counter()
        await asyncio.sleep(self.given.idle)
        passed = time.perf_counter() - began
        after = self.system.cpu()
        pss, rss = self.system.memory()
        parts = {
            name: round(100 * (after[name] - before.get(name, 0)) / passed, 2) for name in after
        }
        self.found |= {
            "idle_pss_mib": pss >> 20,
            "idle_rss_mib": rss >> 20,
            "idle_cpu_percent_of_a_core": round(sum(parts.values()), 1),
            "idle_cpu_parts": parts,
        }

    async def latency(self) -> None:
        """From posting one event on an idle system until every store answers with it."""
        taken = []
        for number in range(self.given.samples):
            self.tick("latency")
            await asyncio.sleep(0.3)
            taken.append(await asyncio.to_thread(self.one_latency, number))
        self.found |= {
            "latency_median_ms": round(1000 * statistics.median(taken)),
            "latency_max_ms": round(1000 * max(taken)),
        }

    def one_latency(self, number: int) -> float:
        code = f"latency-{number}"
        at = datetime.now(LOCAL) - timedelta(hours=1)
        event = submitted(
            code, UNIT, authority="commune", submitted_at=at.isoformat(),
            received_at=at.isoformat(), applicant={"name": "Thử", "phone": "0900000010"},
        ) | {"time": at.isoformat()}  # fmt: skip
        began = time.perf_counter()
        answer = self.system.http.post(
            f"{self.system.urls['intake']}/v1/events",
            content=orjson.dumps(event),
            headers={"Content-Type": "application/cloudevents+json"},
        )
        assert answer.status_code == 202, answer.text
        waiting = {"quota", "reporting", "notify"}
        while waiting:
            waiting = {name for name in waiting if not self.shows(name, code, number + 1)}
            time.sleep(0.005)
            assert time.perf_counter() - began < 30
        return time.perf_counter() - began

    def shows(self, name: str, code: str, count: int) -> bool:
        url = self.system.urls[name]
        if name == "quota":
            asked = {"plan": "bench", "unit": UNIT}
            row = read_json(self.system.http.get(f"{url}/v1/progress", params=asked))["rows"][0]
            return row["numerator"] == count
        if name == "reporting":
            asked = {"unit": UNIT, "by": "unit"}
            form = read_json(self.system.http.get(f"{url}/v1/reports/bieu-06", params=asked))
            return form["total"]["received_total"] == count
        found = read_json(self.system.http.get(f"{url}/v1/notices", params={"subject": code}))
        return bool(found["notices"])

    async def throughput(self) -> None:
        """Events a second from POST to committed in all three stores."""
        rates = []
        async with self.store() as store:
            for number in range(self.given.rounds):
                self.tick("motcua")
                events = make_events(f"bench{number}", self.given.events)
                url = f"{self.system.urls['intake']}/v1/events"
                rates.append(await rate(url, self.system.key, events, self.committed, store))
        self.found["events_per_second"] = round(statistics.median(rates))
        self.found["busy_pss_mib"] = self.system.memory()[0] >> 20

    async def committed(self, store: asyncpg.Connection) -> int:
        """How many events the slowest of the three stores has."""
        figures = []
        for name in CONSUMERS:
            # The inbox also knows keys, plans, outcomes and contacts: those are left out.
            figures.append(await store.fetchval(COMMITTED.format(name)))
        return min(figures)

    async def naive(self) -> None:
        """The same events one by one."""
        self.tick("naive")
        url, broker = self.system.database_url, self.system.nats_url
        async with self.naive_stores(), contextlib.AsyncExitStack() as stack:
            port = free_port()
            for name in ("intake", *CONSUMERS):
                argv = [sys.executable, "-m", "tests.bench.naive", name, url, broker, str(port)]
                process = await asyncio.create_subprocess_exec(*argv, cwd=ROOT)
                stack.push_async_callback(process.wait)
                stack.callback(process.kill)
            await until_listening(port)
            await asyncio.sleep(1.5)
            store = await stack.enter_async_context(self.store())
            rates = []
            for number in range(self.given.rounds):
                self.tick("naive")
                events = make_events(f"bench{number}", self.given.naive_events)
                door = f"http://127.0.0.1:{port}/v1/events"
                rates.append(await rate(door, "none", events, self.naive_committed, store))
        self.found["naive_per_second"] = round(statistics.median(rates))

    async def naive_committed(self, store: asyncpg.Connection) -> int:
        return min(
            [await store.fetchval(f"SELECT count(*) FROM naive_{name}.kept") for name in CONSUMERS]
        )

    @contextlib.asynccontextmanager
    async def naive_stores(self) -> AsyncIterator[None]:
        async with self.store() as store:
            for name in ("intake", *CONSUMERS):
                await store.execute(f"CREATE SCHEMA naive_{name}")
                engine = naive.connect(self.system.database_url, name)
                async with engine.begin() as connection:
                    await connection.run_sync(SQLModel.metadata.create_all)
                await engine.dispose()
            client = await nats.connect(self.system.nats_url)
            await client.jetstream().add_stream(
                StreamConfig(name=naive.STREAM, subjects=["naive.>"], storage=StorageType.FILE)
            )
            try:
                yield
            finally:
                await client.jetstream().delete_stream(naive.STREAM)
                await client.close()
                for name in ("intake", *CONSUMERS):
                    await store.execute(f"DROP SCHEMA naive_{name} CASCADE")

    async def floor(self) -> None:
        """Broker and database with nothing in between."""
        payloads = [orjson.dumps(event) for event in make_events("floor", self.given.events)]
        rates = []
        for _ in range(self.given.rounds):
            self.tick("floor")
            rates.append(
                await measure_floor(self.system.database_url, self.system.nats_url, payloads)
            )
        self.found["floor_per_second"] = round(statistics.median(rates))

    @contextlib.asynccontextmanager
    async def store(self) -> AsyncIterator[asyncpg.Connection]:
        connection = await asyncpg.connect(self.system.database_url)
        try:
            yield connection
        finally:
            await connection.close()


async def rate(
    url: str,
    key: str,
    events: list[dict[str, Any]],
    committed: Callable[[asyncpg.Connection], Awaitable[int]],
    store: asyncpg.Connection,
) -> float:
    """Events a second from the first POST until the last store has them all."""
    goal = await committed(store) + len(events)
    began = time.perf_counter()
    async with asyncio.timeout(STUCK_SECONDS), asyncio.TaskGroup() as group:
        group.create_task(post_all(url, key, events))
        while True:
            if await committed(store) >= goal:
                break
            await asyncio.sleep(0.02)
        taken = time.perf_counter() - began
    return len(events) / taken


COMMITTED = "SELECT count(*) FROM {0}.inbox JOIN intake.events USING (uid)"


async def until_listening(port: int) -> None:
    """Wait until somebody listens on a port."""
    for _ in range(300):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.1)
            continue
        writer.close()
        return
    raise SystemExit("the baseline did not start")


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--events", type=int, default=6000, help="events a round")
    parser.add_argument("--naive-events", type=int, default=400, help="events a naive round")
    parser.add_argument("--notices", type=int, default=2000, help="notices a round")
    parser.add_argument("--rounds", type=int, default=3, help="rounds; medians are shown")
    parser.add_argument("--idle", type=float, default=20, help="seconds of watching it idle")
    parser.add_argument("--samples", type=int, default=20, help="events for the latency")
    parser.add_argument("--open", type=int, default=scan.MANY, help="open due dates of the scan")
    parser.add_argument("--depth", type=int, default=300_000, help="dossiers; 0: no reports")
    depth.add_arguments(parser)
    parser.add_argument("--quick", action="store_true", help="a short run, for a look")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    given = parser.parse_args()
    if given.quick:
        given.events, given.naive_events, given.rounds = 2000, 100, 1
        given.idle, given.samples = 5.0, 5
        given.notices = 300
        given.open = 100_000
        given.depth, given.live = min(given.depth, 30_000), 8
    return given


def measure_depth(given: argparse.Namespace, tick: Callable[[str], None]) -> dict[str, Any]:
    """How long reports take with many dossiers loaded, and while events come in."""
    asked = argparse.Namespace(**vars(given) | {"dossiers": given.depth, "rounds": 2, "only": []})
    with tempfile.TemporaryDirectory(prefix="motcua-depth-") as folder:
        return depth.run(asked, Path(folder), tick)


ROWS = (
    ("events_per_second", "events/s, POST to committed in all three stores"),
    ("naive_per_second", "events/s, one message one commit (FastStream, SQLModel)"),
    ("floor_per_second", "messages/s, raw floor (publish, pull, COPY into one table)"),
    ("times_naive", "motcua / naive"),
    ("share_of_floor", "motcua / floor"),
    ("latency_median_ms", "ms from POST until every store answers, idle: median"),
    ("latency_max_ms", "the same: longest"),
    ("idle_pss_mib", "MiB in use when idle, all processes (PSS)"),
    ("idle_rss_mib", "the same, shared pages counted in each process (RSS)"),
    ("busy_pss_mib", "MiB in use after the load (PSS)"),
    ("idle_cpu_percent_of_a_core", "% of one core when idle, all processes"),
    ("notices_per_second", "notices/s, dossiers posted to texts taken by a gateway"),
    ("notices_loop_per_second", "messages/s, one claim, one call, one commit (asyncpg, httpx)"),
    ("notices_times_loop", "notices / loop"),
    ("scan_few_ms", f"ms to announce {scan.DUE:,} due dates among {scan.FEW:,} open ones"),
    ("scan_many_ms", "the same among many more (--open)"),
    ("scan_times", "many / few"),
    ("scan_idle_times", "many / few, of a look while nothing is due"),
    ("scan_pages_few", "pages read to find what is due among few"),
    ("scan_pages_many", "the same among many"),
)


def show(found: dict[str, Any], console: Console) -> None:
    table = Table("figure", "value", title=f"{os.cpu_count()} cores, {platform.machine()}")
    table.columns[1].justify = "right"
    for name, text in ROWS:
        table.add_row(text, f"{found[name]:,}")
    console.print(table)
    parts = ", ".join(f"{name} {value:g}" for name, value in found["idle_cpu_parts"].items())
    console.print(f"idle CPU by process, %: {parts}")
    console.print("scan: " + "; ".join(line.strip() for line in found["scan_plan"]))
    if "depth" in found:
        depth.show(found["depth"], console)


def main() -> None:
    given = read_arguments()
    steps = 2 + given.samples + 5 * given.rounds + 2 * (scan.ROUNDS + 2)
    steps += depth.steps(given.depth, given.few) if given.depth else 0
    console = Console(stderr=True)
    began = time.perf_counter()
    bar = Progress(
        TextColumn("{task.description:<10}"), BarColumn(), TimeElapsedColumn(), console=console
    )
    with bar, tempfile.TemporaryDirectory(prefix="motcua-bench-") as folder:
        task = bar.add_task("start", total=steps)

        def tick(what: str) -> None:
            bar.update(task, advance=1, description=what)
            if not console.is_terminal:
                console.print(f"{time.perf_counter() - began:5.1f} s  {what}")

        with running(Path(folder) / "data") as system:
            found = asyncio.run(Bench(system, given, tick).run())
        found |= notices.measure(
            Path(folder) / "notices", given.rounds, given.notices, given.notices // 4, tick
        )
        log.configure("bench", "ERROR")
        found |= scan.figures(asyncio.run(scan.measure_all([scan.FEW, given.open], tick)))
        if given.depth:
            found["depth"] = measure_depth(given, tick)
    if given.json:
        given.json.write_text(json.dumps(found, indent=2) + "\n")
    show(found, Console())


if __name__ == "__main__":
    main()
