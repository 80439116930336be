"""The register of units: offices, communes, youth unions, hospitals, and when each is valid.

A code alone is no identity: the statistics office gave codes of abolished units to others on
2025-07-01, so a unit is (code, valid_from). Every question here therefore takes a day, or an
instant, whose day in Viet Nam counts.
"""

import csv
import difflib
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property, lru_cache
from itertools import pairwise
from pathlib import Path

from anyascii import anyascii

from shared.clock import local_day
from shared.settings import FolderFaults

COLUMNS = (
    "code",
    "valid_from",
    "valid_to",
    "name",
    "aliases",
    "kind",
    "parent",
    "seat",
    "successors",
)
"""Columns of a unit file, in this order; `aliases` and `successors` are separated by semicolons."""

LEVELS = ("province", "district", "commune")
"""Kinds that are levels of government, from the top."""

CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
"""A unit's code: also one word of a message subject, hence no dots and no spaces."""

_KIND = re.compile(r"[a-z][a-z0-9_]*")
_FOREVER = date.max


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit during one time: valid from `valid_from` up to, but not on, `valid_to`."""

    code: str
    valid_from: date
    valid_to: date | None
    name: str
    kind: str
    parent: str | None = None
    seat: str | None = None
    aliases: tuple[str, ...] = ()
    successors: tuple[str, ...] = ()

    @property
    def end(self) -> date:
        """The first day on which it is no longer valid; the last day there is if it has no end."""
        return self.valid_to or _FOREVER

    def valid(self, at: date) -> bool:
        """Whether it exists on a day."""
        return self.valid_from <= at < self.end


@dataclass(frozen=True, slots=True)
class UnitFault:
    """What is wrong in a unit file: `line` counts from 1, the heading included."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


class UnitFaults(FolderFaults):
    """Unit files that cannot be used, with every fault found in them."""

    def __init__(self, faults: Iterable[UnitFault]) -> None:
        self.faults = sorted(faults, key=lambda fault: (fault.file, fault.line, fault.message))
        super().__init__("\n".join(map(str, self.faults)))


@lru_cache(maxsize=8192)
def fold(text: str) -> str:
    """A text as it is compared: no accents, no case, no punctuation, single spaces."""
    return " ".join(re.findall(r"[a-z0-9]+", anyascii(text).lower()))


def day_of(at: date | datetime) -> date:
    """The day that counts: of an aware instant its day in Viet Nam.

    Raises ValueError for an instant without a zone.
    """
    if not isinstance(at, datetime):
        return at
    if at.tzinfo is None:
        raise ValueError("an instant without a zone has no day")
    return local_day(at)


@dataclass(frozen=True, slots=True)
class _Row:
    unit: Unit
    file: str
    line: int


@dataclass(slots=True)
class _Era:
    """The tree as it stands between two changes of the register."""

    units: dict[str, Unit]
    children: dict[str, list[str]] = field(default_factory=dict)
    ancestors: dict[str, tuple[str, ...]] = field(default_factory=dict)
    descendants: dict[str, frozenset[str]] = field(default_factory=dict)


