"""How far a unit is, and where it will come to if it goes on like this."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from typing import Literal

from services.quota.rules.counting import OF, OPENING, OPENING_OVER, OVER, SQUARES
from services.quota.rules.periods import Owned, given_span, owned_periods, span, stored_periods
from services.quota.rules.versions import History
from shared.plans import Bound, Indicator, Plan
from shared.plans.pace import pace_of
from shared.plans.states import judge
from shared.units import UnitRegistry
from shared.working_days import WorkingDays

LEVEL = 0.9
"""How likely the result lies within the projected interval."""
_Z = 1.6448536269514722  # of a normal distribution, 5% lie beyond it on either side
_MANY = 400.0  # expected events above which a normal distribution is close enough

Sums = Mapping[tuple[str, str], int]
"""(part, period of storage) -> how much, of one indicator and unit."""


@dataclass(frozen=True, slots=True)
class Cell:
    """The figures of one unit in one period.

    ``opening``: whether figures that were reported for a time without events are among them.
    """

    numerator: int
    denominator: int | None
    squares: int = 0
    opening: bool = False


def add_up(plan: Plan, made: Indicator, sums: Sums, given: Sequence[str], period: str) -> Cell:
    """The figures of a period, from what is kept by month or by day.

    `given` names the periods of which `sums` has reported figures.

    An opening figure counts only while no event of its own period is counted. Where one lies
    within another, the longer counts.
    """
    first, last = span(plan, period)
    inside = stored_periods(made.period, (first, last))
    numerator = sum(sums.get((OF, each), 0) for each in inside)
    denominator = sum(sums.get((OVER, each), 0) for each in inside)
    squares = sum(sums.get((SQUARES, each), 0) for each in inside)
    figures_of = bool(made.measure.figures)
    figures_over = bool(made.denominator and made.denominator.figures)
    opening = False
    taken: set[str] = set()
    for name, (start, end) in openings(plan, made, given, first, last):
        covered = set(stored_periods(made.period, (start, end)))
        replaced = any(sums.get((part, each)) for part in (OF, OVER) for each in covered)
        if covered & taken:
            continue
        value, over = sums.get((OPENING, name), 0), sums.get((OPENING_OVER, name), 0)
        if figures_of or not replaced:
            numerator += value
        if figures_over or not replaced:
            denominator += over
        if not replaced and not (figures_of or figures_over):
            opening = True
        if not replaced or figures_of or figures_over:
            taken |= covered
    return Cell(numerator, denominator if made.ratio else None, squares, opening)


def openings(
    plan: Plan, made: Indicator, given: Sequence[str], first: date, last: date
) -> list[tuple[str, tuple[date, date]]]:
    """Of the periods of reported figures those inside some days, the longest first."""
    found = []
    for name in given:
        days = given_span(plan, made.period, name)
        if days is not None and first <= days[0] and days[1] <= last:
            found.append((name, days))
    return sorted(found, key=lambda each: (each[1][0] - each[1][1], each[0]))


def reported(sums: Sums) -> list[str]:
    """The periods of which sums have reported figures."""
    return sorted({each for part, each in sums if part in (OPENING, OPENING_OVER)})


def exists(registry: UnitRegistry, unit: str, one: Owned) -> bool:
    """Whether a unit is there at the beginning or the end of a period, as the plan means it."""
    meant = one.version.plan.runs.from_
    return registry.same(unit, meant, one.start) or registry.same(unit, meant, one.end)


@dataclass(frozen=True, slots=True)
class Stand:
    """How one unit stands in one period: its target, the time that has passed, its state."""

    bound: Bound | None
    pace: Fraction
    ended: bool
    state: str


def stand_of(
    one: Owned, indicator: str, unit: str, cell: Cell, pace: Fraction, ended: bool
) -> Stand:
    """How a unit stands by the version that judges the period."""
    bound = one.version.plan.target_for(indicator, unit, one.start)
    return Stand(bound, pace, ended, judge(bound, cell.numerator, cell.denominator, pace, ended))


SOON = Fraction(1, 10)
"""Before this part of a period has passed, nobody is said to have fallen behind."""
LATELY = timedelta(days=7)
"""How long after its end a ratio's period is still looked at."""


