"""The register of officials and volunteers: what an entry may say."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from shared.redaction import looks_personal, scrub
from shared.units import UnitRegistry

PEOPLE_COLUMNS = ("code", "name", "role", "unit", "valid_from", "valid_to")
INSTALLER = "installer"
"""The role of those who install the app."""

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_ROLE = re.compile(r"[a-z][a-z0-9_-]{0,31}")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a code, from ``valid_from`` up to, but not on, ``valid_to``."""

    code: str
    name: str
    role: str
    unit: str
    valid_from: date
    valid_to: date | None = None


Fault = dict[str, Any]
"""{pointer, code, message}; the message never repeats what was given."""


def read_people(
    rows: Sequence[Mapping[str, Any]], registry: UnitRegistry, first_line: int | None = None
) -> tuple[list[Person], list[Fault]]:
    """Entries of the register, or every fault of every row.

    ``first_line``: the line of the first row, where the rows come from a file.
    """
    found: list[Person] = []
    faults: list[Fault] = []
    seen: set[tuple[str, date]] = set()
    for number, row in enumerate(rows):
        mine: list[Fault] = []
        person = _read(row, registry, f"/people/{number}", mine)
        if person is not None and (person.code, person.valid_from) in seen:
            mine.append(
                _fault(f"/people/{number}/code", "repeated", "mã này đã có trong danh sách")
            )
        if person is not None:
            seen.add((person.code, person.valid_from))
            found.append(person)
        if first_line is not None:
            mine = [fault | {"line": first_line + number} for fault in mine]
        faults += mine
    return found, faults


def _read(
    row: Mapping[str, Any], registry: UnitRegistry, path: str, faults: list[Fault]
) -> Person | None:
    before = len(faults)
    for key in row:
        if key not in PEOPLE_COLUMNS:
            faults.append(_fault(f"{path}/{key}", "unknown_key", "khoá lạ"))
    text = {name: row.get(name) for name in PEOPLE_COLUMNS}
    for name, value in text.items():
        if value is not None and not isinstance(value, str):
            faults.append(_fault(f"{path}/{name}", "string_type", "cần một chuỗi chữ"))
            return None
    code, name, role, unit = (str(text[key] or "").strip() for key in PEOPLE_COLUMNS[:4])
    if not _CODE.fullmatch(code) or looks_personal(code):
        faults.append(
            _fault(f"{path}/code", "code", "mã gồm chữ, số, . _ -; không phải số điện thoại")
        )
    if not name or len(name) > 200 or not name.isprintable():
        faults.append(_fault(f"{path}/name", "name", "thiếu họ tên, hoặc dài quá 200 ký tự"))
    elif scrub(name) != _nfc(name):
        faults.append(_fault(f"{path}/name", "personal_data", "chỉ ghi họ tên, không ghi số"))
    if not _ROLE.fullmatch(role):
        faults.append(_fault(f"{path}/role", "role", "vai trò là một từ như installer, official"))
    start = _day(text["valid_from"], f"{path}/valid_from", faults)
    end = _day(text["valid_to"], f"{path}/valid_to", faults) if text["valid_to"] else None
    if start and end and end <= start:
        faults.append(_fault(f"{path}/valid_to", "range", "valid_to phải sau valid_from"))
    if not registry.known(unit):
        faults.append(_fault(f"{path}/unit", "unknown_unit", "không có đơn vị này"))
    elif start and not registry.find(unit, start):
        faults.append(_fault(f"{path}/unit", "unit_not_valid", "đơn vị không tồn tại ngày đó"))
    if start is None or len(faults) > before:
        return None
    return Person(code, _nfc(name), role, unit, start, end)


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _day(value: Any, path: str, faults: list[Fault]) -> date | None:
    text = str(value or "").strip()
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
        try:
            return date.fromisoformat(text)
        except ValueError:
            pass
    faults.append(_fault(path, "date", "cần một ngày dạng YYYY-MM-DD"))
    return None


def _fault(pointer: str, code: str, message: str) -> Fault:
    return {"pointer": pointer, "code": code, "message": message}


def serves(person: Person, unit: str, registry: UnitRegistry, at: date) -> bool:
    """Whether somebody works for a unit: in it, below it, or in a body that serves its territory."""
    chain = registry.ancestors(person.unit, at) or (person.unit,)
    seats = {found.seat for code in chain if (found := registry.find(code, at)) and found.seat}
    return unit in chain or unit in seats
