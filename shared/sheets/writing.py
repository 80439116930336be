"""Workbooks for people to fill in or to mend. What begins with `=` stays a text."""

import datetime as dt
import io
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import xlsxwriter

from shared.sheets import faults
from shared.sheets.opening import Limits, open_list

OPTIONS = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
LONGEST_CELL = 32_767
_HEADING = {"bold": True, "bg_color": "#DDEBF7", "border": 1, "text_wrap": True, "valign": "top"}
_FAULT = {"bg_color": "#FFC7CE", "font_color": "#9C0006"}
_REPAIR = {"font_color": "#7F6000"}


def write_template(
    title: str,
    headings: Sequence[tuple[str, bool, str]],
    about: Sequence[Sequence[str]],
    words: Mapping[int, Sequence[str]],
) -> bytes:
    """An empty list: headings (text, whether needed, an example), and a sheet that explains them.

    Args:
        about: rows of the second sheet, its headings first.
        words: what may be chosen in a column, by its position.
    """
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True, **OPTIONS}) as book:
        bold = book.add_format(_HEADING)
        needed = book.add_format(_HEADING | {"bg_color": "#FCE4D6"})
        text = book.add_format({"num_format": "@"})
        sheet = book.add_worksheet("Danh sách")
        for position, (heading, is_needed, example) in enumerate(headings):
            sheet.set_column(position, position, max(12, len(heading) + 2), text)
            sheet.write_string(0, position, heading, needed if is_needed else bold)
            if example:
                sheet.write_string(1, position, example, text)
        for position, choices in words.items():
            if sum(map(len, choices)) + len(choices) <= 255:
                rule = {"validate": "list", "source": list(choices), "error_type": "warning"}
                sheet.data_validation(1, position, 5000, position, rule)
        sheet.freeze_panes(1, 0)
        help_sheet = book.add_worksheet("Hướng dẫn")
        help_sheet.write_string(0, 0, title, book.add_format({"bold": True, "font_size": 14}))
        for number, row in enumerate(about):
            for position, value in enumerate(row):
                help_sheet.write_string(number + 2, position, value, bold if number == 0 else None)
        help_sheet.set_column(0, 0, 24)
        help_sheet.set_column(1, len(about[0]) if about else 1, 34)
    return content.getvalue()


def mark(
    data: bytes,
    sheet: str | None,
    limits: Limits,
    path: Path,
    heading_row: int,
    labels: Sequence[str],
    notes: Mapping[int, Sequence[str]],
) -> None:
    """Write a list again, row by row, with columns of notes beside it.

    Args:
        heading_row: where the headings stand, counted from 1.
        labels: headings of the added columns; what the first says is shown as a fault.
        notes: by row, a text for each added column.

    Raises:
        Unreadable: the list cannot be read.
    """
    width = max((len(row) for row in open_list(data, sheet, limits).rows), default=0)
    opened = open_list(data, sheet, limits)
    options = {"constant_memory": True, "tmpdir": str(path.parent), **OPTIONS}
    with xlsxwriter.Workbook(str(path), options) as book:
        page = book.add_worksheet()
        moment = book.add_format({"num_format": "dd/mm/yyyy hh:mm"})
        day = book.add_format({"num_format": "dd/mm/yyyy"})
        heading = book.add_format(_HEADING)
        styles = [book.add_format(_FAULT), *(book.add_format(_REPAIR) for _ in labels[1:])]
        page.set_column(0, max(width - 1, 0), 16)
        page.set_column(width, width + len(labels) - 1, 60)
        number = 0
        for number, row in enumerate(opened.rows, 1):
            for position, value in enumerate(row):
                _write(page, number - 1, position, value, moment, day)
            said = labels if number == heading_row else notes.get(number, ())
            for offset, text in enumerate(said):
                if text:
                    style = heading if number == heading_row else styles[offset]
                    page.write_string(number - 1, width + offset, text[:LONGEST_CELL], style)
        if number > heading_row:
            page.autofilter(heading_row - 1, 0, number - 1, width + len(labels) - 1)
            page.freeze_panes(heading_row, 0)


def _write(page: Any, row: int, column: int, value: Any, moment: Any, day: Any) -> None:
    if value is None:
        return
    if isinstance(value, bool):
        page.write_boolean(row, column, value)
    elif isinstance(value, int | float):
        page.write_number(row, column, value)
    elif isinstance(value, dt.datetime) and value.year >= 1900:
        page.write_datetime(row, column, value.replace(tzinfo=None), moment)
    elif isinstance(value, dt.date) and value.year >= 1900:
        page.write_datetime(row, column, value, day)
    else:
        page.write_string(row, column, str(value)[:LONGEST_CELL])


def main() -> None:
    """As a process of its own: a line of JSON, then the file; the answer is a line of JSON."""
    request = orjson.loads(sys.stdin.buffer.readline())
    limits = Limits(request["unpacked"], request["rows"], request["columns"])
    notes = {int(number): said for number, said in request["notes"].items()}
    answer: dict[str, Any] = {"done": True}
    try:
        mark(
            sys.stdin.buffer.read(),
            request["sheet"],
            limits,
            Path(request["path"]),
            request["heading_row"],
            request["labels"],
            notes,
        )
    except faults.Unreadable as fault:
        answer = {"error": [fault.code, fault.message, fault.status]}
    sys.stdout.buffer.write(orjson.dumps(answer) + b"\n")


if __name__ == "__main__":
    main()
