"""A million due dates, beside the plain way: walking from day to day.

Run by ``python -m tests.bench.due_dates [COUNT]``: prints both rates and their ratio.
"""

import random
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from shared.clock import VN
from shared.due_dates import DueRules, body_of
from shared.procedures import Duration
from shared.units import UnitRegistry
from shared.working_days import WorkingDays

DEPLOY = Path(__file__).parents[2] / "deploy"
SPANS = ((420, 690), (810, 1020))
MEASURED = (3, 5, 10, 15, 30, 60)
"""Durations in working days, as procedures have them."""


def make_rules(days: WorkingDays) -> DueRules:
    """Rules with one procedure for each duration."""
    durations = [Duration(f"{n}", n, "working_days") for n in MEASURED]
    return DueRules(body_of(days, (), durations, UnitRegistry.load(DEPLOY / "units")))


def walk(days: WorkingDays, start: datetime, left: timedelta) -> datetime:
    """The plain way: day by day, span by span."""
    day = start.astimezone(VN).replace(hour=0, minute=0, second=0, microsecond=0)
    while True:
        if days.is_working(day.date()):
            for opens, closes in SPANS:
                first = max(start, day + timedelta(minutes=opens))
                room = day + timedelta(minutes=closes) - first
                if room >= left:
                    return first + left
                left -= max(room, timedelta())
        day += timedelta(days=1)


def measure(work: Callable[[], int]) -> float:
    """How many a second."""
    began = time.perf_counter()
    return work() / (time.perf_counter() - began)


def main(count: int = 1_000_000) -> None:
    """Print what was measured."""
    days = WorkingDays.load(DEPLOY / "calendar")
    rules = make_rules(days)
    draw = random.Random(1)
    first = datetime(2019, 1, 1, tzinfo=VN)
    asked = [
        (first + timedelta(minutes=draw.randrange(7 * 365 * 24 * 60)), draw.choice(MEASURED))
        for _ in range(count)
    ]
    few = asked[: max(count // 100, 1)]
    for received, amount in few:  # the same answers, before anything is measured
        found = rules.due("461", f"{amount}", "commune", received)
        assert found == walk(days, received, timedelta(hours=8 * amount)), (received, amount)

    def plainly() -> int:
        for received, amount in few:
            walk(days, received, timedelta(hours=8 * amount))
        return len(few)

    def by_table() -> int:
        for received, amount in asked:
            rules.due("461", f"{amount}", "commune", received)
        return count

    plain, ours = measure(plainly), measure(by_table)
    print(f"{count} due dates in {count / ours:.1f} s: {ours:,.0f} a second")
    print(f"day by day: {plain:,.0f} a second, {count / plain:.0f} s for as many")
    print(f"ratio: {ours / plain:.0f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
