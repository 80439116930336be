"""Working time: published days off, edges of office hours, and properties against a plain count."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.calendar_files import CalendarFault, read_calendar
from shared.clock import VN
from shared.working_days import WorkingDays
from shared.working_time import WorkingTime, entries_of, hours_of_office

CALENDAR = Path(__file__).parents[2] / "deploy" / "calendar"
DAYS = WorkingDays.load(CALENDAR)
HALF_SATURDAYS = """
hours:
  - weekdays: 07:00-11:30, 13:30-17:00
  - kinds: [one_stop]
    weekdays: 07:30-11:30, 13:00-17:00
    saturday: 07:30-11:30
  - units: [QTR-TTHCC]
    weekdays: 08:00-12:00, 13:00-17:00
    friday: 08:00-12:00
    from: 2026-07-01
"""


def clock(hours=(), unit="461", kind="district"):
    chosen = entries_of(hours, unit, kind)
    return WorkingTime(hours_of_office(chosen, DAYS.is_working, DAYS.is_holiday))


USUAL = clock(read_calendar(CALENDAR).hours)


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+07:00")


def hours(count: float) -> timedelta:
    return timedelta(hours=count)


# -- what was published ----------------------------------------------------------------------

TET = {  # the working days on which offices were closed, as announced year by year
    2019: ("02-04", "02-05", "02-06", "02-07", "02-08"),
    2020: ("01-23", "01-24", "01-27", "01-28", "01-29"),
    2021: ("02-10", "02-11", "02-12", "02-15", "02-16"),
    2022: ("01-31", "02-01", "02-02", "02-03", "02-04"),
    2023: ("01-20", "01-23", "01-24", "01-25", "01-26"),
    2024: ("02-08", "02-09", "02-12", "02-13", "02-14"),
    2025: ("01-27", "01-28", "01-29", "01-30", "01-31"),
    2026: ("02-16", "02-17", "02-18", "02-19", "02-20"),
}


@pytest.mark.parametrize("year", sorted(TET))
def test_tet(year: int) -> None:
    off = [date.fromisoformat(f"{year}-{day}") for day in TET[year]]
    around = (off[0] - timedelta(days=3), off[-1] + timedelta(days=3))
    closed = [
        day
        for number in range((around[1] - around[0]).days + 1)
        if (day := around[0] + timedelta(days=number)).weekday() < 5 and not DAYS.is_working(day)
    ]
    assert closed == off
    before = max(d for d in (off[0] - timedelta(days=n) for n in range(1, 5)) if d.weekday() < 5)
    after = min(d for d in (off[-1] + timedelta(days=n) for n in range(1, 5)) if d.weekday() < 5)
    start = datetime.combine(before, time(16), VN)
    assert USUAL.add(start, hours(2)) == datetime.combine(after, time(8), VN)


@pytest.mark.parametrize(
    ("off", "worked"),
    [
        ("2024-04-29", "2024-05-04"),
        ("2025-05-02", "2025-04-26"),
        ("2026-08-31", "2026-08-22"),
        ("2026-01-02", "2026-01-10"),
    ],
)
def test_a_swapped_day_counts_where_it_was_moved_to(off: str, worked: str) -> None:
    assert USUAL.between(at(f"{off}T00:00"), at(f"{off}T23:59")) == hours(0)
    assert USUAL.between(at(f"{worked}T00:00"), at(f"{worked}T23:59")) == hours(8)
    assert USUAL.add(at(f"{worked}T07:00"), hours(8)) == at(f"{worked}T17:00")
    assert USUAL.opening(at(f"{off}T09:00")) > at(f"{off}T23:59")


def test_the_days_off_of_2026() -> None:
    assert [f"{day:%m-%d}" for day, _ in DAYS.days_off(2026)] == [
        "01-01", "01-02", "02-16", "02-17", "02-18", "02-19", "02-20", "04-27", "04-30", "05-01",
        "08-31", "09-01", "09-02", "11-24",
    ]  # fmt: skip
    assert DAYS.days_made_up(2026) == [date(2026, 1, 10), date(2026, 8, 22)]
    assert DAYS.is_announced(2026)
    assert not DAYS.is_announced(2027)
    assert WorkingDays(announced=[2027]).is_announced(2027)
    assert WorkingDays(off=[date(2027, 1, 4)]).is_announced(2027)


# -- edges -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "opens"),
    [
        ("2026-03-02T05:59", "2026-03-02T07:00"),  # before opening
        ("2026-03-02T07:00", "2026-03-02T07:00"),
        ("2026-03-02T11:29:59.999999", "2026-03-02T11:29:59.999999"),
        ("2026-03-02T11:30", "2026-03-02T13:30"),  # lunch
        ("2026-03-02T12:15", "2026-03-02T13:30"),
        ("2026-03-02T16:59:59", "2026-03-02T16:59:59"),
        ("2026-03-02T17:00", "2026-03-03T07:00"),  # closing
        ("2026-03-06T17:01", "2026-03-09T07:00"),  # on a Friday
        ("2026-02-13T18:00", "2026-02-23T07:00"),  # before Tết
        ("2025-12-31T17:00", "2026-01-05T07:00"),  # over a swap at the turn of the year
    ],
)
def test_a_clock_starts_when_the_office_is_open(start: str, opens: str) -> None:
    assert USUAL.opening(at(start)) == at(opens)


@pytest.mark.parametrize(
    ("start", "added", "end"),
    [
        ("2026-03-02T07:00", 4.5, "2026-03-02T11:30"),
        ("2026-03-02T07:00", 4.75, "2026-03-02T13:45"),
        ("2026-03-02T07:00", 8, "2026-03-02T17:00"),  # ends at the closing, not at the opening
        ("2026-03-02T09:13", 8, "2026-03-03T09:13"),
        ("2026-03-02T09:13", 40, "2026-03-09T09:13"),
        ("2024-02-28T09:00", 16, "2024-03-01T09:00"),  # a leap day is worked
        ("2023-02-28T09:00", 8, "2023-03-01T09:00"),
        ("2026-03-09T09:13", -40, "2026-03-02T09:13"),
        ("2026-03-02T07:00", -1, "2026-02-27T16:00"),
    ],
)
def test_adding(start: str, added: float, end: str) -> None:
    assert USUAL.add(at(start), hours(added)) == at(end)


def test_half_days_and_hours_by_kind_unit_and_date(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(HALF_SATURDAYS, encoding="utf-8")
    entries = read_calendar(tmp_path).hours
    shop = clock(entries, "X", "one_stop")
    assert shop.add(at("2026-03-06T16:00"), hours(2)) == at("2026-03-07T08:30")
    assert shop.add(at("2026-03-07T10:30"), hours(2)) == at("2026-03-09T08:30")
    assert shop.between(at("2026-03-02T00:00"), at("2026-03-09T00:00")) == hours(44)
    assert not shop.is_open(date(2025, 2, 1))  # a Saturday of Tết
    assert shop.between(at("2026-08-22T00:00"), at("2026-08-23T00:00")) == hours(8)  # made up
    centre = clock(entries, "QTR-TTHCC", "one_stop")
    assert centre.opening(at("2026-06-29T07:00")) == at("2026-06-29T07:30")
    assert centre.opening(at("2026-07-02T07:00")) == at("2026-07-02T08:00")
    assert centre.add(at("2026-07-03T11:00"), hours(2)) == at("2026-07-06T09:00")
    assert clock(entries).between(at("2026-03-07T00:00"), at("2026-03-08T00:00")) == hours(0)
    nothing_said = clock([entries[1]], "461", "district")
    assert nothing_said.opening(at("2026-03-02T12:00")) == at("2026-03-02T13:30")


def test_the_zone_of_an_instant_does_not_matter_but_it_needs_one() -> None:
    here = at("2026-03-02T09:00")
    for zone in (UTC, timezone(timedelta(hours=-11)), timezone(timedelta(hours=14))):
        assert USUAL.add(here.astimezone(zone), hours(9)) == at("2026-03-03T10:00")
    with pytest.raises(ValueError, match="zone"):
        USUAL.opening(datetime(2026, 3, 2, 9))  # noqa: DTZ001 - that is the point


def test_instants_beyond_what_is_known_count_as_its_edges() -> None:
    least, most = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    assert USUAL.between(least, at("1990-01-02T08:00")) == hours(1)
    assert USUAL.between(most, most) == hours(0)
    assert USUAL.add(most, hours(8)).year == 2110
    assert USUAL.add(at("2110-12-01T09:00"), timedelta(days=4000)).year == 2110
    assert USUAL.opening(least) == at("1990-01-02T07:00")


# -- properties --------------------------------------------------------------------------------


def plainly(entries, start: datetime, end: datetime) -> timedelta:
    """Working time day by day, span by span: shares nothing with the tables."""
    zone = timezone(timedelta(hours=7))
    start, end = start.astimezone(zone), end.astimezone(zone)
    found, day = timedelta(), start.date()
    while day <= end.date():
        made_up = day.weekday() > 4 and DAYS.is_working(day)
        spans = entries[5] if made_up else entries[day.weekday()] if DAYS.is_working(day) else ()
        if day.weekday() == 5 and not made_up and not DAYS.is_holiday(day):
            spans = entries[6]
        for opens, closes in spans:
            midnight = datetime.combine(day, time(), zone)
            first = max(start, midnight + timedelta(minutes=opens))
            last = min(end, midnight + timedelta(minutes=closes))
            found += max(last - first, timedelta())
        day += timedelta(days=1)
    return found


OFFICES = {
    "usual": (USUAL, [((420, 690), (810, 1020))] * 6 + [()]),
    "shop": (
        WorkingTime(
            lambda day: (
                ((450, 690), (780, 1020))
                if DAYS.is_working(day)
                else ((450, 690),)
                if day.weekday() == 5 and not DAYS.is_holiday(day)
                else ()
            )
        ),
        [((450, 690), (780, 1020))] * 6 + [((450, 690),)],
    ),
}
ZONES = st.sampled_from([timezone(timedelta(hours=each)) for each in (-11, 0, 7, 14)])
INSTANTS = st.datetimes(
    datetime(2018, 12, 20),  # noqa: DTZ001 - the zone is drawn
    datetime(2027, 1, 10),  # noqa: DTZ001
    timezones=ZONES,
)
AMOUNTS = st.one_of(
    st.integers(0, 60).map(lambda days: timedelta(hours=8 * days)),
    st.timedeltas(timedelta(), timedelta(hours=200)),
)


@given(st.sampled_from(sorted(OFFICES)), INSTANTS, AMOUNTS, INSTANTS, AMOUNTS, ZONES)
def agree(name, start, amount, other, more, zone):
    office, entries = OFFICES[name]
    end = office.add(start, amount)
    assert office.between(start, end) == amount
    assert plainly(entries, start, end) == amount
    assert end >= start
    assert office.add(start.astimezone(zone), amount) == end
    # Monotone in both.
    first, last = sorted((start, other))
    assert office.add(first, amount) <= office.add(last, amount)
    assert end <= office.add(start, amount + more)
    # In two steps as in one, and back again.
    assert office.add(end, more) == office.add(start, amount + more) or not more
    assert office.between(office.add(start, -amount), start) == amount
    assert office.between(first, last) == plainly(entries, first, first + (last - first)) or (
        last - first > timedelta(days=60)
    )
    # An instant on which a clock stands is one on which the office is open, or closes.
    assert office.is_open(end.date())


def test_adding_then_counting_agrees() -> None:
    settings(max_examples=150, deadline=None)(agree)()


@pytest.mark.soak
def test_adding_then_counting_agrees_ten_thousand_times() -> None:
    settings(max_examples=10_000, deadline=None)(agree)()


# -- files -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("hours: 07:00-11:30", "hours là một danh sách"),
        ("hours: [{weekdays: 7-11}]", "07:00-11:30"),
        ("hours: [{weekdays: '13:30-17:00, 07:00-11:30'}]", "thứ tự"),
        ("hours: [{weekdays: '07:00-11:30, 11:00-17:00'}]", "thứ tự"),
        ("hours: [{weekdays: '11:30-07:00'}]", "thứ tự"),
        ("hours: [{weekdays: '07:00-24:30'}]", "thứ tự"),
        ("hours: [{saturday: '07:00-11:30'}]", "weekdays"),
        ("hours: [{weekdays: '07:00-11:30', kinds: []}]", "kinds trống"),
        ("hours: [{weekdays: '07:00-11:30', sundays: '07:00-11:30'}]", "chỉ có các khoá"),
        ("hours: [{weekdays: '07:00-11:30', from: 2026-07-01, to: 2026-07-01}]", "from trước to"),
        ("hours: [{weekdays: 420}]", "07:00-11:30"),
        ("announced: 2027", "announced"),
        ("announced: [27]", "announced"),
        ("closed: [2026-02-30]", "không có ngày 2026-02-30"),
        ("\x00", "ký tự điều khiển"),
    ],
)
def test_nonsense_is_named_with_its_file_and_what_to_write(tmp_path, text, word) -> None:
    (tmp_path / "lich.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(CalendarFault) as caught:
        read_calendar(tmp_path)
    assert str(caught.value).startswith("lich.yaml: ")
    assert word in str(caught.value)


def test_all_faulty_files_are_named(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.yaml").write_text("x: 1", encoding="utf-8")
    with pytest.raises(CalendarFault) as caught:
        read_calendar(tmp_path)
    assert [line[:6] for line in str(caught.value).splitlines()] == ["a.yaml", "b.yaml"]