class UnitRegistry:
    """All units, by code and day. Unchanging once made, so it may be shared freely."""

    def __init__(self, units: Iterable[Unit]) -> None:
        """Takes units that are consistent; use `load` to have files checked.

        Raises UnitFaults when they are not.
        """
        rows = [_Row(unit, "units", number) for number, unit in enumerate(units, start=1)]
        self._build(rows, [])

    @classmethod
    def load(cls, folder: str | Path) -> "UnitRegistry":
        """Reads every `*.csv` of a folder.

        Raises UnitFaults naming every fault of every file at once.
        """
        rows: list[_Row] = []
        faults: list[UnitFault] = []
        paths = sorted(Path(folder).glob("*.csv"))
        if not paths:
            faults.append(UnitFault(str(folder), 0, "không có tệp đơn vị (*.csv) nào"))
        for path in paths:
            rows += _read(path, faults)
        registry = cls.__new__(cls)
        registry._build(rows, faults)
        return registry

    def _build(self, rows: list[_Row], faults: list[UnitFault]) -> None:
        by_code: dict[str, list[_Row]] = {}
        for row in rows:
            by_code.setdefault(row.unit.code, []).append(row)
        for same in by_code.values():
            same.sort(key=lambda row: row.unit.valid_from)
        faults += _check(by_code)
        self._by_code = {code: tuple(row.unit for row in same) for code, same in by_code.items()}
        starts = {date.min}
        for row in rows:
            starts |= {row.unit.valid_from, row.unit.end}
        self._starts = sorted(starts)
        self._eras = [self._era(start) for start in self._starts]
        for start, era in zip(self._starts, self._eras, strict=True):
            faults += _cycles(start, era, by_code)
        if faults:
            raise UnitFaults(dict.fromkeys(faults))
        self._merged = Counter(
            (code, unit.valid_to)
            for units in self._by_code.values()
            for unit in units
            for code in unit.successors
        )
        self._names: dict[str, set[str]] = {}
        for units in self._by_code.values():
            for unit in units:
                for text in (unit.code, unit.name, *unit.aliases):
                    self._names.setdefault(fold(text), set()).add(unit.code)

    def _era(self, start: date) -> _Era:
        era = _Era({})
        for code, units in self._by_code.items():
            for unit in units:
                if unit.valid(start):
                    era.units[code] = unit
                    if unit.parent:
                        era.children.setdefault(unit.parent, []).append(code)
        return era

    def _at(self, at: date | datetime) -> _Era:
        return self._eras[bisect_right(self._starts, day_of(at)) - 1]

    def __iter__(self) -> Iterator[Unit]:
        for units in self._by_code.values():
            yield from units

    def __len__(self) -> int:
        return sum(map(len, self._by_code.values()))

    def find(self, code: str, at: date | datetime) -> Unit | None:
        """The unit that bears a code on a day, or None."""
        return self._at(at).units.get(code)

    def known(self, code: str) -> bool:
        """Whether any unit bears the code at any time."""
        return code in self._by_code

    def versions(self, code: str) -> tuple[Unit, ...]:
        """Every unit that ever bears a code, earliest first."""
        return self._by_code.get(code, ())

    def all(self, at: date | datetime) -> list[Unit]:
        """The units that exist on a day, by code."""
        units = self._at(at).units
        return [units[code] for code in sorted(units)]

    def name(self, code: str, at: date | datetime | None = None) -> str:
        """What a person reads for a code: its name then, else its latest name, else the code."""
        unit = self.find(code, at) if at is not None else None
        if unit is None:
            units = self.versions(code)
            unit = units[-1] if units else None
        return unit.name if unit else code

    def ancestors(self, code: str, at: date | datetime) -> tuple[str, ...]:
        """The code itself, its parent, and so on up, as the tree stood on a day.

        Empty where no unit bears the code then.
        """
        era = self._at(at)
        known = era.ancestors.get(code)
        if known is None:
            chain: list[str] = []
            unit = era.units.get(code)
            while unit is not None:
                chain.append(unit.code)
                unit = era.units.get(unit.parent) if unit.parent else None
            known = tuple(chain)
            if known:
                era.ancestors[code] = known
        return known

    def descendants(self, code: str, at: date | datetime) -> frozenset[str]:
        """The code itself and all below it, as the tree stood on a day.

        Empty where no unit bears the code then.
        """
        era = self._at(at)
        known = era.descendants.get(code)
        if known is None:
            if code not in era.units:
                return frozenset()
            found, waiting = {code}, [code]
            while waiting:
                below = era.children.get(waiting.pop(), ())
                found.update(below)
                waiting.extend(below)
            known = era.descendants[code] = frozenset(found)
        return known

    def within(self, code: str, roots: Collection[str], at: date | datetime) -> bool:
        """Whether a unit is one of the roots or lies below one of them on a day."""
        return code in roots or any(above in roots for above in self.ancestors(code, at))

    def seated(self, seat: str, at: date | datetime, kind: str | None = None) -> list[Unit]:
        """The bodies that serve a territory on a day: all, or those of one kind."""
        return [
            unit
            for unit in self.all(at)
            if unit.seat == seat and (kind is None or unit.kind == kind)
        ]

    def level(self, code: str, at: date | datetime) -> str | None:
        """The level of government of a unit: its own, else its seat's, else of what is above."""
        unit = self.find(code, at)
        if unit is None:
            return None
        seat = self.find(unit.seat, at) if unit.seat else None
        for each in (unit, seat):
            if each is not None and each.kind in LEVELS:
                return each.kind
        for above in self.ancestors(code, at)[1:]:
            found = self.find(above, at)
            if found is not None and found.kind in LEVELS:
                return found.kind
        return None

    def successors(self, code: str, at: date | datetime) -> tuple[Unit, ...]:
        """The units that took over when the unit of that day ended: none, one or several."""
        unit = self.find(code, at)
        if unit is None or unit.valid_to is None:
            return ()
        found = (self.find(each, unit.valid_to) for each in unit.successors)
        return tuple(each for each in found if each is not None)

    def same(self, code: str, since: date | datetime, at: date | datetime) -> bool:
        """Whether a code means the same unit on a day as it did on an earlier one.

        A unit that only got another parent goes on under its code: it is its own one successor,
        of the same kind, and nothing else was merged into it. Where the code was not in use on the
        earlier day, its next bearer is meant.
        """
        versions = self.versions(code)
        first, day = day_of(since), day_of(at)
        meant = next((each for each in versions if each.end > first), None)
        for each in versions:
            if meant is None or each.valid_from < meant.valid_from:
                continue
            if each is not meant and not self._goes_on(meant, each):
                return False
            if each.valid(day):
                return True
            meant = each
        return False

    def bearer(self, code: str, at: date | datetime) -> date | None:
        """Since when the unit that a code means on a day bears it: with the code its identity.

        A unit that goes on under its code (see `same`) keeps its first day. Of a day on which
        nobody bears the code, the last bearer before is meant, else the first ever; None for a
        code that nobody ever bears.
        """
        versions = self.versions(code)
        if not versions:
            return None
        if len(versions) == 1:
            return versions[0].valid_from
        day = day_of(at)
        place = max(sum(each.valid_from <= day for each in versions) - 1, 0)
        while place and self._goes_on(versions[place - 1], versions[place]):
            place -= 1
        return versions[place].valid_from

    def reused(self, code: str) -> bool:
        """Whether different units bore a code."""
        return code in self._reused

    @cached_property
    def _reused(self) -> frozenset[str]:
        return frozenset(
            code
            for code, versions in self._by_code.items()
            if len({self.bearer(code, each.valid_from) for each in versions}) > 1
        )

    @property
    def codes(self) -> Collection[str]:
        """Every code that any unit ever bears."""
        return self._by_code.keys()

    @property
    def turns(self) -> tuple[date, ...]:
        """The days on which the tree of units is another than the day before, earliest first."""
        return tuple(self._starts)

    def era(self, at: date | datetime) -> date:
        """The last turn of the tree on or before a day: every question about that day has the
        answer that it has about the turn."""
        return self._starts[bisect_right(self._starts, day_of(at)) - 1]

    def _goes_on(self, before: Unit, after: Unit) -> bool:
        return (
            before.valid_to == after.valid_from
            and before.kind == after.kind
            and before.successors == (before.code,)
            and self._merged.get((before.code, after.valid_from), 0) == 1
        )

    def resolve(self, name: str, at: date | datetime | None = None) -> str | None:
        """The one code that a code, a name or an alias stands for; None if none or more than one.

        Case, accents and punctuation do not matter; a day, where given, leaves out what was not
        valid then.
        """
        codes = self._names.get(fold(name), set())
        if name in self._by_code and (at is None or self.find(name, at)):
            return name
        if at is not None:
            wanted = fold(name)
            codes = {
                code
                for code in codes
                if (unit := self.find(code, at))
                and wanted in {fold(text) for text in (unit.code, unit.name, *unit.aliases)}
            }
        return next(iter(codes)) if len(codes) == 1 else None

    def nearest(self, text: str, limit: int = 3) -> list[str]:
        """Codes that a mistyped code or name may have meant, likeliest first."""
        wanted = fold(text)
        close = [wanted] if wanted in self._names else []
        close += difflib.get_close_matches(wanted, self._names, n=limit * 2, cutoff=0.6)
        found = dict.fromkeys(code for key in close for code in sorted(self._names[key]))
        return list(found)[:limit]


