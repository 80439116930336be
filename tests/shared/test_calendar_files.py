"""Calendar files as people write them: every fault with its line, and names for days."""

from datetime import date
from pathlib import Path

import pytest

from shared.calendar_files import CalendarFault, read_calendar, read_text
from shared.due_dates import load_rules
from shared.units import UnitRegistry

UNITS = UnitRegistry.load(Path(__file__).parents[2] / "deploy" / "units")
FAULTY = """# a comment
closed: [2027-02-30, 2027-01-04, 2027-01-04, x, 20270105, 1066-10-14]
worked:
  2027-01-04: cannot be both
  2027-01-16: [a]
announced: [27, 2027]
announced: [2028]
hors: 1
hours:
  - weekdays: 07:00-11:30, 11:00-17:00
    kinds: []
    from: 2027-02-01
    to: 2027-01-01
  - saturday: 7-11
    units: 461
  - none
"""


def test_all_faults_of_a_file_come_at_once_each_with_its_line() -> None:
    _, faults = read_text(FAULTY, "x.yaml")
    assert [(fault.line, fault.path, fault.code) for fault in faults] == [
        (2, "/closed/0", "day"),
        (2, "/closed/2", "repeated_day"),
        (2, "/closed/3", "day"),
        (2, "/closed/4", "day"),
        (2, "/closed/5", "day"),
        (4, "", "both"),
        (5, "/worked/2027-01-16", "name"),
        (6, "/announced/0", "years"),
        (7, "/announced", "repeated_key"),
        (8, "/hors", "unknown_key"),
        (10, "/hours/0/weekdays", "spans"),
        (11, "/hours/0/kinds", "names"),
        (13, "/hours/0/to", "order"),
        (14, "/hours/1/saturday", "spans"),
        (14, "/hours/1/weekdays", "missing"),
        (15, "/hours/1/units", "names"),
        (16, "/hours/2", "hours"),
    ]
    assert {fault.severity for fault in faults} == {"error"}


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "closed:\nhours:\n", "{}"])
def test_an_empty_file_says_nothing(text: str) -> None:
    files, faults = read_text(text, "x.yaml")
    assert (files.closed, files.hours, faults) == ({}, (), [])


@pytest.mark.parametrize(
    ("raw", "code", "line"),
    [
        (b"closed: [\n", "syntax", 2),
        (b"a: &x 1\nb: *x\n", "alias", 1),
        (b"closed: []\n\xff", "not_utf8", 2),
        (b"- 2027-01-04\n", "not_a_calendar", 1),
        (b"closed: !!python/object:x {}\n", "tag", 1),
        (b"closed: 2027-01-04\n", "days", 1),
        (b"hours: {weekdays: x}\n", "hours", 1),
    ],
)
def test_what_is_no_calendar(raw: bytes, code: str, line: int) -> None:
    _, faults = read_text(raw, "x.yaml")
    assert [(fault.code, fault.line) for fault in faults] == [(code, line)]


def test_days_may_bear_names_and_quotes() -> None:
    files, faults = read_text("closed: {2027-01-04: Nghỉ bù}\nworked: ['2027-01-16']\n", "x.yaml")
    assert faults == []
    named, plain = files.closed[date(2027, 1, 4)], files.worked[date(2027, 1, 16)]
    assert (named.name, named.file, named.line) == ("Nghỉ bù", "x.yaml", 1)
    assert (plain.name, plain.line) == (None, 2)


def test_two_files_that_contradict_each_other_stop_the_start_with_both_lines(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.yaml").write_text("closed: [2027-01-04]\n", encoding="utf-8")
    (tmp_path / "b.yaml").write_text("\nworked:\n  - 2027-01-04\n", encoding="utf-8")
    with pytest.raises(CalendarFault) as caught:
        read_calendar(tmp_path)
    [line] = str(caught.value).splitlines()
    assert line.startswith("b.yaml: dòng 3: lỗi: 2027-01-04")
    assert "a.yaml dòng 1" in line


def test_hours_of_nobody_stop_the_start(tmp_path: Path) -> None:
    (tmp_path / "calendar").mkdir()
    text = "hours:\n  - {weekdays: '08:00-12:00', units: [461, 999], kinds: [spaceship]}\n"
    (tmp_path / "calendar" / "a.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(CalendarFault, match=r"a\.yaml: dòng 2: lỗi: hours nêu 999, spaceship:"):
        load_rules(tmp_path, UNITS)
