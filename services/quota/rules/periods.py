"""The periods of a plan, and the finer ones in which quota keeps its counts.

Counts are kept by month, those of daily indicators by day, and added up when they are asked for:
so opening figures of a month can give way when that month's events arrive.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from services.quota.rules.versions import History, Version
from shared.plans import WHOLE, Indicator, Plan, period_key
from shared.plans.periods import Span, bounds, month_end, span

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Owned:
    """A period of an indicator and the version that judges it."""

    version: Version
    made: Indicator
    period: str
    start: date
    end: date


def stored_period(kind: str, day: date) -> str:
    """The period in which a count of an indicator is kept."""
    return period_key("day" if kind == "day" else "month", day)


def periods(plan: Plan, kind: str, today: date) -> list[str]:
    """The periods of a plan up to today, at least the first one."""
    if kind == WHOLE:
        return [WHOLE]
    last = min(max(today, plan.runs.from_), plan.runs.to)
    seen: dict[str, None] = {}
    day = plan.runs.from_
    while day <= last:
        key = period_key(kind, day)
        seen[key] = None
        day = span(plan, key)[1] + _DAY
    return list(seen)


def owned_periods(history: History, indicator: str, today: date) -> list[Owned]:
    """The periods of an indicator up to today, each with the version that judges it.

    That is the version in force on the period's last day, or today where the period still runs: a
    later version changes nothing in periods that were over.
    """
    found: list[Owned] = []
    claimed: set[str] = set()
    for window in history.windows:
        plan = window.version.plan
        made = plan.indicators.get(indicator)
        if made is None:
            continue
        mine = []
        for period in periods(plan, made.period, today):
            start, end = bounds(plan, period)
            if period not in claimed and window.holds(min(end, max(today, start))):
                mine.append(Owned(window.version, made, period, start, end))
        claimed.update(each.period for each in mine)
        found = mine + found
    return found


def owners_of(owned: Iterable[Owned], stored: Iterable[str]) -> list[Owned]:
    """The owned periods in which something kept or reported for some periods counts."""
    by_period = {one.period: one for one in owned}
    plans = {one.version.number: (one.version.plan, one.made.period) for one in by_period.values()}
    found: dict[str, Owned] = {}
    for each in stored:
        for number, (plan, kind) in plans.items():
            days = given_span(plan, kind, each)
            one = by_period.get(period_key(kind, days[0])) if days else None
            if one is not None and one.version.number == number:
                found[one.period] = one
    return list(found.values())


def given_span(plan: Plan, kind: str, period: str) -> Span | None:
    """The days inside the plan that a reported figure is about.

    None where they do not lie within one period of the indicator, or not in the plan at all.
    """
    try:
        first, last = bounds(plan, period)
    except ValueError:
        return None
    if first > last or period_key(kind, first) != period_key(kind, last):
        return None
    return first, last


@lru_cache(maxsize=1024)
def stored_periods(kind: str, days: Span) -> tuple[str, ...]:
    """The periods of storage that some days touch, in their order."""
    found = []
    day, last = days
    while day <= last:
        found.append(stored_period(kind, day))
        day = day + _DAY if kind == "day" else month_end(day) + _DAY
    return tuple(found)
