"""How much of a period has passed, in the days on which offices work."""

from datetime import date
from fractions import Fraction
from functools import lru_cache

from shared.working_days import WorkingDays


@lru_cache(maxsize=20_000)
def _worked(start: date, end: date, calendar: WorkingDays) -> int:
    days = range(start.toordinal(), end.toordinal() + 1)
    return sum(calendar.is_working(date.fromordinal(day)) for day in days)


def pace_of(start: date, end: date, today: date, calendar: WorkingDays) -> Fraction:
    """The part of a period's working days that has passed, today included, 0 to 1.

    Where nobody works in the period, its calendar days are taken.
    """
    if today < start:
        return Fraction(0)
    if today >= end:
        return Fraction(1)
    length = _worked(start, end, calendar)
    if length == 0:
        return Fraction((today - start).days + 1, (end - start).days + 1)
    return Fraction(_worked(start, today, calendar), length)
