"""Days off as they were published year by year, and due dates counted on them day by day.

Nothing here asks the product which day is worked: the tables are written out, and the counting
goes from day to day.
"""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.calendar_files import read_calendar
from shared.due_dates import DueRules, body_of
from shared.procedures import Duration
from shared.units import UnitRegistry
from shared.working_days import WorkingDays

DEPLOY = Path(__file__).parents[2] / "deploy"
LOCAL = timezone(timedelta(hours=7))
DAY = timedelta(days=1)

OFF = {  # Mondays to Fridays on which offices were closed
    2019: "01-01 02-04 02-05 02-06 02-07 02-08 04-15 04-29 04-30 05-01 09-02",
    2020: "01-01 01-23 01-24 01-27 01-28 01-29 04-02 04-30 05-01 09-02",
    2021: "01-01 02-10 02-11 02-12 02-15 02-16 04-21 04-30 05-03 09-02 09-03",
    2022: "01-03 01-31 02-01 02-02 02-03 02-04 04-11 05-02 05-03 09-01 09-02",
    2023: "01-02 01-20 01-23 01-24 01-25 01-26 05-01 05-02 05-03 09-01 09-04",
    2024: "01-01 02-08 02-09 02-12 02-13 02-14 04-18 04-29 04-30 05-01 09-02 09-03",
    2025: "01-01 01-27 01-28 01-29 01-30 01-31 04-07 04-30 05-01 05-02 09-01 09-02",
    2026: "01-01 01-02 02-16 02-17 02-18 02-19 02-20 04-27 04-30 05-01 08-31 09-01 09-02 11-24",
}
WORKED = {"2019-01-05", "2019-05-04", "2024-05-04", "2025-04-26", "2026-01-10", "2026-08-22"}
FREE = {f"{year}-{day}" for year, days in OFF.items() for day in days.split()}
# Saturdays that are holidays by law: an office that is open on Saturday mornings is closed on them.
FREE_SATURDAYS = {
    "2020-01-25", "2021-02-13", "2021-05-01", "2022-01-01", "2022-04-30", "2023-01-21", "2023-04-29",
    "2023-09-02", "2024-02-10", "2025-02-01",
}  # fmt: skip


def is_worked(day: date) -> bool:
    return str(day) in WORKED or (day.weekday() < 5 and str(day) not in FREE)


@pytest.mark.parametrize("year", sorted(OFF))
def test_the_days_off_and_made_up_of_a_year(year: int) -> None:
    days = WorkingDays.load(DEPLOY / "calendar")
    assert [f"{day:%m-%d}" for day, _ in days.days_off(year)] == OFF[year].split()
    made_up = [str(day) for day in days.days_made_up(year)]
    assert made_up == sorted(day for day in WORKED if day[:4] == str(year))


# -- counted day by day ------------------------------------------------------------------------

USUAL = ((time(7), time(11, 30)), (time(13, 30), time(17)))
SHOP = ((time(7, 30), time(11, 30)), (time(13), time(17)))
HALF = ((time(7, 30), time(11, 30)),)
HOURS = """
hours:
  - weekdays: 07:00-11:30, 13:30-17:00
  - units: [QTR-TTHCC]
    weekdays: 07:30-11:30, 13:00-17:00
    saturday: 07:30-11:30
"""
UNITS = ("461", "QTR-TTHCC")


def spans(unit: str, day: date) -> Iterator[tuple[datetime, datetime]]:
    """When an office is open on a day."""
    hours = USUAL if unit == "461" else SHOP
    if not is_worked(day):
        saturday = day.weekday() == 5 and unit != "461" and str(day) not in FREE_SATURDAYS
        hours = HALF if saturday else ()
    for opens, closes in hours:
        yield datetime.combine(day, opens, LOCAL), datetime.combine(day, closes, LOCAL)


def walk(unit: str, start: datetime, amount: timedelta) -> datetime:
    """The first instant by which an office has worked so long; of nothing, its next opening."""
    day = start.date()
    while True:
        for opens, closes in spans(unit, day):
            begin = max(opens, start)
            if begin < closes and amount < closes - begin:
                return begin + amount
            if begin < closes and amount == closes - begin:
                return closes
            amount -= max(closes - begin, timedelta())
        day += DAY


