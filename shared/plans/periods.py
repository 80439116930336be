"""How periods are written, and the days that they hold."""

import re
from datetime import date, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.plans.models import Plan

WHOLE = "whole"
"""The period of what is counted over the whole plan."""

Span = tuple[date, date]
"""First and last day, both included."""

_NAMED = re.compile(r"(\d{4})(?:-Q([1-4])|-(0[1-9]|1[0-2])(?:-(\d{2}))?)?")


def period_key(kind: str, day: date) -> str:
    """How a period that holds a day is written: whole, 2020, 2020-Q1, 2020-01, 2020-01-31."""
    match kind:
        case "whole":
            return WHOLE
        case "year":
            return f"{day.year}"
        case "quarter":
            return f"{day.year}-Q{(day.month + 2) // 3}"
        case "month":
            return f"{day.year}-{day.month:02}"
        case _:
            return day.isoformat()


def bounds(plan: "Plan", period: str) -> Span:
    """The first and last day of a period inside the plan."""
    first, last = span(plan, period)
    return max(first, plan.runs.from_), min(last, plan.runs.to)


def span(plan: "Plan", period: str) -> Span:
    """The first and last day of a period; of the whole the plan's.

    Raises ValueError where it is no period.
    """
    if period == WHOLE:
        return plan.runs.from_, plan.runs.to
    match = _NAMED.fullmatch(period)
    if match is None:
        raise ValueError("not a period")
    year = int(match[1])
    if match[4]:
        day = date(year, int(match[3]), int(match[4]))
        return day, day
    if match[3]:
        first = date(year, int(match[3]), 1)
        return first, month_end(first)
    if match[2]:
        quarter = int(match[2])
        return date(year, quarter * 3 - 2, 1), month_end(date(year, quarter * 3, 1))
    return date(year, 1, 1), date(year, 12, 31)


def month_end(day: date) -> date:
    """The last day of a day's month."""
    return date(day.year + day.month // 12, day.month % 12 + 1, 1) - timedelta(days=1)
