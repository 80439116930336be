"""The files of `deploy/calendar`: dated corrections, office hours, and which years are settled."""

import re
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from shared.settings import FolderFaults

Spans = tuple[tuple[int, int], ...]
"""Office hours of one day: (opening, closing) in minutes after midnight, in order."""

KEYS = frozenset({"closed", "worked", "announced", "hours"})
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_HOURS_KEYS = frozenset({"from", "to", "units", "kinds", "weekdays", *DAYS})
_SPAN = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)\s*-\s*([01]?\d|2[0-4]):([0-5]\d)")


class CalendarFault(FolderFaults):
    """A calendar file that cannot be used: says which, and how to mend it."""


@dataclass(frozen=True, slots=True)
class OfficeHours:
    """When some offices are open: those of `units` and of `kinds`, or all where both are empty.

    `week` has the hours of Monday to Sunday; `full` those of a working day that is none of
    Monday to Friday, a make-up Saturday. In force on the days [since, until).
    """

    week: tuple[Spans, ...]
    full: Spans
    units: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    since: date = date.min
    until: date = date.max
    file: str = ""


@dataclass(frozen=True, slots=True)
class CalendarFiles:
    """What the files of a folder say together; `announced` are years whose holidays are settled."""

    closed: tuple[date, ...] = ()
    worked: tuple[date, ...] = ()
    announced: frozenset[int] = frozenset()
    hours: tuple[OfficeHours, ...] = field(default=())


def read_calendar(folder: str | Path) -> CalendarFiles:
    """Reads every `*.yaml` of a folder; one that does not exist says nothing.

    Raises:
        CalendarFault: with one line for each faulty file.
    """
    closed: list[date] = []
    worked: list[date] = []
    announced: set[int] = set()
    hours: list[OfficeHours] = []
    faults: list[str] = []
    for path in sorted(Path(folder).glob("*.yaml")):
        try:
            content = _read(path)
            closed += _days(content, "closed")
            worked += _days(content, "worked")
            announced |= _years(content)
            hours += _hours(content, path.name)
        except _Fault as fault:
            faults.append(f"{path.name}: {fault}")
    both = sorted(set(closed) & set(worked))
    if both:
        faults.append(f"{both[0]} vừa nghỉ vừa làm: bỏ ngày đó khỏi closed hoặc worked")
    if faults:
        raise CalendarFault("\n".join(faults))
    return CalendarFiles(tuple(closed), tuple(worked), frozenset(announced), tuple(hours))


class _Fault(ValueError):
    """What is wrong in one file."""


def _read(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except (yaml.YAMLError, ValueError, OSError, RecursionError):  # also a day such as 2026-01-41
        raise _Fault(
            "không đọc được: viết YAML, mã hoá UTF-8, ngày có thật dạng YYYY-MM-DD"
        ) from None
    content = {} if content is None else content
    if not isinstance(content, dict) or content.keys() - KEYS:
        raise _Fault(f"chỉ có các khoá {', '.join(sorted(KEYS))}")
    return content


def _days(content: dict[str, Any], key: str) -> list[date]:
    listed = content.get(key) or []
    if not isinstance(listed, list) or not all(type(day) is date for day in listed):
        raise _Fault(f"{key} là một danh sách ngày YYYY-MM-DD")
    return listed


def _years(content: dict[str, Any]) -> set[int]:
    listed = content.get("announced") or []
    good = isinstance(listed, list) and all(
        type(year) is int and 1990 <= year <= 2110 for year in listed
    )
    if not good:
        raise _Fault("announced là một danh sách năm, như [2027]")
    return set(listed)


def _hours(content: dict[str, Any], file: str) -> list[OfficeHours]:
    listed = content.get("hours") or []
    if not isinstance(listed, list):
        raise _Fault("hours là một danh sách, mỗi mục có weekdays")
    return [_entry(each, file, number) for number, each in enumerate(listed, 1)]


def _entry(entry: Any, file: str, number: int) -> OfficeHours:
    where = f"hours, mục {number}"
    if not isinstance(entry, dict) or entry.keys() - _HOURS_KEYS:
        raise _Fault(f"{where}: chỉ có các khoá {', '.join(sorted(_HOURS_KEYS))}")
    full = _spans(entry.get("weekdays"), f"{where}, weekdays")
    if not full:
        raise _Fault(f"{where}: cần weekdays, như 07:00-11:30, 13:30-17:00")
    week = [full] * 5 + [(), ()]
    for index, day in enumerate(DAYS):
        if day in entry:
            week[index] = _spans(entry[day], f"{where}, {day}")
    since, until = entry.get("from", date.min), entry.get("to", date.max)
    if type(since) is not date or type(until) is not date or since >= until:
        raise _Fault(f"{where}: from và to là ngày YYYY-MM-DD, from trước to")
    return OfficeHours(
        tuple(week),
        full,
        _names(entry, "units", where),
        _names(entry, "kinds", where),
        since,
        until,
        file,
    )


def _names(entry: dict[str, Any], key: str, where: str) -> frozenset[str]:
    listed = entry.get(key, [])
    if not isinstance(listed, list) or not all(isinstance(each, str | int) for each in listed):
        raise _Fault(f"{where}: {key} là một danh sách")
    if key in entry and not listed:
        raise _Fault(f"{where}: {key} trống; bỏ khoá này nếu giờ là của mọi nơi")
    return frozenset(map(str, listed))


def _spans(text: Any, where: str) -> Spans:
    """`07:00-11:30, 13:30-17:00`, or nothing for a day without hours."""
    if text is None or text == "":
        return ()
    spans = []
    for part in text.split(",") if isinstance(text, str) else [""]:
        match = _SPAN.fullmatch(part.strip())
        if match is None:
            raise _Fault(f"{where}: viết như 07:00-11:30, 13:30-17:00")
        hour, minute, to_hour, to_minute = map(int, match.groups())
        spans.append((60 * hour + minute, 60 * to_hour + to_minute))
    edges = [edge for span in spans for edge in span]
    if any(a >= b for a, b in spans) or edges != sorted(edges) or edges[-1] > 1440:
        raise _Fault(f"{where}: các khoảng phải theo thứ tự, không chồng nhau")
    return tuple(spans)