def worked(unit: str, start: datetime, end: datetime) -> timedelta:
    found, day = timedelta(), start.date()
    while day <= end.date():
        for opens, closes in spans(unit, day):
            found += max(min(closes, end) - max(opens, start), timedelta())
        day += DAY
    return found


def plainly(unit: str, amount: int, measure: str, cutoff: time | None, received: datetime):
    start = received
    if cutoff is not None and received.time() > cutoff:
        start = walk(unit, datetime.combine(received.date() + DAY, time(), LOCAL), timedelta())
    if measure == "days":
        return walk(unit, walk(unit, start, timedelta()) + amount * DAY, timedelta())
    return walk(unit, start, timedelta(hours=amount * (8 if measure == "working_days" else 1)))


TERMS = [
    (amount, measure, cutoff)
    for measure, amounts in (
        ("working_days", (1, 3, 15, 40)), ("days", (1, 7, 30, 60)), ("working_hours", (1, 4, 20))
    )
    for amount in amounts
    for cutoff in (None, time(15), time(16, 30))
]  # fmt: skip


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> DueRules:
    folder = tmp_path_factory.mktemp("calendar")
    (folder / "hours.yaml").write_text(HOURS, encoding="utf-8")
    corrected = read_calendar(DEPLOY / "calendar")
    durations = [
        Duration(f"T{n}", amount, measure, None, cutoff)  # type: ignore[arg-type]
        for n, (amount, measure, cutoff) in enumerate(TERMS)
    ]
    working = WorkingDays(corrected.closed, corrected.worked)
    registry = UnitRegistry.load(DEPLOY / "units")
    return DueRules(body_of(working, read_calendar(folder).hours, durations, registry))


EDGES = (0, 1, 30, 419, 420, 421, 449, 450, 690, 691, 779, 780, 810, 811, 899, 900, 901, 990, 991,
         1019, 1020, 1021, 1439)  # fmt: skip
FIRST = datetime(2019, 1, 1, tzinfo=LOCAL)
MOMENTS = st.one_of(
    st.tuples(st.integers(0, 2799), st.sampled_from(EDGES)),
    st.tuples(st.integers(0, 2799), st.integers(0, 1439)),
    # Around Tết, the first of May and National Day, where most is swapped.
    st.tuples(
        st.sampled_from([(date(y, m, d) - FIRST.date()).days for y in OFF for m, d in
                         ((1, 1), (1, 22), (2, 3), (2, 14), (4, 26), (8, 21)) if y < 2026 or m < 8]),
        st.sampled_from(EDGES),
    ),
).map(lambda each: FIRST + each[0] * DAY + timedelta(minutes=each[1]))  # fmt: skip
ZONES = st.sampled_from([timezone(timedelta(hours=hours)) for hours in (-10, 0, 7, 9)])


@given(
    st.sampled_from(UNITS), st.sampled_from(range(len(TERMS))), MOMENTS, MOMENTS,
    st.timedeltas(timedelta(), timedelta(days=40)), ZONES,
)  # fmt: skip
def count_alike(rules, unit, number, received, paused, pause, zone):
    due = rules.due(unit, f"T{number}", "district", received.astimezone(zone))
    assert due == plainly(unit, *TERMS[number], received)
    resumed = paused + pause
    later = rules.extended(unit, due, paused.astimezone(zone), resumed)
    missed = worked(unit, paused, resumed)
    assert later == (walk(unit, due, missed) if missed else due)
    clock = rules.working_time(unit)
    assert clock.between(paused, resumed.astimezone(zone)) == missed
    assert worked(unit, due, later) == missed


def test_due_dates_and_pauses_are_those_of_a_walk_from_day_to_day(rules) -> None:
    settings(max_examples=200, deadline=None)(count_alike)(rules)


@pytest.mark.soak
def test_ten_thousand_due_dates_are_those_of_a_walk_from_day_to_day(rules) -> None:
    settings(max_examples=10_000, deadline=None)(count_alike)(rules)
