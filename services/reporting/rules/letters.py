"""What an official reminder says: which units are short of a target or late, and by how much."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from services.reporting.rules.standing import Stand
from shared.plans import Bound, Plan

SHORT = ("behind", "missed")
"""States of a target that a reminder names."""
OWED = ("late", "incomplete", "missing")
"""States of a duty that a reminder names; one made up for in time is not named."""
WORKING_DAYS = 5
"""Working days that units are given by default."""


@dataclass(frozen=True, slots=True)
class Short:
    """A unit short of a target; `missing` is how many more it takes, with the denominator as it is."""

    plan: str
    indicator: str
    title: str
    unit: str
    period: str
    numerator: int
    denominator: int | None
    bound: Bound
    missing: int
    state: str


def short_of(plan: Plan, stand: Stand) -> Short | None:
    """A result as a reminder names it; null for one that is not short of a target."""
    result = stand.result
    bound = plan.target_for(result.indicator, result.unit, stand.first)
    if result.state not in SHORT or bound is None:
        return None
    return Short(
        result.plan,
        result.indicator,
        stand.title,
        result.unit,
        result.period,
        result.numerator,
        result.denominator,
        bound,
        missing(bound, result.numerator, result.denominator),
        result.state,
    )


def missing(bound: Bound, numerator: int, denominator: int | None) -> int:
    """The least number that, added to the numerator, reaches a bound."""
    goal = bound.value * (1 if denominator is None else denominator)
    least = -(-goal.numerator // goal.denominator)  # rounded up
    if bound.comparison == ">" and least == goal:
        least += 1
    return max(0, least - numerator)


def owed(rows: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The rows of the report on timeliness that a reminder names."""
    return [row for row in rows if row["state"] in OWED and not row["made_up"]]


def days_late(due: date, fulfilled: date | None, today: date) -> int:
    """By how many days something is late that was due on a day; it came, or is still missing."""
    return max(0, ((fulfilled or today) - due).days)
