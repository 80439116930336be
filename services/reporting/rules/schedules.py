"""When reports are built that were ordered ahead, and of which period."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

from shared.clock import VN, local_day
from shared.working_days import WorkingDays

EVERY = ("day", "week", "month")
DAYS_OFF = ("earlier", "later", "skip", "anyway")
"""What becomes of a day on which offices are closed: the last working day before it, the first one
after it, nothing is built, or it is built all the same."""
LOOK_BACK, LOOK_AHEAD = timedelta(days=45), timedelta(days=450)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class When:
    """An order for a time: ready `before` a local time of a day, built `lead` earlier.

    `days` are days of the month (one past its end means its last), or of the week from Monday, 1,
    to Sunday, 7; none for every day.
    """

    every: str
    before: time
    lead: timedelta
    days: tuple[int, ...] = ()
    days_off: str = "earlier"


class Occasion(NamedTuple):
    """A day on which a report has to be ready, the instant to build it, and the one it must keep."""

    day: date
    build_at: datetime
    due_at: datetime


def occasions(when: When, after: datetime, most: int, working: WorkingDays) -> list[Occasion]:
    """The next occasions whose building begins after an instant, at most so many, in order."""
    day, found = local_day(after) - LOOK_BACK, set[date]()
    while day < local_day(after) + LOOK_AHEAD:
        if _falls_on(when, day) and (moved := _moved(day, when.days_off, working)):
            found.add(moved)
        if len([each for each in found if each > local_day(after)]) > most + 5:
            break
        day += _DAY
    every = (_occasion(when, each) for each in sorted(found))
    return [each for each in every if each.build_at > after][:most]


def missed(when: When, since: datetime, now: datetime, working: WorkingDays) -> list[Occasion]:
    """The occasions whose building had to begin from an instant until now, in order."""
    found: list[Occasion] = []
    after = since - timedelta(microseconds=1)
    while True:
        more = [each for each in occasions(when, after, 100, working) if each.build_at <= now]
        found += more
        if len(more) < 100:
            return found
        after = more[-1].build_at


def _falls_on(when: When, day: date) -> bool:
    if when.every == "day":
        return True
    if when.every == "week":
        return day.isoweekday() in when.days
    last = (day + _DAY).month != day.month
    return day.day in when.days or (last and max(when.days, default=0) > day.day)


def _moved(day: date, days_off: str, working: WorkingDays) -> date | None:
    if days_off == "anyway" or working.is_working(day):
        return day
    if days_off == "skip":
        return None
    return working.shift(day, -1 if days_off == "earlier" else 1)


def _occasion(when: When, day: date) -> Occasion:
    due = datetime.combine(day, when.before, tzinfo=VN)
    return Occasion(day, due - when.lead, due)


def _week(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _month(day: date) -> date:
    return day.replace(day=1)


def _quarter(day: date) -> date:
    return date(day.year, (day.month - 1) // 3 * 3 + 1, 1)


def _year(day: date) -> date:
    return date(day.year, 1, 1)


def _before(start: Callable[[date], date], day: date) -> tuple[date, date]:
    last = start(day) - _DAY
    return start(last), last


_PERIODS: Mapping[str, Callable[[date], tuple[date | None, date]]] = {
    "today": lambda day: (day, day),
    "yesterday": lambda day: (day - _DAY, day - _DAY),
    "this_week": lambda day: (_week(day), day),
    "last_week": lambda day: _before(_week, day),
    "this_month": lambda day: (_month(day), day),
    "last_month": lambda day: _before(_month, day),
    "this_quarter": lambda day: (_quarter(day), day),
    "last_quarter": lambda day: _before(_quarter, day),
    "this_year": lambda day: (_year(day), day),
    "last_year": lambda day: _before(_year, day),
    "so_far": lambda day: (None, day),
}
PERIODS = tuple(_PERIODS)
"""Names of periods that move with the day; those called `this_` end on the day itself."""


def period_of(name: str, day: date) -> tuple[date | None, date]:
    """The first and the last day of a period as seen from a day; no first: from the beginning."""
    return _PERIODS[name](day)
