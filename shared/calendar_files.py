"""The files of `deploy/calendar`: dated corrections, office hours, and which years are settled.

A file is read whole or not at all; everything that is wrong in it is said at once, each with its
line. Days may be given names, so that people see why an office was closed.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from shared.marked_text import FileFault, Tree, Unreadable, pointer, read_tree
from shared.marked_text import Path as Place
from shared.settings import FolderFaults

Spans = tuple[tuple[int, int], ...]
"""Office hours of one day: (opening, closing) in minutes after midnight, in order."""

KEYS = frozenset({"closed", "worked", "announced", "hours"})
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
YEARS = (1990, 2110)
_HOURS_KEYS = frozenset({"from", "to", "units", "kinds", "weekdays", *DAYS})
_SPAN = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)\s*-\s*([01]?\d|2[0-4]):([0-5]\d)")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_NAME_LENGTH = 200


class CalendarFault(FolderFaults):
    """Calendar files that cannot be used: says which, where, and how to mend them."""


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
    line: int = 0


@dataclass(frozen=True, slots=True)
class NamedDay:
    """A day of `closed` or `worked`: the name that the file gives it, if any, and where it says so."""

    name: str | None
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class CalendarFiles:
    """What one file, or the files of a folder together, say; `announced` are years whose holidays
    are settled."""

    closed: Mapping[date, NamedDay] = field(default_factory=dict)
    worked: Mapping[date, NamedDay] = field(default_factory=dict)
    announced: frozenset[int] = frozenset()
    hours: tuple[OfficeHours, ...] = ()


def read_calendar(folder: str | Path) -> CalendarFiles:
    """Reads every `*.yaml` of a folder; one that does not exist says nothing.

    Raises:
        CalendarFault: with one line for each fault of each file.
    """
    closed: dict[date, NamedDay] = {}
    worked: dict[date, NamedDay] = {}
    announced: set[int] = set()
    hours: list[OfficeHours] = []
    faults: list[str] = []
    for path in sorted(Path(folder).glob("*.yaml")):
        files, found = read_file(path)
        faults += [f"{path.name}: {fault}" for fault in found]
        closed = {**files.closed, **closed}
        worked = {**files.worked, **worked}
        announced |= files.announced
        hours += files.hours
    for day in sorted(closed.keys() & worked.keys()):
        faults.append(contradiction(day, closed[day], worked[day]))
    if faults:
        raise CalendarFault("\n".join(faults))
    return CalendarFiles(closed, worked, frozenset(announced), tuple(hours))


def contradiction(day: date, closed: NamedDay, worked: NamedDay) -> str:
    """That two files do not agree, with the places of both."""
    return (
        f"{worked.file}: dòng {worked.line}: lỗi: {day} là ngày làm, mà {closed.file} dòng "
        f"{closed.line} ghi là ngày nghỉ: bỏ một trong hai"
    )


def read_file(path: Path) -> tuple[CalendarFiles, list[FileFault]]:
    """What could be read of one file, and every fault in it, ordered by line."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        why = f"không đọc được tệp ({type(error).__name__})"
        return CalendarFiles(), [FileFault(1, "", "unreadable", why)]
    return read_text(raw, path.name)


def read_text(raw: str | bytes, name: str) -> tuple[CalendarFiles, list[FileFault]]:
    """The same, of the content of a file called `name`."""
    try:
        tree = read_tree(raw)
    except Unreadable as error:
        if error.code == "empty":
            return CalendarFiles(), []
        return CalendarFiles(), [FileFault(error.line, "", error.code, error.message)]
    reader = _Reader(tree, name)
    files = reader.read()
    return files, sorted(dict.fromkeys(reader.faults))


