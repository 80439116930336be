"""Opening a file as a list: what it is, whether it may be unpacked, its rows."""

import io
import itertools
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from shared.sheets import delimited, faults, legacy, texts

Cell = Any
"""None, str, int, float, bool, date, datetime, time or timedelta."""
Row = Sequence[Cell]

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_ODS = b"application/vnd.oasis.opendocument.spreadsheet"
_SAMPLE_ROWS = 1000
_SAMPLE_WORDS = 3
_MOST_ENTRIES = 20_000


@dataclass(frozen=True, slots=True)
class Limits:
    """What a file may hold: bytes when unpacked, rows, columns."""

    unpacked: int = 400 << 20
    rows: int = 200_000
    columns: int = 1_000


@dataclass(slots=True)
class Opened:
    """A file's list: where it stood, how it was coded, its rows from the first on."""

    format: str
    sheet: str | None
    sheets: list[str]
    coding: str | None
    total: int
    rows: Iterator[Row]


def recognise(data: bytes, limits: Limits) -> str:
    """xlsx, xls, ods or csv, told by the contents alone; cheap.

    Workbooks with macros are read as workbooks: no macro ever runs here.

    Raises:
        Unreadable: what is no list, is protected by a password, or unpacks to too much.
    """
    if not data:
        raise faults.unreadable(faults.EMPTY_FILE)
    if data.startswith(_ZIP):
        return _recognise_zip(data, limits)
    if data.startswith(_OLE):
        if "EncryptedPackage".encode("utf-16-le") in data:
            raise faults.unreadable(faults.ENCRYPTED)
        if any(name.encode("utf-16-le") in data for name in ("Workbook", "Book")):
            return "xls"
        raise faults.unreadable(faults.NO_LIST)
    if b"%PDF-" in data[:1024]:
        raise faults.unreadable(faults.PDF)
    start = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<table", b"<meta")):
        raise faults.unreadable(faults.HTML)
    decoded = texts.decode(data[:4096])
    if decoded is None or _is_binary(decoded.text):
        raise faults.unreadable(faults.NO_LIST)
    return "csv"


def _recognise_zip(data: bytes, limits: Limits) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            names = {entry.filename for entry in entries}
            if len(entries) > _MOST_ENTRIES or sum(e.file_size for e in entries) > limits.unpacked:
                raise faults.unreadable(faults.UNPACKS_TOO_LARGE)
            if any(entry.flag_bits & 1 for entry in entries):
                raise faults.unreadable(faults.ENCRYPTED)
            if "xl/workbook.xml" in names or "xl/workbook.bin" in names:
                return "xlsx"
            if "mimetype" in names and archive.read("mimetype")[:100].startswith(_ODS):
                manifest = "META-INF/manifest.xml"
                if manifest in names and b"encryption-data" in archive.read(manifest):
                    raise faults.unreadable(faults.ENCRYPTED)
                return "ods"
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError, EOFError):
        raise faults.unreadable(faults.DAMAGED) from None
    except Exception as fault:
        if type(fault).__name__ == "error":  # zlib.error
            raise faults.unreadable(faults.DAMAGED) from None
        raise
    raise faults.unreadable(faults.NO_LIST)


def _is_binary(text: str) -> bool:
    control = sum(c < " " and c not in "\t\r\n\f" for c in text)
    return control > len(text) * 0.01


def measure(data: bytes, limits: Limits) -> None:
    """Unpack every entry of an archive once, keeping nothing: sizes that are declared may lie.

    Raises:
        Unreadable: it unpacks to more than is allowed, or is damaged.
    """
    total = 0
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for entry in archive.infolist():
                with archive.open(entry) as stream:
                    while chunk := stream.read(1 << 20):
                        total += len(chunk)
                        if total > limits.unpacked:
                            raise faults.unreadable(faults.UNPACKS_TOO_LARGE)
    except faults.Unreadable:
        raise
    except Exception:
        raise faults.unreadable(faults.DAMAGED) from None


