"""A country's worth of counters: how long quota takes to answer, and to take a batch in.

`python -m tests.bench.breadth` makes 10,000 units and a plan of 50 monthly indicators, fills a year
of counters (6 million) into quota's store, and asks as officials do; then it posts 500 events.
"""

import argparse
import asyncio
import shutil
import tempfile
import time
from pathlib import Path

import asyncpg

from tests.builders import install
from tests.instance import ROOT, Instance, instance, wait_for

KIND = "bench_unit"


def lay_out(folder: Path, units: int) -> None:
    """A deployment with that many invented units beside those that ship."""
    shutil.copytree(ROOT / "deploy", folder)
    lines = ["code,valid_from,valid_to,name,aliases,kind,parent,seat,successors"]
    lines += [f"X{n:05},2000-01-01,,Đơn vị số {n:05},,{KIND},,," for n in range(units)]
    (folder / "units" / "bench.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def plan(indicators: int) -> str:
    """A plan that counts one app a month for each indicator."""
    made = [
        "plan: rong",
        "title: Kế hoạch rộng",
        "issued: {number: 1/KH, date: 2019-01-01}",
        "runs: {from: 2019-01-01, to: 2019-12-31}",
        f"groups: {{all: {{kind: {KIND}}}}}",
        "indicators:",
    ]
    for n in range(indicators):
        made.append(
            f"  i{n:02}: {{count: install.recorded, where: {{app: app-{n:02}}}, period: month,"
            " target: {for: all, at_least: 10}}"
        )
    return "\n".join(made)


async def fill(url: str, units: int, indicators: int) -> None:
    """A counter for every unit, indicator and month."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(
            "INSERT INTO counters (plan, indicator, part, unit, period, rday, n)"
            " SELECT 'rong', 'i' || lpad(i::text, 2, '0'), 'of', 'X' || lpad(u::text, 5, '0'),"
            " '2019-' || lpad(m::text, 2, '0'), make_date(2019, m, 28), (u + i + m) % 20 + 1"
            f" FROM generate_series(0, {indicators - 1}) i, generate_series(0, {units - 1}) u,"
            " generate_series(1, 12) m",
            timeout=900,
        )
        await connection.execute("ANALYZE counters", timeout=300)
    finally:
        await connection.close()


def ask(running: Instance, **words: object) -> tuple[float, int]:
    """Seconds and rows of one answer."""
    start = time.perf_counter()
    rows = running.get("quota", "/v1/progress", plan="rong", **words)["rows"]
    return time.perf_counter() - start, len(rows)


def ask_all(running: Instance) -> tuple[float, int, int, int]:
    """Seconds, rows and bytes of the whole plan, and the most memory (MiB) that quota then used."""
    start, rows, size, most = time.perf_counter(), 0, 0, 0
    process = running.processes["quota-0"].pid
    path = running.url("quota", "/v1/progress")
    with running.http.stream("GET", path, params={"plan": "rong"}, timeout=600) as answer:
        left = b""
        for part in answer.iter_bytes(1 << 20):
            size += len(part)
            text = left + part
            rows += text.count(b'"numerator"')
            left = text[-10:] if not text.endswith(b'"numerator"') else b""
            rows -= left.count(b'"numerator"')
            most = max(most, resident(process))
    return time.perf_counter() - start, rows, size, most


def resident(process: int) -> int:
    """MiB of memory that a process holds."""
    status = Path(f"/proc/{process}/status").read_text()
    return (
        int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) >> 10
    )


def main() -> None:
    """Run and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--units", type=int, default=10_000)
    parser.add_argument("--indicators", type=int, default=50)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, instance(Path(name) / "run") as running:
        lay_out(Path(name) / "deploy", chosen.units)
        running.extra["MOTCUA_DEPLOY_DIR"] = str(Path(name) / "deploy")
        for service in ("intake", "quota"):
            running.start(service)
            running.wait_ready(service)
        answer = running.http.put(
            running.url("quota", "/v1/plans/rong"), content=plan(chosen.indicators).encode()
        )
        answer.raise_for_status()
        start = time.perf_counter()
        asyncio.run(fill(running.urls["quota"], chosen.units, chosen.indicators))
        print(f"filled in {time.perf_counter() - start:.0f} s")
        for words in (
            {"unit": "X00042"},
            {"unit": "X00042", "indicator": "i07"},
            {"indicator": "i07"},
            {"indicator": "i07", "period": "2019-05", "limit": 100},
        ):
            seconds, rows = ask(running, **words)
            print(f"{seconds:7.2f} s {rows:8,} rows  {words}")
        idle = resident(running.processes["quota-0"].pid)
        seconds, rows, size, most = ask_all(running)
        print(
            f"{seconds:7.2f} s {rows:8,} rows  the whole plan: {size >> 20} MiB written, quota held at"
            f" most {most} MiB, before it {idle} MiB"
        )
        events = [install(n, f"X{n:05}", app=f"app-{n % chosen.indicators:02}") for n in range(500)]
        start = time.perf_counter()
        running.post(events)
        wait_for(lambda: running.get("quota", "/v1/status")["lag"]["quota-events"] == 0, 120)
        print(f"{time.perf_counter() - start:7.2f} s   500 events posted and counted")


if __name__ == "__main__":
    main()