class _Reader:
    """Reads one file, noting faults as it goes."""

    def __init__(self, tree: Tree, file: str) -> None:
        self.tree, self.file = tree, file
        self.faults = [
            FileFault(line, pointer(path), "repeated_key", f"khoá {path[-1]!r} ghi hai lần")
            for path, line in zip(tree.repeated, tree.repeated_lines, strict=True)
        ]

    def read(self) -> CalendarFiles:
        content = self.tree.value
        if content is None:
            return CalendarFiles()
        if not isinstance(content, Mapping):
            self.fault((), "not_a_calendar", "tệp lịch phải là các cặp khoá: giá trị")
            return CalendarFiles()
        self.only(content, KEYS, ())
        closed, worked = self.days(content, "closed"), self.days(content, "worked")
        for day in sorted(closed.keys() & worked.keys()):
            both = f"{day} vừa nghỉ vừa làm: bỏ ngày đó khỏi closed hoặc worked"
            self.fault_at(max(closed[day].line, worked[day].line), "", "both", both)
        return CalendarFiles(closed, worked, self.years(content), self.hours(content))

    def fault(self, path: Place, code: str, message: str) -> None:
        self.fault_at(self.tree.line(path), pointer(path), code, message)

    def fault_at(self, line: int, path: str, code: str, message: str) -> None:
        self.faults.append(FileFault(line, path, code, message))

    def only(self, given: Mapping[str, Any], known: Collection[str], path: Place) -> None:
        for key in given.keys() - known:
            known_keys = f"chỉ có các khoá {', '.join(sorted(known))}"
            self.fault((*path, key), "unknown_key", f"khoá lạ {key!r}: {known_keys}")

    def days(self, content: Mapping[str, Any], key: str) -> dict[date, NamedDay]:
        """`[2026-01-02]`, or `{2026-01-02: why}`."""
        found: dict[date, NamedDay] = {}
        for path, text, name in self.listed_days(content.get(key), key):
            day = self.day(text, path)
            if day is None:
                continue
            if name is not None and not (isinstance(name, str) and len(name) <= _NAME_LENGTH):
                self.fault(path, "name", f"{day}: tên ngày là một dòng chữ")
            elif day in found:
                self.fault(path, "repeated_day", f"{day} ghi hai lần")
            else:
                found[day] = NamedDay(name or None, self.file, self.tree.line(path))
        return found

    def listed_days(self, given: Any, key: str) -> Iterator[tuple[Place, Any, Any]]:
        if isinstance(given, Mapping):
            yield from (((key, day), day, name) for day, name in given.items())
        elif isinstance(given, list):
            yield from (((key, number), day, None) for number, day in enumerate(given))
        elif given is not None:
            self.fault(
                (key,), "days", f"{key} là một danh sách ngày YYYY-MM-DD, hoặc các cặp ngày: tên"
            )

    def day(self, text: Any, path: Place) -> date | None:
        if not isinstance(text, str) or not _DAY.fullmatch(text):
            self.fault(path, "day", "viết ngày dạng YYYY-MM-DD")
            return None
        try:
            day = date.fromisoformat(text)
        except ValueError:
            self.fault(path, "day", f"không có ngày {text}: viết ngày có thật, YYYY-MM-DD")
            return None
        if not YEARS[0] <= day.year <= YEARS[1]:
            self.fault(path, "day", f"{text}: năm từ {YEARS[0]} đến {YEARS[1]}")
            return None
        return day

    def years(self, content: Mapping[str, Any]) -> frozenset[int]:
        listed = content.get("announced")
        if listed is None:
            return frozenset()
        if not isinstance(listed, list):
            self.fault(("announced",), "years", "announced là một danh sách năm, như [2027]")
            return frozenset()
        found = set()
        for number, year in enumerate(listed):
            if type(year) is int and YEARS[0] <= year <= YEARS[1]:
                found.add(year)
            else:
                known = f"announced: năm từ {YEARS[0]} đến {YEARS[1]}, như [2027]"
                self.fault(("announced", number), "years", known)
        return frozenset(found)

    def hours(self, content: Mapping[str, Any]) -> tuple[OfficeHours, ...]:
        listed = content.get("hours")
        if listed is None:
            return ()
        if not isinstance(listed, list):
            self.fault(("hours",), "hours", "hours là một danh sách, mỗi mục có weekdays")
            return ()
        return tuple(self.entry(each, ("hours", number)) for number, each in enumerate(listed))

    def entry(self, entry: Any, path: Place) -> OfficeHours:
        if not isinstance(entry, Mapping):
            self.fault(path, "hours", "mỗi mục của hours là các cặp khoá: giá trị, có weekdays")
            return OfficeHours((), ())
        self.only(entry, _HOURS_KEYS, path)
        if entry.get("weekdays") in (None, ""):
            missing = "thiếu weekdays, như 07:00-11:30, 13:30-17:00"
            self.fault((*path, "weekdays"), "missing", missing)
        full = self.spans(entry.get("weekdays"), (*path, "weekdays"))
        week = [full] * 5 + [(), ()]
        for index, day in enumerate(DAYS):
            if day in entry:
                week[index] = self.spans(entry[day], (*path, day))
        since = self.edge(entry, "from", path, date.min)
        until = self.edge(entry, "to", path, date.max)
        if since is not None and until is not None and since >= until:
            self.fault((*path, "to"), "order", "from trước to: mục này không có ngày nào")
        return OfficeHours(
            tuple(week),
            full,
            self.names(entry, "units", path),
            self.names(entry, "kinds", path),
            since or date.min,
            until or date.max,
            self.file,
            self.tree.line(path),
        )

    def edge(self, entry: Mapping[str, Any], key: str, path: Place, usual: date) -> date | None:
        return self.day(entry[key], (*path, key)) if entry.get(key) is not None else usual

    def names(self, entry: Mapping[str, Any], key: str, path: Place) -> frozenset[str]:
        if key not in entry:
            return frozenset()
        listed, here = entry[key], (*path, key)
        if not isinstance(listed, list) or any(type(each) not in (str, int) for each in listed):
            self.fault(here, "names", f"{key} là một danh sách")
            return frozenset()
        if not listed:
            self.fault(here, "names", f"{key} trống; bỏ khoá này nếu giờ là của mọi nơi")
        return frozenset(map(str, listed))

    def spans(self, text: Any, path: Place) -> Spans:
        """`07:00-11:30, 13:30-17:00`, or nothing for a day without hours."""
        if text is None or text == "":
            return ()
        found = []
        for part in text.split(",") if isinstance(text, str) else [""]:
            match = _SPAN.fullmatch(part.strip())
            if match is None:
                self.fault(path, "spans", "viết giờ như 07:00-11:30, 13:30-17:00")
                return ()
            hour, minute, to_hour, to_minute = map(int, match.groups())
            found.append((60 * hour + minute, 60 * to_hour + to_minute))
        edges = [edge for span in found for edge in span]
        if any(a >= b for a, b in found) or edges != sorted(edges) or edges[-1] > 1440:
            self.fault(path, "spans", "các khoảng giờ phải theo thứ tự, không chồng nhau")
            return ()
        return tuple(found)
