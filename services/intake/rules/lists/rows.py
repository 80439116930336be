"""From a row's cells to its values, with every fault, remark and repair."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any, Protocol

from services.intake.rules.lists import values
from services.intake.rules.lists.dates import Moment, end_of_period, read_month, read_period
from services.intake.rules.lists.headings import Headings
from services.intake.rules.lists.kinds import Column, Kind
from services.intake.rules.lists.notes import Note
from shared.clock import VN, local_day
from shared.units import fold

OFFICE_CLOSES = time(17, 0)
"""When a day that is only a due date ends."""
_FOOTERS = (
    "tong", "cong", "nguoi lap", "thu truong", "xac nhan", "ghi chu", "ngay thang", "noi nhan",
    "lap bieu", "giam doc", "chu tich", "ke toan",
)  # fmt: skip


class Units(Protocol):
    """What is asked about units."""

    def known(self, code: str) -> bool: ...
    def resolve(self, name: str, at: Any = None) -> str | None: ...
    def nearest(self, text: str, limit: int = 3) -> list[str]: ...
    def level(self, code: str, at: Any) -> str | None: ...
    def name(self, code: str, at: Any = None) -> str: ...


@dataclass(slots=True)
class RowReading:
    """A row as it was understood. ``values`` are by column; instants are aware datetimes."""

    number: int
    values: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, Any] = field(default_factory=dict)
    dated: set[str] = field(default_factory=set)
    faults: list[Note] = field(default_factory=list)
    remarks: list[Note] = field(default_factory=list)
    repairs: list[Note] = field(default_factory=list)

    def at_fault(self, column: str) -> bool:
        return any(note.column == column for note in self.faults)


class RowReader:
    """Reads the rows of one list.

    Args:
        given: what was sent with the file: values for columns that are absent, and for cells that
            are empty.
        today: the day as of which units' names are understood in rows that bear no date.
    """

    def __init__(
        self,
        kind: Kind,
        headings: Headings,
        units: Units,
        given: Mapping[str, str],
        today: date,
    ) -> None:
        self.kind, self.headings, self.units, self.given = kind, headings, units, given
        self.today = today
        self.columns = [
            (column, headings.columns.get(column.name))
            for column in kind.columns.values()
            if column.value != "ignored"
            and (column.name in headings.columns or column.name in given)
        ]
        self.needed = [
            position for column, position in self.columns if column.needed and position is not None
        ]
        self.unit_names: dict[tuple[str, Any], str | None] = {}

    def read(self, number: int, cells: Sequence[Any]) -> RowReading | None:
        """A row's values; None for a row that holds nothing of the list, such as a footer."""
        if self._is_no_row(cells):
            return None
        row = RowReading(number)
        later: list[tuple[Column, Any]] = []
        for column, position in self.columns:
            cell = _cell(cells, position)
            if cell is None and column.name in self.given:
                cell = self.given[column.name]
            if cell is None:
                if column.required:
                    row.faults.append(Note(column.name, "missing"))
                continue
            if column.value == "unit":
                later.append((column, cell))
            else:
                _READERS[column.value](row, column, cell)
        for column, cell in later:  # a unit's name is understood as of the row's day
            self._read_unit(row, column, cell)
        for item, position in self.headings.answers.items():
            cell = _cell(cells, position)
            if cell is not None:
                row.answers[item] = values.read_answer(cell)
        self._check_whole(row)
        return row

    def _is_no_row(self, cells: Sequence[Any]) -> bool:
        filled = sum(_cell(cells, position) is not None for position in self.needed)
        if filled > max(1, len(self.needed) // 4):
            return False
        read = [_cell(cells, position) for _, position in self.columns if position is not None]
        read += [_cell(cells, position) for position in self.headings.answers.values()]
        if all(cell is None for cell in read):
            return True
        first = next((cell for cell in cells if cell is not None), None)
        return isinstance(first, str) and fold(first).startswith(_FOOTERS)

    def _read_unit(self, row: RowReading, column: Column, cell: Any) -> None:
        text = values.read_text(cell, 200).value or ""
        day = self._day(row)
        key = (text, day)
        if key not in self.unit_names:
            if len(self.unit_names) > 20_000:
                self.unit_names.clear()
            self.unit_names[key] = self._resolve(text, day)
        code = self.unit_names[key]
        if code is None:
            near = [f"{c} ({self.units.name(c, day)})" for c in self.units.nearest(text)]
            hint = f"; gần nhất: {', '.join(near)}" if near else ""
            row.faults.append(Note(column.name, "unknown_unit", hint))
            return
        row.values[column.name] = code
        if code != text:
            row.repairs.append(Note(column.name, "unit_name"))

    def _day(self, row: RowReading) -> date:
        """The day of a row: its own, the end of its month or period, else today."""
        for name in ("at", "received_at", "submitted_at"):
            at = row.values.get(name)
            if isinstance(at, datetime):
                return local_day(at)
        period = row.values.get("month") or row.values.get("period")
        return (end_of_period(period) if period else None) or self.today

    def _resolve(self, text: str, day: date) -> str | None:
        if self.units.known(text):
            return text
        return self.units.resolve(text, day) or self.units.resolve(text)

    def _check_whole(self, row: RowReading) -> None:
        for group in self.kind.any_of:
            if not any(name in row.values or row.at_fault(name) for name in group):
                shown = ", ".join(self.kind.columns[name].heading for name in group)
                row.faults.append(Note(group[0], "missing_one", shown))
        if self.kind.answers and not row.answers:
            row.faults.append(Note("answers", "no_answers"))


def _cell(cells: Sequence[Any], position: int | None) -> Any:
    if position is None or position >= len(cells):
        return None
    cell = cells[position]
    return None if isinstance(cell, str) and not cell.strip() else cell


def _keep(row: RowReading, column: Column, found: values.Value) -> None:
    if found.fault:
        row.faults.append(Note(column.name, found.fault, found.hint))
        return
    if found.value is not None:
        row.values[column.name] = found.value
    row.repairs += values.notes(column.name, found.repairs)


def _read_text(row: RowReading, column: Column, cell: Any) -> None:
    _keep(row, column, values.read_text(cell))


def _read_reference(row: RowReading, column: Column, cell: Any) -> None:
    _keep(row, column, values.read_text(cell, 256))


def _read_code(row: RowReading, column: Column, cell: Any) -> None:
    _keep(row, column, values.read_code(cell))


def _read_name(row: RowReading, column: Column, cell: Any) -> None:
    _keep(row, column, values.read_name(cell))


def _read_phone(row: RowReading, column: Column, cell: Any) -> None:
    found = values.read_phone(cell)
    if found is None:
        return
    row.values[column.name] = found.phone.e164 or found.text[:256]
    row.repairs += values.notes(column.name, found.repairs)
    if found.phone.kind == "fixed":
        row.remarks.append(Note(column.name, "fixed_phone"))
    elif found.phone.kind == "invalid":
        row.remarks.append(Note(column.name, "bad_phone"))


def _read_citizen(row: RowReading, column: Column, cell: Any) -> None:
    found = values.read_phone(cell)
    if found is None:
        return
    row.values[column.name] = found.phone.e164 or found.text[:256]
    row.repairs += values.notes(column.name, found.repairs)
    if found.phone.kind == "invalid" and sum(map(str.isdigit, found.text)) >= 8:
        row.remarks.append(Note(column.name, "bad_phone"))


def _read_email(row: RowReading, column: Column, cell: Any) -> None:
    found = values.read_email(cell)
    if found is None:
        return
    row.values[column.name] = found[0][:256]
    if not found[1]:
        row.remarks.append(Note(column.name, "bad_email"))


def _read_instant(row: RowReading, column: Column, cell: Any) -> None:
    moment, fault = values.read_instant(cell)
    if moment is None:
        row.faults.append(Note(column.name, fault))
        return
    _keep_moment(row, column, moment)


def _read_due(row: RowReading, column: Column, cell: Any) -> None:
    moment, fault = values.read_instant(cell)
    if moment is None:
        row.faults.append(Note(column.name, fault))
        return
    if moment.dated:
        closing = datetime.combine(moment.at.date(), OFFICE_CLOSES, VN)
        moment = moment._replace(at=closing)
    _keep_moment(row, column, moment)


def _keep_moment(row: RowReading, column: Column, moment: Moment) -> None:
    row.values[column.name] = moment.at
    if moment.dated:
        row.dated.add(column.name)
    if moment.repair:
        row.repairs.append(Note(column.name, moment.repair))


def _read_day(row: RowReading, column: Column, cell: Any) -> None:
    moment, fault = values.read_instant(cell)
    if moment is None:
        row.faults.append(Note(column.name, fault))
        return
    row.values[column.name] = moment.at.date()
    if moment.repair:
        row.repairs.append(Note(column.name, moment.repair))


def _read_month(row: RowReading, column: Column, cell: Any) -> None:
    month = read_month(cell)
    _keep(row, column, values.Value(month, fault="" if month else "invalid_month"))


def _read_period(row: RowReading, column: Column, cell: Any) -> None:
    period = read_period(cell)
    _keep(row, column, values.Value(period, fault="" if period else "invalid_period"))


def _read_whole(row: RowReading, column: Column, cell: Any) -> None:
    _keep(row, column, values.read_whole(cell))


def _read_choice(row: RowReading, column: Column, cell: Any) -> None:
    _keep(row, column, values.read_choice(cell, column))


_READERS: dict[str, Callable[[RowReading, Column, Any], None]] = {
    "text": _read_text,
    "reference": _read_reference,
    "code": _read_code,
    "name": _read_name,
    "phone": _read_phone,
    "citizen": _read_citizen,
    "email": _read_email,
    "instant": _read_instant,
    "due": _read_due,
    "day": _read_day,
    "month": _read_month,
    "period": _read_period,
    "whole": _read_whole,
    "choice": _read_choice,
}
