"""Lists of administrative procedures, kept as files: which code, whose authority, how long it takes."""

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, time
from pathlib import Path
from typing import Literal

from shared.settings import FolderFaults

COLUMNS = ("code", "name", "authority", "level", "duration")
"""Columns of a list, in this order. `duration` reads `5 working days`, or is empty."""

MORE_COLUMNS = ("cutoff", "valid_from")
"""Columns that may follow: what is received after `cutoff` (`15:00`) counts as received on the
next day that is worked; the line holds for what is received from `valid_from` on."""

AUTHORITIES = ("province", "district", "commune")
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
_DURATION = re.compile(r"([1-9]\d{0,2}) (working day|day|working hour)s?")
_CUTOFF = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")

Measure = Literal["working_days", "days", "working_hours"]


@dataclass(frozen=True, slots=True)
class Procedure:
    """One procedure; `level` is the service level as the document names it, `duration` how long
    the office has, as written."""

    code: str
    name: str
    authority: str | None = None
    level: str | None = None
    duration: str | None = None
    cutoff: str | None = None
    valid_from: str | None = None


@dataclass(frozen=True, slots=True)
class Duration:
    """How long the office has for one procedure: `amount` of a measure.

    Of the authority named, or of any; for what is received from `since` on. `cutoff` is the local
    time after which a receipt counts as one of the next day that is worked.
    """

    code: str
    amount: int
    measure: Measure
    authority: str | None = None
    cutoff: time | None = None
    since: date = date.min


class DurationFaults(FolderFaults):
    """Lists whose durations cannot be used: one line for each fault."""


class ProcedureFaults(ValueError):
    """A list that cannot be used: one line for each fault."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


def read_procedures(folder: Path, name: str) -> list[Procedure]:
    """The procedures of the list `name`, from `folder`/`name`.csv, in its order.

    Raises:
        ProcedureFaults: there is no such list, or with every fault in it.
    """
    if not _NAME.fullmatch(name):
        raise ProcedureFaults([f"tên danh mục {name!r} không hợp lệ"])
    path = folder / f"{name}.csv"
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        known = ", ".join(sorted(each.stem for each in folder.glob("*.csv")))
        raise ProcedureFaults(
            [f"không có tệp {path.name}; có: {known or 'chưa có tệp nào'}"]
        ) from None
    except (OSError, UnicodeDecodeError) as fault:
        raise ProcedureFaults([f"{path.name}: không đọc được ({type(fault).__name__})"]) from None
    reader = csv.DictReader(lines)
    columns = tuple(reader.fieldnames or ())
    more = columns[len(COLUMNS) :]
    if (
        columns[: len(COLUMNS)] != COLUMNS
        or len(set(more)) < len(more)
        or set(more) - {*MORE_COLUMNS}
    ):
        wanted = f"{', '.join(COLUMNS)}, rồi nếu cần {', '.join(MORE_COLUMNS)}"
        raise ProcedureFaults([f"{path.name}:1: các cột phải là {wanted}"])
    found: dict[tuple[str, str], Procedure] = {}
    faults: list[str] = []
    for cells in reader:
        text = {column: (cells.get(column) or "").strip() for column in (*COLUMNS, *MORE_COLUMNS)}
        where = f"{path.name}:{reader.line_num}"
        key = text["code"], text["valid_from"]
        if not text["code"] or re.search(r"\s", text["code"]):
            faults.append(f"{where}: mã thủ tục trống hoặc có khoảng trắng")
        elif key in found:
            faults.append(f"{where}: mã {text['code']!r} ghi hai lần")
        if text["authority"] and text["authority"] not in AUTHORITIES:
            faults.append(f"{where}: authority là một trong {', '.join(AUTHORITIES)}")
        if text["duration"] and not _DURATION.fullmatch(text["duration"]):
            faults.append(
                f"{where}: duration viết như 5 working days, 15 days hoặc 4 working hours, "
                "từ 1 đến 999"
            )
        if text["cutoff"] and not _CUTOFF.fullmatch(text["cutoff"]):
            faults.append(f"{where}: cutoff là giờ như 15:00")
        if text["valid_from"] and _day(text["valid_from"]) is None:
            faults.append(f"{where}: valid_from là ngày YYYY-MM-DD")
        found[key] = Procedure(*(text[column] or None for column in text))  # type: ignore[arg-type]
    if not found:
        faults.append(f"{path.name}: danh mục rỗng")
    if faults:
        raise ProcedureFaults(faults)
    return list(found.values())


def read_durations(folder: Path) -> list[Duration]:
    """How long each procedure takes, by all lists of a folder together, in a fixed order.

    Raises:
        DurationFaults: with every fault of every list, and where two lists contradict each other.
    """
    found: dict[tuple[str, str, date], tuple[Duration, str]] = {}
    faults: list[str] = []
    for path in sorted(folder.glob("*.csv")):
        try:
            listed = read_procedures(folder, path.stem)
        except ProcedureFaults as fault:
            faults += fault.faults
            continue
        for each in _durations(listed):
            key = each.code, each.authority or "", each.since
            other, file = found.setdefault(key, (each, path.name))
            if other != each:
                faults.append(
                    f"{path.name}: thời hạn của {each.code!r} khác trong {file}: "
                    "ghi một thời hạn, hoặc thêm authority hay valid_from"
                )
    if faults:
        raise DurationFaults("\n".join(faults))
    return [duration for _, (duration, _) in sorted(found.items())]


def _durations(listed: Iterable[Procedure]) -> Iterable[Duration]:
    for each in listed:
        match = _DURATION.fullmatch(each.duration or "")
        if match is not None:
            amount, measure = match.groups()
            yield Duration(
                each.code,
                int(amount),
                f"{measure.replace(' ', '_')}s",  # type: ignore[arg-type]
                each.authority,
                time(*map(int, each.cutoff.split(":"))) if each.cutoff else None,
                (_day(each.valid_from) if each.valid_from else None) or date.min,
            )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        return None
