"""What a calendar comes to, day by day: for people who look whether it is right."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from shared.calendar_files import OfficeHours, Spans
from shared.working_days import WorkingDays
from shared.working_time import entry_on, hours_of_office

State = Literal["working", "half", "swapped", "holiday", "weekend", "closed"]


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """One day of an office. `name` says why it is not as its weekday says; `source` is the file and
    line, or the library, that it follows from, empty for the usual hours and weekends.

    `half` has hours, but fewer than a whole day of this office; `swapped` is a weekend day that is
    worked; `closed` a working day on which this office has no hours.
    """

    day: date
    state: State
    hours: Spans
    name: str | None
    source: str

    @property
    def minutes(self) -> int:
        """How long the office is open."""
        return _length(self.hours)


def days_of_office(
    working: WorkingDays, entries: Sequence[OfficeHours], first: date, last: date
) -> Iterator[CalendarDay]:
    """Each day of a span, its last included, for an office to which these entries apply."""
    hours = hours_of_office(entries, working.is_working, working.is_holiday)
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        entry, open_in, reason = entry_on(entries, day), hours(day), working.reason(day)
        state = _state(working, day, open_in, entry)
        by_hours = f"{entry.file}:{entry.line}" if entry.file else ""
        if reason is None or state in ("half", "closed"):
            source = "" if state == "weekend" else by_hours
        else:
            source = reason.source
        yield CalendarDay(day, state, open_in, reason.name if reason else None, source)


def _state(working: WorkingDays, day: date, hours: Spans, entry: OfficeHours) -> State:
    if not hours:
        if working.is_working(day):
            return "closed"
        return "holiday" if working.is_holiday(day) else "weekend"
    if day.weekday() >= 5 and working.is_working(day):
        return "swapped"
    return "half" if _length(hours) < _length(entry.full) else "working"


def _length(spans: Spans) -> int:
    return sum(closing - opening for opening, closing in spans)
