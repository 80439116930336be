"""Sums by day, third of a month, month and quarter, so that any period costs a few of each, however
much lies in it.

What happened on a business day is added to its day and to each that holds it. What reached us only after its
business day is added a second time, under the day we learnt it: of the sum of all that is known now
a report of an earlier day takes off what came later. That is kept by how late it was, in powers of
two, so that only days near the end of a period are looked at. A period never ends after the day as
of which it is asked for, so what came on its own day or before is in no such report's way.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple

FOREVER = date.max
"""As a recorded day: all that is known now. Elsewhere: the end of what has no end. In the store it
is `infinity`, which is how the driver writes the last day there is."""

QUARTER, THIRD, DAY, MONTH, LATE = -2, -1, 0, 1, 2
"""Levels: a quarter, a third of a month (its first ten days, the next ten, the rest), a day, a month;
from LATE on a day of what came 1, 2, 3-4, 5-8, ... days late."""
MOST_CLASSES = 22
_ONE_DAY = timedelta(days=1)


class Block(NamedTuple):
    """A day or several, by number, and when it was learnt (FOREVER: whenever)."""

    level: int
    number: int
    rday: date


class Range(NamedTuple):
    """Days, or blocks of them, from `low` to `high`, learnt from `since` to `until`, all ends included; a
    negative sign takes them off."""

    level: int
    low: int
    high: int
    since: date = FOREVER
    until: date = FOREVER
    sign: int = 1


def day_number(day: date) -> int:
    """The number of a day: days since the first day of the year 1, which is 0."""
    return day.toordinal() - 1


def month_number(day: date) -> int:
    """The number of a day's month: months since the year 0."""
    return day.year * 12 + day.month - 1


def third_number(day: date) -> int:
    """The number of the third of a month that a day lies in: three for each month."""
    return month_number(day) * 3 + min((day.day - 1) // 10, 2)


def blocks(day: date, rday: date) -> Iterator[Block]:
    """Where something of a business day, learnt on a recorded day, is added."""
    yield Block(DAY, day_number(day), FOREVER)
    yield Block(THIRD, third_number(day), FOREVER)
    yield Block(MONTH, month_number(day), FOREVER)
    yield Block(QUARTER, month_number(day) // 3, FOREVER)
    late = (rday - day).days
    if late > 0:
        yield Block(LATE + (late - 1).bit_length(), day_number(day), rday)


def cover(first: date, last: date, most: int = QUARTER) -> list[Range]:
    """The fewest days and blocks of days that make up a period, both ends included; none of them
    larger than a month where `most` is MONTH."""
    return _cover(first, last, QUARTER if most == QUARTER else MONTH)


def _cover(first: date, last: date, level: int) -> list[Range]:
    """The whole blocks of a level in a period, and what lies before and after them by smaller ones."""
    if first > last:
        return []
    if level == DAY:
        return [Range(DAY, day_number(first), day_number(last))]
    low, high = _NUMBERS[level](first), _NUMBERS[level](last)
    low += _begin(level, low) != first
    high -= last != date.max and _begin(level, high + 1) != last + _ONE_DAY
    if low > high:
        return _cover(first, last, _SMALLER[level])
    found = [Range(level, low, high)]
    if (begun := _begin(level, low)) > first:
        found += _cover(first, begun - _ONE_DAY, _SMALLER[level])
    if last != date.max and (ended := _begin(level, high + 1)) <= last:
        found += _cover(ended, last, _SMALLER[level])
    return found


def learnt_later(first: date, last: date, known: date) -> list[Range]:
    """What of a period's days was learnt only after a day, which is not before the period's last:
    to be taken off what is known now."""
    found = []
    after = day_number(known) + 1
    for late in range(MOST_CLASSES):
        low, high = max(day_number(first), after - 2**late), day_number(last)
        if low <= high:
            until = min(high + 2**late, FOREVER.toordinal() - 2)
            since = date.fromordinal(after + 1)
            found.append(Range(LATE + late, low, high, since, date.fromordinal(until + 1), -1))
    return found


def before(day: date) -> tuple[date, date] | None:
    """The first and the last of all days before a day."""
    return None if day == date.min else (date.min, day - _ONE_DAY)


def _begin(level: int, number: int) -> date:
    """The first day of a block."""
    if level == QUARTER:
        return _begin(MONTH, number * 3)
    if level == THIRD:
        return _begin(MONTH, number // 3).replace(day=number % 3 * 10 + 1)
    return date(number // 12, number % 12 + 1, 1)


_SMALLER = {QUARTER: MONTH, MONTH: THIRD, THIRD: DAY}
_NUMBERS = {
    QUARTER: lambda day: month_number(day) // 3,
    MONTH: month_number,
    THIRD: third_number,
}