def _read(path: Path, faults: list[UnitFault]) -> list[_Row]:
    rows: list[_Row] = []
    file = path.name
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        faults.append(UnitFault(file, 1, "tệp không phải UTF-8"))
        return rows
    reader = csv.DictReader(text.splitlines(), strict=True)
    try:
        header = tuple(reader.fieldnames or ())
        for column in COLUMNS:
            if column not in header:
                faults.append(UnitFault(file, 1, f"thiếu cột {column}"))
        for column in header:
            if column not in COLUMNS:
                faults.append(UnitFault(file, 1, f"cột lạ {column!r}"))
        if set(header) != set(COLUMNS):
            return rows
        for cells in reader:
            found: list[str] = []
            unit = _parse(cells, found)
            faults += [UnitFault(file, reader.line_num, message) for message in found]
            if unit is not None:
                rows.append(_Row(unit, file, reader.line_num))
    except csv.Error as error:
        faults.append(UnitFault(file, reader.line_num, f"CSV hỏng: {error}"))
    return rows


def _parse(cells: Mapping[str | None, object], faults: list[str]) -> Unit | None:
    if None in cells or None in cells.values():
        faults.append(f"phải có đúng {len(COLUMNS)} ô")
        return None
    text = {column: str(cells[column]).strip() for column in COLUMNS}
    if not CODE.fullmatch(text["code"]):
        faults.append(f"mã {text['code']!r} không hợp lệ")
    if not text["name"]:
        faults.append("thiếu tên")
    if not _KIND.fullmatch(text["kind"]):
        faults.append(f"loại {text['kind']!r} không hợp lệ")
    start = _day(text["valid_from"], "valid_from", faults)
    end = _day(text["valid_to"], "valid_to", faults) if text["valid_to"] else None
    if start and end and end <= start:
        faults.append("valid_to phải sau valid_from")
    if faults or start is None:
        return None
    return Unit(
        code=text["code"],
        valid_from=start,
        valid_to=end,
        name=text["name"],
        kind=text["kind"],
        parent=text["parent"] or None,
        seat=text["seat"] or None,
        aliases=_split(text["aliases"]),
        successors=_split(text["successors"]),
    )


