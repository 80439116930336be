"""Working days and office hours (7:00 to 11:30, 13:30 to 17:00) for telling when things happen."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import date, datetime, time, timedelta
from functools import lru_cache

from shared.clock import VN
from shared.working_days import WorkingDays

_DAY = timedelta(days=1)
_MORNING = 270
"""Minutes of office work before lunch."""
OFFICE_MINUTES = 480


class Days:
    """The working days from one day on, numbered from 0; `count` of them lie in the time itself."""

    def __init__(self, first: date, last: date, beyond: int = 120) -> None:
        working = _calendar()
        span = (last - first).days + 1 + beyond
        every = (first + number * _DAY for number in range(span))
        self.days = [day for day in every if working.is_working(day)]
        self.count = bisect_right(self.days, last)
        self.end = datetime.combine(last + _DAY, time(), tzinfo=VN)

    def __getitem__(self, number: int) -> date:
        return self.days[number]

    def number(self, day: date) -> int:
        """The number of the first working day that is not before a day."""
        return bisect_left(self.days, day)


@lru_cache(maxsize=1)
def _calendar() -> WorkingDays:
    return WorkingDays()


def at(day: date, hour: int, minute: int = 0, second: int = 0) -> datetime:
    """An instant of a day in Viet Nam."""
    return datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=VN)


def in_office(day: date, minute: float) -> datetime:
    """The instant after so many minutes of office work on a day, 0 to 480."""
    minute = min(max(minute, 0.0), OFFICE_MINUTES - 1)
    shift = 420 + minute if minute < _MORNING else 810 + minute - _MORNING
    seconds = int(shift * 60)
    return at(day, seconds // 3600, seconds // 60 % 60, seconds % 60)


def month_day(month: str, number: int, following: bool = False) -> date:
    """A day of a month, or of the month after it."""
    year, index = map(int, month.split("-"))
    if following:
        year, index = (year + 1, 1) if index == 12 else (year, index + 1)
    return date(year, index, number)
