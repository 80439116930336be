"""The officers' list as a CSV file, with headings in Vietnamese or English."""

import csv
import io
import unicodedata
from datetime import date, datetime, timedelta
from typing import Any

from anyascii import anyascii

from shared.problems import Problem
from shared.units import UnitRegistry

HEADINGS = {
    "unit": ("unit", "don vi", "ma don vi", "ten don vi", "co quan"),
    "name": ("name", "ho ten", "ho va ten", "can bo", "ten"),
    "role": ("role", "chuc vu", "chuc danh"),
    "phone": ("phone", "so dien thoai", "dien thoai", "di dong", "sdt"),
    "email": ("email", "thu dien tu", "e-mail"),
    "valid_from": ("valid_from", "tu ngay", "ngay bat dau"),
    "valid_to": ("valid_to",),
    "level": ("level", "vai tro nhac viec", "cap nhac viec", "cap"),
    "replaces": ("replaces", "thay cho", "truc thay", "thay mat"),
    "last_day": ("den het ngay", "den ngay", "ngay ket thuc"),
}
"""Columns and what they may be called, folded. ``last_day`` still counts, ``valid_to`` no more."""

COLUMNS = {name: column for column, names in HEADINGS.items() for name in names}
DAY = timedelta(days=1)


def read_roster(body: bytes, registry: UnitRegistry) -> list[dict[str, Any]]:
    """Officers as the JSON list has them.

    Raises:
        Problem: 422 naming every fault by row and column, without repeating a value.
    """
    rows = list(csv.reader(io.StringIO(_text(body)), delimiter=_delimiter(_text(body))))
    rows = [[cell.strip() for cell in row] for row in rows]
    at = next((n for n, row in enumerate(rows) if "unit" in _columns(row)), None)
    if at is None:
        raise Problem(422, errors=[_fault("/0", "heading", "No row of headings with a unit.")])
    columns = _columns(rows[at])
    errors: list[dict[str, str]] = []
    found = []
    for number, row in enumerate(rows[at + 1 :]):
        given = {c: value for c, value in zip(columns, row, strict=False) if c and value}
        if not given:
            continue
        where = f"/{number}"
        officer: dict[str, Any] = {
            name: given[name]
            for name in ("name", "role", "phone", "email", "level", "replaces")
            if name in given
        }
        unit = given.get("unit", "")
        code = unit if registry.known(unit) else registry.resolve(unit)
        officer["unit"] = code or ""
        if code is None:
            errors.append(_fault(f"{where}/unit", "unknown_unit", "No such unit."))
        for name in ("valid_from", "valid_to", "last_day"):
            if name not in given:
                continue
            day = _day(given[name])
            if day is None:
                errors.append(_fault(f"{where}/{name}", "date", "Not a date: DD/MM/YYYY."))
            elif name == "last_day":
                officer["valid_to"] = day + DAY
            else:
                officer[name] = day
        found.append(officer)
    if errors:
        raise Problem(422, errors=errors)
    return found


def _text(body: bytes) -> str:
    for encoding in ("utf-8-sig", "utf-16"):
        try:
            text = body.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise Problem(422, errors=[_fault("", "encoding", "Save the file as UTF-8.")])


def _delimiter(text: str) -> str:
    head = text[:4000]
    return max(",;\t", key=head.count)


def _columns(row: list[str]) -> list[str | None]:
    return [COLUMNS.get(_fold(cell)) for cell in row]


def _fold(text: str) -> str:
    return " ".join(anyascii(unicodedata.normalize("NFC", text)).lower().replace("*", " ").split())


def _day(text: str) -> date | None:
    for form in ("%Y-%m-%d", "%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y"):
        try:
            return datetime.strptime(text, form).date()  # noqa: DTZ007
        except ValueError:
            continue
    return None


def _fault(pointer: str, code: str, message: str) -> dict[str, str]:
    return {"pointer": pointer, "code": code, "message": message}