def _split(text: str) -> tuple[str, ...]:
    return tuple(part for piece in text.split(";") if (part := piece.strip()))


def _day(text: str, column: str, faults: list[str]) -> date | None:
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        try:
            return date.fromisoformat(text)
        except ValueError:
            pass
    faults.append(f"{column} {text!r} không phải ngày dạng YYYY-MM-DD")
    return None


def _check(by_code: Mapping[str, list[_Row]]) -> list[UnitFault]:
    faults: list[UnitFault] = []

    def valid(code: str, at: date) -> bool:
        return any(row.unit.valid(at) for row in by_code.get(code, ()))

    for code, rows in by_code.items():
        for before, after in pairwise(rows):
            if after.unit.valid_from < before.unit.end:
                faults.append(
                    UnitFault(
                        after.file, after.line, f"mã {code} chồng thời gian với dòng {before.line}"
                    )
                )
        for row in rows:
            unit = row.unit
            for column, other in (("parent", unit.parent), ("seat", unit.seat)):
                if other and not valid(other, unit.valid_from):
                    message = f"{column} {other!r} không tồn tại vào {unit.valid_from}"
                    faults.append(UnitFault(row.file, row.line, message))
            if unit.successors and unit.valid_to is None:
                faults.append(UnitFault(row.file, row.line, "có successors mà không có valid_to"))
            for other in unit.successors if unit.valid_to else ():
                if not valid(other, unit.end):
                    message = f"successors {other!r} không tồn tại vào {unit.end}"
                    faults.append(UnitFault(row.file, row.line, message))
    return faults


def _cycles(start: date, era: _Era, by_code: Mapping[str, list[_Row]]) -> list[UnitFault]:
    faults: list[UnitFault] = []
    done: set[str] = set()
    for code in era.units:
        chain: dict[str, None] = {}
        at: str | None = code
        while at is not None and at in era.units and at not in done:
            if at in chain:
                ring = list(chain)[list(chain).index(at) :]
                row = next(row for row in by_code[at] if row.unit.valid(start))
                message = f"đơn vị cấp trên lặp vòng: {' -> '.join([*ring, at])}"
                faults.append(UnitFault(row.file, row.line, message))
                break
            chain[at] = None
            at = era.units[at].parent
        done.update(chain)
    return faults
