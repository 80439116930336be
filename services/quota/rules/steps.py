"""What a period's figures were on each day on which something was recorded."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from services.quota.rules.counting import OF, OPENING, OPENING_OVER, OVER
from services.quota.rules.periods import stored_periods
from services.quota.rules.progress import add_up, openings, reported
from shared.plans import Indicator, Plan
from shared.plans.periods import span

Added = Mapping[tuple[str, str], Mapping[date, int]]
"""(part, period of storage) -> recorded day -> how much more, of one indicator and unit."""
_PARTS = (OF, OVER, OPENING, OPENING_OVER)
_NONE: Mapping[date, int] = {}
Figures = tuple[int, int | None]
"""Numerator and denominator; a count has no denominator."""


@dataclass(frozen=True, slots=True)
class Step:
    """The figures of a period as they were known from a day on."""

    day: date
    numerator: int
    denominator: int | None


def steps(plan: Plan, made: Indicator, added: Added, period: str) -> Iterator[Step]:
    """The figures of a period on every day on which they changed, the earliest first."""
    days = span(plan, period)
    given = sorted({each for part, each in added if part in (OPENING, OPENING_OVER)})
    mine = {*stored_periods(made.period, days)}
    mine.update(name for name, _ in openings(plan, made, given, *days))
    by_day: dict[date, list[tuple[tuple[str, str], int]]] = {}
    for place in itertools.product(_PARTS, sorted(mine)):
        for day, n in added.get(place, _NONE).items():
            by_day.setdefault(day, []).append((place, n))
    sums: dict[tuple[str, str], int] = {}
    before: Figures = nothing(made)
    for day in sorted(by_day):
        for place, n in by_day[day]:
            sums[place] = sums.get(place, 0) + n
        sums = {place: n for place, n in sums.items() if n}
        cell = add_up(plan, made, sums, reported(sums), period)
        if (cell.numerator, cell.denominator) != before:
            before = (cell.numerator, cell.denominator)
            yield Step(day, *before)


def nothing(made: Indicator) -> Figures:
    """The figures while nothing is recorded."""
    return 0, 0 if made.ratio else None


def changed_steps(
    told: Mapping[date, Figures], now: Iterator[Step], empty: Figures
) -> Iterator[Step]:
    """The days of which something else was told, each with the figures as known on it now.

    A day on which nothing changes any more is told with the figures of the day before.
    """
    after = {step.day: (step.numerator, step.denominator) for step in now}
    known = empty
    for day in sorted(told.keys() | after.keys()):
        known = after.get(day, known)
        if told.get(day) != known:
            yield Step(day, *known)
