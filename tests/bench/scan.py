"""A thousand due dates that have passed, among ten thousand open ones and among a million.

`python -m tests.bench.scan [OPEN...]` loads so many open due dates for each run, has the scan of the
notify service announce a thousand that are due, in several rounds, and prints how long a round and a
look at nothing take, what the database read, by which plan, and the ratio of the last run to the first.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
from rich.console import Console
from rich.table import Table

from services.notify.clients import Offices, Templates
from services.notify.handlers.desk import Desk
from services.notify.handlers.duties import Duties
from services.notify.handlers.watch import Watch
from services.notify.rules.notices import Policy
from services.notify.store import alerts, deadlines
from shared import log
from shared.db import Database
from shared.settings import deploy_dir
from shared.units import UnitRegistry
from tests.instance import ROOT, stores
from tests.notify.many import draw, explain, pages

FEW, MANY, DUE = 10_000, 1_000_000, 1_000
ROUNDS = 5
COLUMNS = (
    "kind", "key", "version", "number", "subject", "unit", "due_at", "due_day", "state",
    "slips_at", "next_at", "moved", "origin", "source", "origin_time", "facts",
)  # fmt: skip
TYPES = {"now": "timestamptz", "limit": "bigint"}


@dataclass(frozen=True, slots=True)
class Scanned:
    """What scans took among so many open due dates: seconds a round, seconds of a look while
    nothing is due, pages read to find the due ones, and the plan."""

    count: int
    seconds: float
    idle: float
    pages: int
    plan: list[str]


def records(name: str, count: int, first: datetime, step: timedelta) -> Iterator[tuple[Any, ...]]:
    """Due dates as they are kept, one after another from an instant on."""
    for number in range(count):
        key, at = f"{name}-{number}", first + number * step
        yield (
            "dossier", key, "due:2030-01-01", 1, key, "461", at, at.date(), "open",
            at, at, False, key.encode(), "/bench", at, "{}",
        )  # fmt: skip


async def load(store: asyncpg.Connection, rows: Iterator[tuple[Any, ...]]) -> None:
    """Copy due dates into the store."""
    await store.copy_records_to_table(
        "deadlines", records=rows, columns=COLUMNS, schema_name="notify"
    )


def make_watch(database: Database) -> Watch:
    """The scan as the service has it, without a provider."""
    registry = UnitRegistry.load(deploy_dir() / "units")
    templates = Templates.load(deploy_dir() / "templates")
    offices = Offices.load(deploy_dir() / "offices", registry)
    desk = Desk(registry, templates, Policy(frozenset()), offices=offices)

    async def caught_up() -> bool:
        return True

    return Watch(database, desk, Duties(desk), caught_up)


async def measure(url: str, count: int, tick: Callable[[str], None]) -> Scanned:
    """Scan a thousand due dates among so many."""
    database = Database(url, "notify", 1)
    store = await asyncpg.connect(url, server_settings={"search_path": "notify"})
    taken, looks, read, plan = [], [], [], []
    try:
        await database.migrate(ROOT / "services" / "notify" / "migrations")
        await store.execute("TRUNCATE deadlines, alerts, notices, notice_history, outbox")
        tick(f"{count:,} open")
        now = datetime.now(UTC)
        await load(store, records("open", count, now + timedelta(days=1), timedelta(seconds=30)))
        await store.execute("VACUUM (ANALYZE) deadlines")
        watch = make_watch(database)
        for number in range(ROUNDS + 1):
            past = records(f"due-{number}", DUE, now - timedelta(hours=20), timedelta(seconds=1))
            await load(store, past)
            found = await explain(store, deadlines.DUE, TYPES, now=now, limit=DUE)
            read.append(pages(found["Plan"]))
            plan = [*draw(found["Plan"])]
            tick(f"{count:,} open")
            began = time.perf_counter()
            while await watch.scan(now):
                pass
            taken.append(time.perf_counter() - began)
            looks.append(await look(database, now))
        slipped = await store.fetchval("SELECT count(*) FROM deadlines WHERE state = 'slipped'")
        assert slipped == DUE * (ROUNDS + 1)
    finally:
        await store.close()
        await database.close()
    middle = statistics.median
    return Scanned(count, middle(taken[1:]), middle(looks[1:]), round(middle(read[1:])), plan)


async def look(database: Database, now: datetime) -> float:
    """Seconds that it takes to see that nothing is due, as the service looks every second."""
    began = time.perf_counter()
    for _ in range(20):
        async with database.transaction() as session:
            assert not await deadlines.any_due(session, now)
            assert not await alerts.any_due(session, now)
    return (time.perf_counter() - began) / 20


async def measure_all(counts: list[int], tick: Callable[[str], None]) -> list[Scanned]:
    """One run after another, each on an empty store."""
    with tempfile.TemporaryDirectory(prefix="motcua-scan-") as folder, stores(Path(folder)) as urls:
        return [await measure(urls["notify"], count, tick) for count in counts]


def figures(runs: list[Scanned]) -> dict[str, Any]:
    """What `make bench` shows."""
    first, last = runs[0], runs[-1]
    return {
        "scan_few_ms": round(1000 * first.seconds),
        "scan_many_ms": round(1000 * last.seconds),
        "scan_times": round(last.seconds / first.seconds, 2),
        "scan_idle_times": round(last.idle / first.idle, 2),
        "scan_pages_few": first.pages,
        "scan_pages_many": last.pages,
        "scan_plan": last.plan,
    }


def main(counts: list[int]) -> None:
    """Print what was measured."""
    log.configure("bench", "ERROR")
    console = Console()
    runs = asyncio.run(measure_all(counts, lambda text: console.print(f"... {text}")))
    table = Table("open", f"ms for {DUE:,} due", "ms to see that nothing is due", "pages read")
    for run in runs:
        table.add_row(
            f"{run.count:,}",
            f"{1000 * run.seconds:.0f}",
            f"{1000 * run.idle:.2f}",
            f"{run.pages:,}",
        )
    console.print(table)
    found = figures(runs)
    console.print(f"times the first: {found['scan_times']}, idle {found['scan_idle_times']}")
    console.print("\n".join(runs[-1].plan), highlight=False)


if __name__ == "__main__":
    main([int(each) for each in sys.argv[1:]] or [FEW, MANY])
