"""Due dates that we compute ourselves, for dossiers of which upstream states none. Pure.

What they follow from, the *rules*, is data: the days on which offices are closed, the hours of
each office, how long each procedure takes. Rules are known by a digest of their content, and one
content gives the same due dates for ever, whatever a newer library or file says. What has been
derived from dossiers can therefore be taken back exactly when rules change.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson

from shared.calendar_checks import kinds_of, unit_faults
from shared.calendar_files import CalendarFault, OfficeHours, read_calendar
from shared.clock import VN, local_day
from shared.procedures import Duration, read_durations
from shared.units import UnitRegistry
from shared.working_days import WorkingDays
from shared.working_time import WORKING_DAY, WorkingTime, entries_of, hours_of_office

SPAN = (2000, 2060)
"""The years of which rules hold every holiday; around them only weekends are known."""

_DAY = timedelta(days=1)


class DueRules:
    """What due dates follow from, with the tables that make it quick."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        """`body` is as `body_of` made it, maybe read back from a store."""
        self.body = body
        self._off = frozenset(map(date.fromisoformat, body.get("off", ())))
        self._worked = frozenset(map(date.fromisoformat, body.get("worked", ())))
        self._hours = [_read_hours(each) for each in body.get("hours", ())]
        self._offices: Mapping[str, list[int]] = body.get("offices", {})
        self._usual: list[int] = body.get("usual", [])
        self._times: dict[tuple[int, ...], WorkingTime] = {}
        self._durations: dict[str, list[Duration]] = {}
        for each in body.get("procedures", ()):
            duration = _read_duration(each)
            self._durations.setdefault(duration.code, []).append(duration)

    @cached_property
    def digest(self) -> str:
        """What the rules are known by: equal contents have equal digests."""
        canonical = orjson.dumps(self.body, option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256(canonical).hexdigest()[:32]

    @property
    def procedures(self) -> frozenset[str]:
        """The codes of the procedures that have a duration."""
        return frozenset(self._durations)

    def duration(self, procedure: str, authority: str, day: date) -> Duration | None:
        """How long an authority has for what it received on a day; null where nobody said."""
        best: tuple[bool, date] | None = None
        found = None
        for each in self._durations.get(procedure, ()):
            if each.since <= day and each.authority in (None, authority):
                rank = each.authority is not None, each.since
                if best is None or rank > best:
                    best, found = rank, each
        return found

    def working_time(self, unit: str) -> WorkingTime:
        """The working time of an office; of one that nothing is said about, the usual one."""
        entries = tuple(self._offices.get(unit, self._usual))
        found = self._times.get(entries)
        if found is None:
            hours = hours_of_office(
                [self._hours[index] for index in entries], self._is_working, self._off.__contains__
            )
            found = self._times[entries] = WorkingTime(hours)
        return found

    def due(self, unit: str, procedure: str, authority: str, received: datetime) -> datetime | None:
        """When the result of a dossier is due, before any pause; null without a duration.

        Working days are eight hours of office time each. Calendar days keep the time of day; a
        term that ends on a day off ends when the office opens next (Civil Code 2015, article 148).
        """
        duration = self.duration(procedure, authority, local_day(received))
        if duration is None:
            return None
        clock = self.working_time(unit)
        start = received
        if duration.cutoff is not None and _time_of(received) > duration.cutoff:
            start = clock.next_day(received)
        if duration.measure == "working_days":
            return clock.add(start, duration.amount * WORKING_DAY)
        if duration.measure == "working_hours":
            return clock.add(start, timedelta(hours=duration.amount))
        return clock.opening(clock.opening(start) + duration.amount * _DAY)

    def extended(self, unit: str, due: datetime, paused: datetime, resumed: datetime) -> datetime:
        """A due date after the clock stood still between two instants: later by the working time
        between them."""
        clock = self.working_time(unit)
        missed = clock.between(paused, resumed)
        return clock.add(due, missed) if missed > timedelta() else due

    def _is_working(self, day: date) -> bool:
        if day.weekday() < 5:
            return day not in self._off
        return day in self._worked


NO_RULES = DueRules({})
"""No procedure has a duration: nothing is computed."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """Which rules held on which recorded days: (first day, rules), oldest first."""

    entries: tuple[tuple[date, DueRules], ...] = ()

    def on(self, day: date) -> DueRules | None:
        """The rules that held at the end of a day; of several that began on one the last."""
        found = None
        for since, rules in self.entries:
            if since > day:
                break
            found = rules
        return found

    @property
    def latest(self) -> DueRules | None:
        """The rules that hold now."""
        return self.entries[-1][1] if self.entries else None

    def days(self, procedures: Iterable[str]) -> list[date]:
        """The days on which the due dates of dossiers of some procedures may have changed."""
        asked = set(procedures)
        if not any(asked & rules.procedures for _, rules in self.entries):
            return []
        return [since for since, _ in self.entries]

    def then(self, since: date, rules: DueRules) -> "Timeline":
        """This, and other rules from a day on."""
        return Timeline((*self.entries, (since, rules)))


NO_TIMELINE = Timeline()


def concerned(old: DueRules | None, new: DueRules) -> frozenset[str]:
    """The procedures of which dossiers may be due at another time by new rules."""
    before = (old or NO_RULES).body
    if {**before, "procedures": None} != {**new.body, "procedures": None}:
        return (old or NO_RULES).procedures | new.procedures
    known, told = _by_code(before), _by_code(new.body)
    return frozenset(
        code for code in known.keys() | told.keys() if known.get(code) != told.get(code)
    )


def _by_code(body: Mapping[str, Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for each in body.get("procedures", ()):
        found.setdefault(each["code"], []).append(each)
    return found


def load_rules(folder: Path, registry: UnitRegistry) -> DueRules:
    """The rules by the files of a deploy folder: `calendar/*.yaml` and `procedures/*.csv`.

    Raises:
        FolderFaults: a file cannot be used; the text says which, and how to mend it.
    """
    files = read_calendar(folder / "calendar")
    wrong = [f"{file}: {fault}" for file, fault in unit_faults(files, registry)]
    if wrong:
        raise CalendarFault("\n".join(wrong))
    durations = read_durations(folder / "procedures")
    working = WorkingDays(files.closed, files.worked)
    return DueRules(body_of(working, files.hours, durations, registry)) if durations else NO_RULES


def body_of(
    working: WorkingDays,
    hours: Sequence[OfficeHours],
    durations: Sequence[Duration],
    registry: UnitRegistry,
) -> dict[str, Any]:
    """The content of rules as JSON holds it: days off, worked weekends, hours, durations."""
    off, worked = [], []
    day = date(SPAN[0], 1, 1)
    while day.year <= SPAN[1]:
        if working.is_holiday(day):
            off.append(day.isoformat())
        if day.weekday() >= 5 and working.is_working(day):
            worked.append(day.isoformat())
        day += _DAY
    offices = {}
    usual = _indices(hours, entries_of(hours, "", None))
    for unit, kind in sorted(kinds_of(registry).items()):
        chosen = _indices(hours, entries_of(hours, unit, kind))
        if chosen != usual:
            offices[unit] = chosen
    return {
        "off": off,
        "worked": worked,
        "hours": [_write_hours(each) for each in hours],
        "usual": usual,
        "offices": offices,
        "procedures": [_write_duration(each) for each in durations],
    }


def _indices(hours: Sequence[OfficeHours], chosen: Sequence[OfficeHours]) -> list[int]:
    return [next(i for i, each in enumerate(hours) if each is one) for one in chosen]


def _time_of(instant: datetime) -> time:
    return instant.astimezone(VN).time()


def _write_hours(entry: OfficeHours) -> dict[str, Any]:
    return {
        "week": [[list(span) for span in spans] for spans in entry.week],
        "full": [list(span) for span in entry.full],
        "since": entry.since.isoformat(),
        "until": entry.until.isoformat(),
    }


def _read_hours(entry: Mapping[str, Any]) -> OfficeHours:
    return OfficeHours(
        tuple(tuple((a, b) for a, b in spans) for spans in entry["week"]),
        tuple((a, b) for a, b in entry["full"]),
        since=date.fromisoformat(entry["since"]),
        until=date.fromisoformat(entry["until"]),
    )


def _write_duration(each: Duration) -> dict[str, Any]:
    return {
        "code": each.code,
        "amount": each.amount,
        "measure": each.measure,
        "authority": each.authority,
        "cutoff": each.cutoff.isoformat("minutes") if each.cutoff else None,
        "since": each.since.isoformat(),
    }


def _read_duration(each: Mapping[str, Any]) -> Duration:
    cutoff = each["cutoff"]
    return Duration(
        each["code"],
        each["amount"],
        each["measure"],
        each["authority"],
        time.fromisoformat(cutoff) if cutoff else None,
        date.fromisoformat(each["since"]),
    )
