"""How periods are written."""

from datetime import date

WHOLE = "whole"
"""The period of what is counted over the whole plan."""


def period_key(kind: str, day: date) -> str:
    """How a period that holds a day is written: whole, 2020, 2020-Q1, 2020-01, 2020-01-31."""
    match kind:
        case "whole":
            return WHOLE
        case "year":
            return f"{day.year}"
        case "quarter":
            return f"{day.year}-Q{(day.month + 2) // 3}"
        case "month":
            return f"{day.year}-{day.month:02}"
        case _:
            return day.isoformat()
