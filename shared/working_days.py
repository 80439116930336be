"""Which days offices work in Viet Nam: public holidays, swapped Saturdays, and dated corrections."""

from collections.abc import Iterable
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path

import holidays
import yaml

from shared.settings import FolderFaults, deploy_dir

_DAY = timedelta(days=1)


class CalendarFault(FolderFaults):
    """A file of corrections that cannot be used."""


class WorkingDays:
    """Answers for any day. Corrections win over the calendar that ships with the `holidays` library.

    A make-up Saturday is a working day; the calendar of each day's neighbouring years is read too,
    because a swap may cross the turn of the year.
    """

    def __init__(self, off: Iterable[date] = (), worked: Iterable[date] = ()) -> None:
        self._fixed = dict.fromkeys(off, False) | dict.fromkeys(worked, True)
        self._years: dict[int, holidays.HolidayBase] = {}

    @classmethod
    def load(cls, folder: str | Path) -> "WorkingDays":
        """Reads corrections from every `*.yaml` of a folder: lists `closed` and `worked` of days.

        Raises CalendarFault naming the file. A folder that does not exist holds no corrections.
        """
        off: list[date] = []
        worked: list[date] = []
        for path in sorted(Path(folder).glob("*.yaml")):
            try:
                content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
            except (yaml.YAMLError, ValueError):  # also a day such as 2026-01-41
                raise CalendarFault(f"{path.name}: không đọc được") from None
            if not isinstance(content, dict) or set(content) - {"closed", "worked"}:
                raise CalendarFault(f"{path.name}: chỉ có hai khoá closed và worked")
            for key, days in (("closed", off), ("worked", worked)):
                listed = content.get(key) or []
                if not isinstance(listed, list) or not all(type(day) is date for day in listed):
                    raise CalendarFault(f"{path.name}: {key} là một danh sách ngày YYYY-MM-DD")
                days += listed
        both = sorted(set(off) & set(worked))
        if both:
            raise CalendarFault(f"{both[0]} vừa nghỉ vừa làm")
        return cls(off, worked)

    def is_working(self, day: date) -> bool:
        """Whether offices work on a day."""
        fixed = self._fixed.get(day)
        if fixed is not None:
            return fixed
        calendar = self._years.get(day.year)
        if calendar is None:
            years = (day.year - 1, day.year, day.year + 1)
            calendar = self._years[day.year] = holidays.country_holidays("VN", years=years)
        return bool(calendar.is_working_day(day))

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


@lru_cache(maxsize=1)
def working_days() -> WorkingDays:
    """The calendar with the corrections of this installation (`deploy/calendar`)."""
    return WorkingDays.load(deploy_dir() / "calendar")
