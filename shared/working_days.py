"""Which days offices work in Viet Nam: public holidays, swapped Saturdays, and dated corrections."""

from collections.abc import Iterable
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path

import holidays

from shared.calendar_files import CalendarFault, read_calendar
from shared.settings import deploy_dir

__all__ = ["CalendarFault", "WorkingDays", "working_days"]

_DAY = timedelta(days=1)


class WorkingDays:
    """Answers for any day. Corrections win over the calendar that ships with the `holidays` library.

    A make-up Saturday is a working day; the calendar of each day's neighbouring years is read too,
    because a swap may cross the turn of the year.
    """

    def __init__(
        self,
        off: Iterable[date] = (),
        worked: Iterable[date] = (),
        announced: Iterable[int] = (),
    ) -> None:
        self._fixed = dict.fromkeys(off, False) | dict.fromkeys(worked, True)
        self._announced = frozenset(announced)
        self._years: dict[int, holidays.HolidayBase] = {}

    @classmethod
    def load(cls, folder: str | Path) -> "WorkingDays":
        """Reads corrections from every `*.yaml` of a folder: lists `closed` and `worked` of days.

        Raises CalendarFault naming the file. A folder that does not exist holds no corrections.
        """
        files = read_calendar(folder)
        return cls(files.closed, files.worked, files.announced)

    def is_working(self, day: date) -> bool:
        """Whether offices work on a day."""
        fixed = self._fixed.get(day)
        if fixed is not None:
            return fixed
        return bool(self._calendar(day.year).is_working_day(day))

    def is_holiday(self, day: date) -> bool:
        """Whether a day is a public holiday, a day off in lieu, or closed by a correction."""
        fixed = self._fixed.get(day)
        return day in self._calendar(day.year) if fixed is None else not fixed

    def shift(self, day: date, count: int) -> date:
        """The day that is `count` working days later, or earlier if negative; 0 is the day itself.

        The day itself is not counted, whether worked or not.
        """
        step = _DAY if count > 0 else -_DAY
        left = abs(count)
        while left:
            day += step
            left -= self.is_working(day)
        return day

    def is_announced(self, year: int) -> bool:
        """Whether a year's swaps and days off in lieu are settled: a file says so or corrects a day
        of it, or the library knows one. What follows from the law alone is known for any year."""
        if year in self._announced or any(day.year == year for day in self._fixed):
            return True
        return year in (getattr(self._calendar(year), "special_public_holidays", None) or {})

    def days_off(self, year: int) -> list[tuple[date, str]]:
        """The Mondays to Fridays of a year on which offices are closed, and why."""
        calendar = self._calendar(year)
        day = date(year, 1, 1)
        found = []
        while day.year == year:
            if day.weekday() < 5 and not self.is_working(day):
                found.append((day, calendar.get(day) or "theo tệp lịch"))
            day += _DAY
        return found

    def days_made_up(self, year: int) -> list[date]:
        """The Saturdays and Sundays of a year on which offices work."""
        first = date(year, 1, 1)
        span = (date(year + 1, 1, 1) - first).days
        every = (first + number * _DAY for number in range(span))
        return [day for day in every if day.weekday() >= 5 and self.is_working(day)]

    def _calendar(self, year: int) -> holidays.HolidayBase:
        calendar = self._years.get(year)
        if calendar is None:
            years = (year - 1, year, year + 1)
            calendar = self._years[year] = holidays.country_holidays("VN", years=years)
        return calendar


@lru_cache(maxsize=1)
def working_days() -> WorkingDays:
    """The calendar with the corrections of this installation (`deploy/calendar`)."""
    return WorkingDays.load(deploy_dir() / "calendar")
