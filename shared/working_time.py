"""Working time: adding it to an instant and counting it between two, to the microsecond.

An office is open on working days in its hours (7:00 to 11:30 and 13:30 to 17:00 are common). A
clock that starts outside them starts at the next opening: before opening at the opening, at lunch
after lunch, after closing on the next working day. One working day is eight hours.

All questions are answered from one table of a calendar, how much was worked before each day, so a
question costs the same however far apart the instants are.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta

from shared.calendar_files import OfficeHours, Spans
from shared.clock import VN

WORKING_DAY = timedelta(hours=8)
"""What one working day is in working time."""

USUAL_HOURS: Spans = ((7 * 60, 11 * 60 + 30), (13 * 60 + 30, 17 * 60))
"""The hours of an office for which no file gives any."""

FIRST, LAST = date(1990, 1, 1), date(2110, 12, 31)
"""The days that are known. An instant outside counts as the beginning or the end of them."""

_MINUTE = 60_000_000
_DAY = 24 * 60 * _MINUTE
_START = FIRST.toordinal()
_MIDNIGHT = datetime(FIRST.year, FIRST.month, FIRST.day)  # noqa: DTZ001 - local time, as counted
_MICROSECOND = timedelta(microseconds=1)


class WorkingTime:
    """The working time of the offices that share hours."""

    def __init__(self, hours_of: Callable[[date], Spans]) -> None:
        """`hours_of` gives the hours of every day; it is asked once for each."""
        kept: dict[Spans, Spans] = {}
        self._spans: list[Spans] = []
        self._before = [0]
        worked = 0
        for ordinal in range(_START, LAST.toordinal() + 1):
            minutes = hours_of(date.fromordinal(ordinal))
            spans = kept.get(minutes)
            if spans is None:
                spans = kept[minutes] = tuple((a * _MINUTE, b * _MINUTE) for a, b in minutes)
            self._spans.append(spans)
            for opening, closing in spans:
                worked += closing - opening
            self._before.append(worked)

    def opening(self, instant: datetime) -> datetime:
        """The instant itself while the office is open, else its next opening."""
        return self.add(instant, timedelta())

    def next_day(self, instant: datetime) -> datetime:
        """The first opening on a later local day."""
        day, _ = _local(instant)
        return self._ahead(self._before[min(day + 1, len(self._spans))])

    def add(self, start: datetime, amount: timedelta) -> datetime:
        """The first instant by which so much working time has passed since `start`.

        So eight hours from an opening end at the closing of the same day. Nothing added gives the
        opening; a negative amount the last instant from which so much passes until `start`.
        """
        position = self._position(start)
        change = amount // _MICROSECOND
        if change > 0:
            return self._behind(position + change)
        return self._ahead(position) if change == 0 else self._ahead(position + change)

    def between(self, start: datetime, end: datetime) -> timedelta:
        """The working time that passes from one instant to another; negative if that is earlier."""
        return timedelta(microseconds=self._position(end) - self._position(start))

    def is_open(self, day: date) -> bool:
        """Whether the office has any hours on a day."""
        index = day.toordinal() - _START
        return 0 <= index < len(self._spans) and bool(self._spans[index])

    def _position(self, instant: datetime) -> int:
        """The working time before an instant, in microseconds."""
        day, time = _local(instant)
        if day < 0:
            return 0
        if day >= len(self._spans):
            return self._before[-1]
        worked = self._before[day]
        for opening, closing in self._spans[day]:
            if time <= opening:
                break
            worked += min(time, closing) - opening
        return worked

    def _behind(self, position: int) -> datetime:
        """The first instant before which so much was worked."""
        if position >= self._before[-1]:
            position = self._before[-1]
        day = max(bisect_left(self._before, position) - 1, 0)
        left = position - self._before[day]
        for opening, closing in self._spans[day]:
            if left <= closing - opening:
                return _instant(day, opening + left)
            left -= closing - opening
        return _instant(day, 0)

    def _ahead(self, position: int) -> datetime:
        """The last instant before which so much was worked: the office is open then."""
        position = max(position, 0)
        if position >= self._before[-1]:
            return self._behind(position)
        day = bisect_right(self._before, position) - 1
        left = position - self._before[day]
        for opening, closing in self._spans[day]:
            if left < closing - opening:
                return _instant(day, opening + left)
            left -= closing - opening
        raise AssertionError("a day that is worked has hours")


def _local(instant: datetime) -> tuple[int, int]:
    """The local day since the first that is known, and the microseconds since its midnight."""
    if instant.tzinfo is None:
        raise ValueError("an instant needs its zone")
    try:
        local = instant.astimezone(VN)
    except OverflowError:  # within hours of the first or the last instant that there is
        local = instant
    seconds = (local.hour * 60 + local.minute) * 60 + local.second
    return local.toordinal() - _START, seconds * 1_000_000 + local.microsecond


def _instant(day: int, time: int) -> datetime:
    return (_MIDNIGHT + timedelta(day, 0, time)).replace(tzinfo=VN)


def hours_of_office(
    entries: Sequence[OfficeHours],
    is_working: Callable[[date], bool],
    is_holiday: Callable[[date], bool],
) -> Callable[[date], Spans]:
    """The hours of every day for an office to which these entries apply, the stronger ones last.

    A working Monday to Friday has the hours of its weekday, a made-up day full ones. Saturday or
    Sunday hours hold unless that day is a holiday.
    """

    def hours(day: date) -> Spans:
        entry = entry_on(entries, day)
        weekday = day.weekday()
        if is_working(day):
            return entry.week[weekday] if weekday < 5 else entry.full
        return entry.week[weekday] if weekday >= 5 and not is_holiday(day) else ()

    return hours


USUAL = OfficeHours((USUAL_HOURS,) * 5 + ((), ()), USUAL_HOURS)
"""What is in force where no entry is."""


def entry_on(entries: Sequence[OfficeHours], day: date) -> OfficeHours:
    """The entry in force on a day, of those that apply to an office, the stronger ones last."""
    found = USUAL
    for entry in entries:
        if entry.since <= day < entry.until:
            found = entry
    return found


def entries_of(hours: Sequence[OfficeHours], unit: str, kind: str | None) -> list[OfficeHours]:
    """The entries that apply to a unit: those for all, for its kind, for itself; the stronger
    last, among equals the one that began later."""
    ranked = []
    for entry in hours:
        if unit in entry.units:
            rank = 2
        elif kind is not None and kind in entry.kinds:
            rank = 1
        elif not entry.units and not entry.kinds:
            rank = 0
        else:
            continue
        ranked.append((rank, entry.since, entry))
    return [entry for _, _, entry in sorted(ranked, key=lambda each: each[:2])]