def open_list(data: bytes, sheet: str | None, limits: Limits) -> Opened:
    """The list in a file: of the sheet that is named (or numbered from 1), else of the first that
    holds anything.

    Raises:
        Unreadable: while opening, and while the rows are read.
    """
    form = recognise(data, limits)
    if form == "csv":
        decoded = texts.decode(data)
        if decoded is None:
            raise faults.unreadable(faults.NO_LIST)
        total = decoded.text.count("\n") + 1
        rows = _bounded(delimited.rows(decoded.text), limits)
        return Opened(form, None, [], decoded.coding, total, rows)
    if form != "xls":
        measure(data, limits)
    return _open_workbook(data, form, sheet, limits)


def _open_workbook(data: bytes, form: str, sheet: str | None, limits: Limits) -> Opened:
    import python_calamine as calamine

    try:
        book = calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
        names = [
            meta.name
            for meta in sorted(
                book.sheets_metadata, key=lambda m: m.visible != calamine.SheetVisibleEnum.Visible
            )
            if meta.typ == calamine.SheetTypeEnum.WorkSheet
        ]
        found = None
        for name in [_pick(sheet, book.sheet_names)] if sheet else names:
            found = book.get_sheet_by_name(name)
            if found.start is not None:
                break
    except faults.Unreadable:
        raise
    except calamine.PasswordError:
        raise faults.unreadable(faults.ENCRYPTED) from None
    except MemoryError:
        raise faults.unreadable(faults.TOO_MUCH) from None
    except Exception:
        raise faults.unreadable(faults.DAMAGED) from None
    if found is None or found.start is None:
        raise faults.unreadable(faults.EMPTY_SHEET)
    total = found.total_height
    rows = _bounded(([_cell(c) for c in row] for row in found.iter_rows()), limits)
    sample = list(itertools.islice(rows, _SAMPLE_ROWS))
    codings = _codings(sample)
    every: Iterator[Row] = itertools.chain(sample, rows)
    if codings:
        every = (_converted(row, codings) for row in every)
    coding = next(iter(codings.values()), None)
    return Opened(form, found.name, names, coding, total, every)


def _pick(sheet: str, names: Sequence[str]) -> str:
    if sheet in names:
        return sheet
    folded = {name.strip().casefold(): name for name in names}
    if sheet.strip().casefold() in folded:
        return folded[sheet.strip().casefold()]
    if sheet.isdigit() and 1 <= int(sheet) <= len(names):
        return names[int(sheet) - 1]
    raise faults.unreadable(faults.NO_SHEET, sheets="; ".join(names[:20]))


def _cell(value: Cell) -> Cell:
    return None if isinstance(value, str) and not value.strip() else value


def _bounded(rows: Iterator[Row], limits: Limits) -> Iterator[Row]:
    """Rows without the empty cells at their ends; trailing empty rows are not counted."""
    empty = number = 0
    for row in rows:
        cells = list(row)
        while cells and cells[-1] is None:
            cells.pop()
        if not cells:
            empty += 1
            continue
        number += empty + 1
        if number > limits.rows:
            raise faults.unreadable(faults.TOO_MANY_ROWS, rows=limits.rows)
        if len(cells) > limits.columns:
            raise faults.unreadable(faults.TOO_MANY_COLUMNS, columns=limits.columns)
        for _ in range(empty):
            yield ()
        empty = 0
        yield cells
    if not number:
        raise faults.unreadable(faults.EMPTY_SHEET)


def _codings(sample: Sequence[Row]) -> dict[int, str]:
    """Columns whose cells are in a coding of before Unicode, as old fonts left them."""
    columns: dict[int, list[str]] = {}
    for row in sample:
        for column, value in enumerate(row):
            if isinstance(value, str) and not value.isascii():
                columns.setdefault(column, []).append(value)
    likely = {column: legacy.detect(" ".join(values)) for column, values in columns.items()}
    sure = {
        column: coding
        for column, coding in likely.items()
        if coding and _words(columns[column]) >= _SAMPLE_WORDS
    }
    # One or two words may be anything, unless other columns say what this sheet is coded in.
    return {c: coding for c, coding in likely.items() if coding and coding in sure.values()}


def _words(values: Sequence[str]) -> int:
    return sum(1 for value in values for word in value.split() if not word.isascii())


def _converted(row: Row, codings: dict[int, str]) -> Row:
    return [
        legacy.CODINGS[codings[column]](value)
        if column in codings and isinstance(value, str)
        else value
        for column, value in enumerate(row)
    ]
