"""Rows as files that people open: CSV, Excel, PDF. Nothing in them runs as a formula."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typst
import xlsxwriter

MARK = "\ufeff"
PAGES = Path(__file__).parent.parent / "pages"
_STARTS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def to_csv(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> bytes:
    """A CSV file of rows in UTF-8 with a mark; what is unknown is an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row.get(name)) for name in columns])
    return (MARK + text.getvalue()).encode()


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, str) and value.startswith(_STARTS_FORMULA):
        return f"'{value}"
    return value


def to_xlsx(
    lines: Sequence[str],
    headings: Sequence[str],
    rows: Sequence[Sequence[Any]],
    foot: Sequence[Any],
) -> bytes:
    """An Excel file: lines of title, headings, rows, a last row; numbers as numbers."""
    file = io.BytesIO()
    book = xlsxwriter.Workbook(
        file,
        {
            "constant_memory": True,
            "in_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        },
    )
    sheet = book.add_worksheet()
    bold = book.add_format({"bold": True})
    head = book.add_format({"bold": True, "text_wrap": True, "bottom": 1})
    for number, name in enumerate(headings):
        longest = max((len(str(row[number] or "")) for row in rows), default=0)
        sheet.set_column(number, number, min(60, max(len(name), longest) + 2))
    top = 0
    for line in lines:
        sheet.write_string(top, 0, line, bold)
        top += 1
    for number, name in enumerate(headings):
        sheet.write_string(top, number, name, head)
    sheet.freeze_panes(top + 1, 0)
    for place, row in enumerate([*rows, foot], top + 1):
        for number, value in enumerate(row):
            if isinstance(value, int | float):
                sheet.write_number(place, number, value)
            elif value is not None:
                sheet.write_string(place, number, str(value))
    book.close()
    return file.getvalue()


def to_pdf(template: str, content: Mapping[str, Any]) -> bytes:
    """A printed page. The values travel as data, never as markup: nobody's text is run."""
    inputs = {"content": json.dumps(content, ensure_ascii=False)}
    return typst.compile(str(PAGES / template), sys_inputs=inputs)
