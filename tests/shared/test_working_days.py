"""Working days in Viet Nam, with swapped days and dated corrections."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.working_days import CalendarFault, WorkingDays

SHIPPED = WorkingDays.load(Path(__file__).parents[2] / "deploy" / "calendar")


@pytest.mark.parametrize(
    ("day", "works"),
    [
        ("2020-01-27", False),  # Tết
        ("2020-01-06", True),
        ("2020-01-05", False),  # Sunday
        ("2024-04-29", False),
        ("2024-05-04", True),  # Saturday worked for 29 April
        ("2025-05-02", False),
        ("2025-04-26", True),
        ("2026-08-31", False),
        ("2026-08-22", True),
        ("2026-01-02", False),  # from our corrections
        ("2026-01-10", True),
    ],
)
def test_days(day: str, works: bool) -> None:
    assert SHIPPED.is_working(date.fromisoformat(day)) is works


def test_shifting_skips_what_is_not_worked() -> None:
    assert SHIPPED.shift(date(2020, 1, 3), 1) == date(2020, 1, 6)
    assert SHIPPED.shift(date(2020, 1, 4), -1) == date(2020, 1, 3)
    assert SHIPPED.shift(date(2020, 1, 4), 0) == date(2020, 1, 4)


@given(st.dates(date(2018, 1, 1), date(2026, 12, 31)), st.integers(1, 30))
def test_shifting_there_and_back(day: date, count: int) -> None:
    there = SHIPPED.shift(day, count)
    assert SHIPPED.is_working(there)
    back = SHIPPED.shift(there, -count)
    assert back <= day
    assert SHIPPED.shift(back, count) == there


@pytest.mark.parametrize(
    "text",
    ["closed: 2020-01-01", "closed: [2020-01-41]",
     "off: [2020-01-01]", "closed: [x]", "- 1", "closed: [", "closed: [1]",
     "closed: [2020-01-01]\nworked: [2020-01-01]"],
)  # fmt: skip
def test_a_bad_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(CalendarFault):
        WorkingDays.load(tmp_path)
