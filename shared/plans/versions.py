"""Which version of a plan judges which day, and by which version each duty is owed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Generic, NamedTuple, TypeVar

from shared.clock import local_day
from shared.plans.duties import Duty, Grants, bare_duties, by_due
from shared.plans.models import Plan
from shared.plans.periods import bounds
from shared.units import day_of
from shared.working_days import WorkingDays

BEGINNING = date.min
"""``since`` of a version that holds from the plan's start."""


@dataclass(frozen=True, slots=True)
class PlanVersion:
    """A version of a plan and the first day that it judges."""

    plan: Plan
    number: int
    since: date = BEGINNING


def since_of(message: Mapping[str, Any]) -> date:
    """The first day judged by the version that a message of PLANS tells of.

    A message of before the day was told with it has only the first day inside the plan.

    Raises ValueError, TypeError or KeyError where it is no such message.
    """
    if (since := message.get("since")) is not None:
        return date.fromisoformat(since)
    shown = message.get("effective_from")
    if shown is None or shown <= message["document"]["runs"]["from"]:
        return BEGINNING
    return date.fromisoformat(shown)


V = TypeVar("V", bound=PlanVersion)


@dataclass(frozen=True, slots=True)
class Window(Generic[V]):
    """The days that one version judges: from ``since`` up to, but not on, ``until``."""

    version: V
    since: date
    until: date

    def holds(self, day: date) -> bool:
        """Whether a day lies in it."""
        return self.since <= day < self.until


class Versions(Generic[V]):
    """All versions of one plan. Of those in effect on a day, the one applied last judges it."""

    def __init__(self, versions: Iterable[V]) -> None:
        """Takes at least one version, in any order."""
        self.versions = sorted(versions, key=lambda each: each.number)
        self.newest = self.versions[-1]
        self.windows: list[Window[V]] = []
        """Those that judge any day, the latest days first."""
        until = date.max
        for version in reversed(self.versions):
            if version.since < until:
                self.windows.append(Window(version, version.since, until))
                until = version.since

    def at(self, at: date | datetime) -> V | None:
        """The version that judges a day, or an instant's day; None before the first one holds."""
        day = day_of(at)
        return next((each.version for each in self.windows if each.holds(day)), None)

    def in_period(self, first: date, last: date) -> V | None:
        """The version that judges a stretch of days: the one in force on its last day inside the
        plan; None where the plan does not run then."""
        version = self.at(last)
        if version is not None and last > version.plan.runs.to:
            version = self.at(version.plan.runs.to)
        if version is None:
            return None
        runs = version.plan.runs
        return version if runs.from_ <= last and runs.to >= first else None

    def judges(self, indicator: str, period: str, today: date) -> V | None:
        """The version that judges an indicator's period: the one in force on its last day, or
        today where it still runs."""
        for window in self.windows:
            if indicator in window.version.plan.indicators:
                start, end = bounds(window.version.plan, period)
                if window.holds(min(end, max(today, start))):
                    return window.version
        return None


@dataclass(frozen=True, slots=True)
class Owed(Generic[V]):
    """A duty, and the version by which it is owed and judged."""

    duty: Duty
    version: V


@dataclass(frozen=True, slots=True)
class OwedFor(Generic[V]):
    """What is owed as long as it is looked at from `since` up to, but not on, `until`."""

    owed: Owed[V]
    since: date
    until: date


def owed_duties(
    versions: Versions[V], until: date, working: WorkingDays | None = None
) -> list[Owed[V]]:
    """Every duty of a plan that opens up to and including a day, once, as ``duties`` orders them.

    A duty is owed by the version in force on the day on which it is due, so a later version
    changes nothing about what was due before it held. Where a version moves a day over its own
    beginning, so that neither the old day nor the new one lies in its version's time, the duty
    stays as it was ordered when it opened. A duty without a day is owed by the newest version in
    force. Make-up days, extensions and waivers are read off the newest version, whichever judges.
    """
    return [each.owed for each in owed_until(versions, until, working) if until < each.until]


def owed_until(
    versions: Versions[V], last: date, working: WorkingDays | None = None
) -> list[OwedFor[V]]:
    """What ``owed_duties`` finds on each day up to the last one, in its order.

    It changes only on days on which a duty opens: by one version a duty may open earlier than by
    another, and until the second is there the first may be owed, or nothing.
    """
    ordered = list(reversed(versions.windows))
    listed: dict[tuple[str, str, str], list[_Listed[V]]] = {}
    for window in ordered:
        for duty in bare_duties(window.version.plan, last, working):
            key = (duty.obligation, duty.unit, duty.period)
            listed.setdefault(key, []).append(_Listed(window, duty, local_day(duty.opens)))
    newest = Grants(versions.newest.plan)
    others = {each.number: Grants(each.plan) for each in versions.versions}
    found = []
    for same in listed.values():
        turns = sorted({each.opens for each in same})
        for since, until in zip(turns, (*turns[1:], date.max), strict=True):
            one = _owing([each for each in same if each.opens <= since], ordered[-1])
            if one is not None:
                kept = one.duty.obligation in newest.plan.obligations
                grants = newest if kept else others[one.window.version.number]
                owed = Owed(grants.apply(one.duty), one.window.version)
                found.append(OwedFor(owed, since, until))
    return sorted(found, key=lambda each: by_due(each.owed.duty))


class _Listed(NamedTuple, Generic[V]):
    """A duty as one version orders it, and the day on which it opens."""

    window: Window[V]
    duty: Duty
    opens: date


def _owing(same: list[_Listed[V]], newest: Window[V]) -> _Listed[V] | None:
    """Of one duty as several versions order it, the oldest first, the one that is owed."""
    for each in same:
        if _due_in(each.window, each.duty):
            return each
    if same and same[-1].window is newest and same[-1].duty.day is None:
        return same[-1]
    for each in same:
        there = each.duty.day is None or any(_due_in(one.window, each.duty) for one in same)
        if there and each.window.holds(each.opens):
            return each
    return None


def _due_in(window: Window[V], duty: Duty) -> bool:
    return duty.day is not None and window.holds(duty.day)
