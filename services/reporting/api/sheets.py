"""Rows as CSV that spreadsheets open as meant: UTF-8 with a mark, nothing runs as a formula."""

import csv
import io
from collections.abc import Callable, Sequence
from typing import Any

MARK = "\ufeff"
_STARTS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def to_csv(
    rows: Sequence[dict[str, Any]],
    columns: Sequence[str],
    heading: Callable[[str], str] = lambda name: name,
) -> bytes:
    """A CSV file of rows. What is unknown is an empty cell.

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
