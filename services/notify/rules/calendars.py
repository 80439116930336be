"""By when the calendar of the next year should be known."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time

from shared.clock import VN, local_day

MORNING = time(8, 0)
"""When on that day it is said: nobody is woken for it."""


@dataclass(frozen=True, slots=True)
class YearlyDay:
    """A day of every year; never 29 February."""

    month: int
    day: int

    def of(self, year: int) -> datetime:
        """The morning of that day."""
        return datetime.combine(date(year, self.month, self.day), MORNING, VN)


def read_yearly_day(text: str) -> YearlyDay | None:
    """``12-01``; null for an empty text. Raises ``ValueError`` where it reads otherwise."""
    if not text.strip():
        return None
    try:
        if len(text.strip()) != 5:
            raise ValueError
        day = date.fromisoformat(f"2001-{text.strip()}")  # a year without 29 February
    except ValueError:
        raise ValueError("write MM-DD, such as 12-01") from None
    return YearlyDay(day.month, day.day)


def missing_year(
    now: datetime, since: YearlyDay | None, announced: Callable[[int], bool]
) -> int | None:
    """The year whose calendar should be known by now and is not; null where all is well.

    From ``since`` on that is the next year; from New Year on it is the year itself.
    """
    if since is None:
        return None
    today = local_day(now)
    year = today.year + 1 if now >= since.of(today.year) else today.year
    return None if announced(year) else year