def morning_periods(history: History, indicator: str, today: date) -> list[Owned]:
    """The periods that are looked at on a morning: those that run, and of a ratio those just over.

    Periods of a day are over before anybody could act.
    """
    yesterday = today - timedelta(days=1)
    return [
        one
        for one in owned_periods(history, indicator, today)
        if one.made.target.amount is not None
        and one.made.period != "day"
        and one.start <= yesterday
        and (yesterday < one.end or (one.made.ratio and yesterday - one.end < LATELY))
    ]


def judge_morning(
    one: Owned,
    indicator: str,
    sums: Mapping[str, Sums],
    today: date,
    calendar: WorkingDays,
) -> Iterator[tuple[str, Literal["behind", "reached"], Cell, Fraction]]:
    """What is to be told of a period on a morning: by what is known, up to the evening before.

    Yields (unit, what, figures, target).
    """
    yesterday = today - timedelta(days=1)
    ended = yesterday >= one.end
    pace = pace_of(one.start, one.end, yesterday, calendar)
    plan = one.version.plan
    for unit in plan.result_units(indicator):
        mine = sums.get(unit, {})
        cell = add_up(plan, one.made, mine, reported(mine), one.period)
        stand = stand_of(one, indicator, unit, cell, pace, ended)
        if stand.bound is None:
            continue
        if ended and stand.state == "met":
            yield unit, "reached", cell, stand.bound.value
        elif not ended and stand.state == "behind" and pace >= SOON:
            yield unit, "behind", cell, stand.bound.value


@dataclass(frozen=True, slots=True)
class Projection:
    """What a figure comes to at the period's end; with 90% between ``low`` and ``high``."""

    value: float | int | None
    low: float | int | None = None
    high: float | int | None = None


def project(cell: Cell, made: Indicator, pace: Fraction, ended: bool) -> Projection:
    """Where a unit comes to at the period's end if it goes on as until now.

    A count grows with the working days: what is still to come is Poisson with a rate learnt from
    what came so far (Jeffreys prior), which makes it negative binomial. A sum scatters by the
    squares of its parts (compound Poisson). A ratio keeps the share of what is counted already;
    the rest is binomial. Figures that are only reported have no pace: nothing is said of them.
    """
    figures = bool(made.measure.figures or (made.denominator and made.denominator.figures))
    if cell.denominator is not None:
        return _project_ratio(cell.numerator, cell.denominator, pace, ended, figures)
    n = cell.numerator
    if ended:
        return Projection(n, n, n)
    if figures:
        return Projection(n)
    if pace <= 0:
        return Projection(None)
    value = round(n / pace)
    if made.sum is not None:
        return _project_sum(value, n, cell.squares, pace)
    more = float((1 - pace) / pace)
    low, high = _negative_binomial(n + 0.5, float(pace), (n + 0.5) * more)
    return Projection(value, n + low, n + high)


def _project_sum(value: int, n: int, squares: int, pace: Fraction) -> Projection:
    if not squares:
        return Projection(value)
    left, rate = float(1 - pace), float(pace)
    scatter = _Z * math.sqrt(squares * left / rate**2)
    expected = n * left / rate
    return Projection(
        value, n + max(0, math.floor(expected - scatter)), n + math.ceil(expected + scatter)
    )


def _project_ratio(
    numerator: int, denominator: int, pace: Fraction, ended: bool, figures: bool
) -> Projection:
    if not denominator:
        return Projection(None)
    share = numerator / denominator
    if ended:
        return Projection(share, share, share)
    if figures or pace <= 0:
        return Projection(share)
    passed = float(pace)
    guess = (numerator + 1) / (denominator + 2)
    scatter = _Z * math.sqrt((1 - passed) * guess * (1 - guess) / denominator)
    least, most = share * passed, share * passed + 1 - passed
    return Projection(share, max(least, share - scatter), min(most, share + scatter))


def _negative_binomial(size: float, chance: float, mean: float) -> tuple[int, int]:
    """The numbers below and above which 5% lie each."""
    if chance >= 1:
        return 0, 0
    tail = (1 - LEVEL) / 2
    if mean > _MANY:
        scatter = _Z * math.sqrt(mean / chance)
        return max(0, math.floor(mean - scatter)), math.ceil(mean + scatter)
    low, number = None, 0
    term = chance**size
    reached = term
    while True:
        if low is None and reached >= tail:
            low = number
        if reached >= 1 - tail or number > 100_000:
            return low or 0, number
        term *= (number + size) / (number + 1) * (1 - chance)
        number += 1
        reached += term
