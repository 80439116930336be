"""Rows of a CSV file whose delimiter nobody has told."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator

from shared.sheets import faults

DELIMITERS = ",;\t|"
_LINES = 50
_SEP = re.compile(r"sep=(.)\r?\n", re.IGNORECASE)
_LONGEST_CELL = 1 << 20


def rows(text: str) -> Iterator[list[str | None]]:
    """The rows of a CSV text; an empty cell is None.

    Raises:
        Unreadable: a quoted cell that never ends, or one of more than 1 MiB.
    """
    text = text.removeprefix("\ufeff")
    said = _SEP.match(text)
    delimiter = said.group(1) if said else sniff(text)
    if said:  # the line that names the delimiter is a row of the file: numbers stay right
        yield []
        text = text[said.end() :]
    csv.field_size_limit(_LONGEST_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for cells in reader:
            yield [cell if cell.strip() else None for cell in cells]
    except csv.Error:
        raise faults.unreadable(faults.DAMAGED) from None


def sniff(text: str) -> str:
    """The delimiter that splits most lines into the same number of cells, more than one."""
    lines = [line for line in text[:200_000].splitlines()[:_LINES] if line.strip()]
    best, best_score = ",", 0.0
    for delimiter in DELIMITERS:
        widths = Counter(_width(line, delimiter) for line in lines)
        widths.pop(1, None)
        if not widths:
            continue
        # Title lines differ from the table below them: what counts is the commonest width.
        score = max(count * min(width, 20) for width, count in widths.items())
        if score > best_score:
            best, best_score = delimiter, score
    return best


def _width(line: str, delimiter: str) -> int:
    """Cells of a line: delimiters outside of quotes, and one."""
    return 1 + sum(part.count(delimiter) for part in line.split('"')[::2])
