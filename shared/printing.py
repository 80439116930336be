"""Tables as files that people open: CSV, Excel, PDF. Nothing in them runs as a formula or markup."""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import typst
import xlsxwriter

MARK = "\ufeff"
WIDEST = 60
"""Characters of the widest column of a sheet."""
_STARTS_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
_BLANKS = ("\t", "\r", "\n")


def to_csv(
    rows: Sequence[Mapping[str, Any]],
    columns: Sequence[str],
    heading: Callable[[str], str] = lambda name: name,
) -> bytes:
    """A CSV file of rows in UTF-8 with a mark. What is unknown is an empty cell.

    Args:
        columns: the keys, for a file without rows too.
        heading: what stands above a column; by default its key.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([heading(name) for name in columns])
    for row in rows:
        writer.writerow([plain_cell(row.get(name)) for name in columns])
    return (MARK + text.getvalue()).encode("utf-8")


def plain_cell(value: Any) -> Any:
    """A value as a CSV file holds it: nothing for what is unknown, no formula."""
    if value is None:
        return ""
    if isinstance(value, str) and (
        value.startswith(_BLANKS) or value.lstrip().startswith(_STARTS_FORMULA)
    ):
        return f"'{value}"
    return value


def to_xlsx(
    title: Sequence[str],
    headings: Sequence[str],
    rows: Sequence[Sequence[Any]],
    foot: Sequence[Any] = (),
) -> bytes:
    """An Excel file: lines of title, a blank one, headings, rows, a last row; numbers as numbers."""
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
    for number in range(len(headings)):
        longest = max((len(_text(row[number])) for row in rows), default=0)
        sheet.set_column(number, number, min(WIDEST, max(10, longest + 2)))
    for line, text in enumerate(title):
        sheet.write_string(line, 0, text, bold)
    top = len(title) + 1
    for number, name in enumerate(headings):
        sheet.write_string(top, number, name, head)
    sheet.freeze_panes(top + 1, 0)
    for line, row in enumerate([*rows, foot], top + 1):
        for number, value in enumerate(row):
            if isinstance(value, int | float):
                sheet.write_number(line, number, value)
            elif value is not None:
                sheet.write_string(line, number, str(value))
    book.close()
    return file.getvalue()


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def to_pdf(template: Path, content: Mapping[str, Any]) -> bytes:
    """A printed page from a Typst template, which finds the values in ``sys.inputs.content``.

    They travel as data, never as markup: nobody's text is run.
    """
    inputs = {"content": json.dumps(content, ensure_ascii=False)}
    return typst.compile(str(template), sys_inputs=inputs)
