"""Which days offices work in Viet Nam: public holidays, swapped Saturdays, and dated corrections."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path

import holidays

from shared.calendar_files import CalendarFault, NamedDay, read_calendar
from shared.settings import deploy_dir

__all__ = ["CalendarFault", "Reason", "WorkingDays", "working_days"]

_DAY = timedelta(days=1)
LIBRARY = f"holidays {holidays.__version__}"
"""What is named as the source of a day that no file corrects."""
LANGUAGE = "vi"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a day is not as its weekday says: the holiday's or the swap's name, and who says so."""

    name: str
    source: str


class WorkingDays:
    """Answers for any day. Corrections win over the calendar that ships with the `holidays` library.

    A make-up Saturday is a working day; the calendar of each day's neighbouring years is read too,
    because a swap may cross the turn of the year.
    """

    def __init__(
        self,
        off: Iterable[date] | Mapping[date, NamedDay] = (),
        worked: Iterable[date] | Mapping[date, NamedDay] = (),
        announced: Iterable[int] = (),
    ) -> None:
        self._told: dict[date, NamedDay] = {}
        for days in (off, worked):
            self._told |= days if isinstance(days, Mapping) else {}
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

    def reason(self, day: date) -> Reason | None:
        """Why a day is off, or a weekend is worked; none for a day that is as its weekday says."""
        works = self.is_working(day)
        if works and day.weekday() < 5 and day not in self._fixed:
            return None
        told = self._told.get(day)
        made_up = works and day.weekday() >= 5
        if day in self._fixed:
            usual = "Làm bù" if made_up else "Làm việc" if works else "Nghỉ"
            name = (told and told.name) or self._calendar(day.year).get(day) or usual
            return Reason(name, f"{told.file}:{told.line}" if told else "")
        if made_up:
            off = dict(self._swaps(day.year)).get(day)
            return Reason(f"Làm bù cho ngày {off:%d/%m/%Y}" if off else "Làm bù", LIBRARY)
        name = self._calendar(day.year).get(day)
        return Reason(name, LIBRARY) if name else None

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
        found = []
        for day in _days_of(year):
            reason = self.reason(day) if day.weekday() < 5 else None
            if reason is not None and not self.is_working(day):
                found.append((day, reason.name))
        return found

    def days_made_up(self, year: int) -> list[date]:
        """The Saturdays and Sundays of a year on which offices work."""
        return [day for day in _days_of(year) if day.weekday() >= 5 and self.is_working(day)]

    def _swaps(self, year: int) -> Iterator[tuple[date, date]]:
        """(the weekend day that is worked, the day that is off for it), as the library knows them
        for a year and those beside it."""
        known = getattr(self._calendar(year), "special_public_holidays", None) or {}
        for off_year in (year - 1, year, year + 1):
            given = known.get(off_year) or ()
            for each in (given,) if given and isinstance(given[0], int) else given:
                month, day, from_month, from_day, *from_year = each
                worked = date(from_year[0] if from_year else off_year, from_month, from_day)
                yield worked, date(off_year, month, day)

    def _calendar(self, year: int) -> holidays.HolidayBase:
        calendar = self._years.get(year)
        if calendar is None:
            years = (year - 1, year, year + 1)
            calendar = self._years[year] = holidays.country_holidays(
                "VN", years=years, language=LANGUAGE
            )
        return calendar


def _days_of(year: int) -> Iterator[date]:
    first = date(year, 1, 1)
    for number in range((date(year + 1, 1, 1) - first).days):
        yield first + number * _DAY


@lru_cache(maxsize=1)
def working_days() -> WorkingDays:
    """The calendar with the corrections of this installation (`deploy/calendar`)."""
    return WorkingDays.load(deploy_dir() / "calendar")
