"""The duties of plans, worked out once for all the days on which they are looked at."""

from bisect import bisect_left
from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache
from typing import NamedTuple

from shared.clock import local_day
from shared.plans import Duty, PlanVersion, Versions, owed_until
from shared.working_days import WorkingDays

PLANS = 16
"""Plans, each in all its versions, whose duties are kept."""


class _Owed(NamedTuple):
    """A duty, the version that orders it, the days on which it is owed, and its own."""

    duty: Duty
    version: PlanVersion
    since: date
    until: date
    day: date


class _Duties:
    """The duties of a plan that open up to the end of some month."""

    def __init__(self, versions: Versions[PlanVersion], working: WorkingDays) -> None:
        self.versions, self.working = versions, working
        self.last = date.min
        self._owed: list[_Owed] = []
        self._due: list[date] = []

    def between(self, first: date, last: date) -> Iterator[_Owed]:
        """Those owed on the last day whose own day is not before the first."""
        if last > self.last:
            self._work_out(last)
        for each in self._owed[bisect_left(self._due, first) :]:
            if each.since <= last < each.until and each.day >= first:
                yield each

    def _work_out(self, last: date) -> None:
        if last < date(9999, 12, 1):
            last = (last.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
        found, due = [], []
        for each in owed_until(self.versions, last, self.working):
            duty = each.owed.duty
            day = duty.day or local_day(duty.opens)
            found.append(_Owed(duty, each.owed.version, each.since, each.until, day))
            due.append(date.max if duty.due is None else local_day(duty.due))
        self._owed, self._due, self.last = found, due, last


@lru_cache(maxsize=PLANS)
def _duties(versions: Versions[PlanVersion], working: WorkingDays) -> _Duties:
    return _Duties(versions, working)


def owed_from(
    versions: Versions[PlanVersion], first: date, last: date, working: WorkingDays
) -> Iterator[tuple[Duty, PlanVersion]]:
    """Every duty of a plan owed on the last day that was not due before the first, with the version
    that orders it, as `owed_duties` orders them.

    A duty is due on its own day or the one after, so those due before the first day come first.
    What is kept takes some 400 bytes for each duty up to the month looked at.
    """
    for each in _duties(versions, working).between(first, last):
        yield each.duty, each.version
