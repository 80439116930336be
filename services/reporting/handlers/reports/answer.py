"""What a report answers: rows, and their total."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Row = dict[str, Any]


@dataclass(slots=True)
class Answer:
    """Rows, their total, until when events were applied, and what else belongs to a report."""

    rows: list[Row]
    total: Row
    data_as_of: datetime | None = None
    extra: Row = field(default_factory=dict)


def total_of(rows: list[Row], names: tuple[str, ...]) -> Row:
    """The sums of columns over all rows; null where a column is null in every row."""
    return {
        name: None
        if rows and all(row[name] is None for row in rows)
        else sum(row[name] or 0 for row in rows)
        for name in names
    }
