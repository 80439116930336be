"""Lists of administrative procedures, kept as files: which code, whose authority, how long it takes."""

import csv
import re
from dataclasses import dataclass
from pathlib import Path

COLUMNS = ("code", "name", "authority", "level", "duration")
"""Columns of a list, in this order. `duration` reads `5 working days`, or is empty."""

AUTHORITIES = ("province", "district", "commune")
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
_DURATION = re.compile(r"\d{1,3} (?:working days?|days?|working hours?)")


@dataclass(frozen=True, slots=True)
class Procedure:
    """One procedure; `level` is the service level as the document names it, `duration` how long
    the office has, as written."""

    code: str
    name: str
    authority: str | None = None
    level: str | None = None
    duration: str | None = None


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
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise ProcedureFaults([f"{path.name}:1: các cột phải là {', '.join(COLUMNS)}"])
    found: dict[str, Procedure] = {}
    faults: list[str] = []
    for cells in reader:
        text = {column: (cells.get(column) or "").strip() for column in COLUMNS}
        where = f"{path.name}:{reader.line_num}"
        if not text["code"] or re.search(r"\s", text["code"]):
            faults.append(f"{where}: mã thủ tục trống hoặc có khoảng trắng")
        elif text["code"] in found:
            faults.append(f"{where}: mã {text['code']!r} ghi hai lần")
        if text["authority"] and text["authority"] not in AUTHORITIES:
            faults.append(f"{where}: authority là một trong {', '.join(AUTHORITIES)}")
        if text["duration"] and not _DURATION.fullmatch(text["duration"]):
            faults.append(f"{where}: duration viết như 5 working days")
        found[text["code"]] = Procedure(*(text[column] or None for column in COLUMNS))  # type: ignore[arg-type]
    if not found:
        faults.append(f"{path.name}: danh mục rỗng")
    if faults:
        raise ProcedureFaults(faults)
    return list(found.values())
