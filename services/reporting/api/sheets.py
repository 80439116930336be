"""Rows as files that people open: CSV, Excel, PDF. Nothing in them runs as a formula."""

import csv
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import typst
import xlsxwriter

MARK = "\ufeff"
TEMPLATE = Path(__file__).parent.parent / "pages" / "report.typ"
WIDEST = 60
"""Characters of the widest column of a sheet."""
_STARTS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def to_csv(
    rows: Sequence[dict[str, Any]],
    columns: Sequence[str],
    heading: Callable[[str], str] = lambda name: name,
) -> bytes:
    """A CSV file of rows in UTF-8 with a mark. What is unknown is an empty cell.

    Args:
        rows: all with the same keys.
        columns: the keys, for a file without rows too.
        heading: what stands above a column; by default its key.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([heading(name) for name in columns])
    for row in rows:
        writer.writerow([_cell(row.get(name)) for name in columns])
    return (MARK + text.getvalue()).encode("utf-8")


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, str) and value.startswith(_STARTS_FORMULA):
        return f"'{value}"
    return value


def to_xlsx(
    rows: Sequence[dict[str, Any]],
    columns: Sequence[str],
    heading: Callable[[str], str],
    title: Sequence[str],
) -> bytes:
    """An Excel file: lines of title, headings, rows; numbers as numbers, texts as texts."""
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
    head = book.add_format({"bold": True, "text_wrap": True, "bottom": 1, "valign": "top"})
    for number, name in enumerate(columns):
        longest = max((len(str(row.get(name) or "")) for row in rows), default=0)
        sheet.set_column(number, number, min(WIDEST, max(10, longest + 2)))
    for line, text in enumerate(title):
        sheet.write_string(line, 0, text, bold)
    top = len(title) + 1
    for number, name in enumerate(columns):
        sheet.write_string(top, number, heading(name), head)
    sheet.freeze_panes(top + 1, 0)
    for line, row in enumerate(rows, top + 1):
        for number, name in enumerate(columns):
            value = row.get(name)
            if isinstance(value, int | float):
                sheet.write_number(line, number, value)
            elif value is not None:
                sheet.write_string(line, number, str(value))
    book.close()
    return file.getvalue()


def to_pdf(
    rows: Sequence[dict[str, Any]],
    columns: Sequence[str],
    heading: Callable[[str], str],
    title: Sequence[str],
    show: Callable[[str, Any], str],
) -> bytes:
    """A PDF file, A4 across: lines of title, a table with its headings on every page."""
    numeric = [any(isinstance(row.get(name), int | float) for row in rows[:50]) for name in columns]
    content = {
        "title": list(title),
        "headings": [heading(name) for name in columns],
        "numeric": numeric,
        "rows": [[show(name, row.get(name)) for name in columns] for row in rows],
    }
    # The values travel as data, never as markup: nobody's text is run.
    inputs = {"content": json.dumps(content, ensure_ascii=False)}
    return typst.compile(str(TEMPLATE), sys_inputs=inputs)
