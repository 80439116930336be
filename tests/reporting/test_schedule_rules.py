"""When an ordered report is built: counted by hand against the calendar of Viet Nam."""

from datetime import date, datetime, time, timedelta

import pytest

from services.reporting.rules.schedules import PERIODS, When, missed, occasions, period_of
from shared.clock import VN
from shared.settings import deploy_dir
from shared.working_days import WorkingDays

WORKING = WorkingDays.load(deploy_dir() / "calendar")
FIVE, HOUR = time(17, 0), timedelta(hours=1)


def days(when, after, most=3):
    found = occasions(when, datetime(*after, tzinfo=VN), most, WORKING)
    return [each.day.isoformat() for each in found]


def test_before_17_on_the_25th_is_built_at_16_on_the_last_working_day():
    when = When("month", FIVE, HOUR, (25,))
    found = occasions(when, datetime(2026, 4, 1, tzinfo=VN), 3, WORKING)
    # 25 April 2026 is a Saturday, 25 May a Monday, 25 June a Thursday.
    assert [each.build_at.isoformat() for each in found] == [
        "2026-04-24T16:00:00+07:00", "2026-05-25T16:00:00+07:00", "2026-06-25T16:00:00+07:00",
    ]  # fmt: skip
    assert found[0].due_at.isoformat() == "2026-04-24T17:00:00+07:00"


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("earlier", ["2026-02-13", "2026-02-23"]),
        ("later", ["2026-02-23"]),
        ("skip", ["2026-02-23"]),
        ("anyway", ["2026-02-16", "2026-02-23"]),
    ],
)
def test_tet_moves_a_monday(rule, expected):
    # Tết 2026: offices are closed from 14 to 22 February; 16 February is a Monday.
    when = When("week", FIVE, HOUR, (1,), rule)
    found = [day for day in days(when, (2026, 2, 10)) if day < "2026-02-25"]
    assert found == expected


def test_daily_means_working_days_and_a_month_ends_with_its_last_day():
    assert days(When("day", FIVE, HOUR, (), "skip"), (2026, 5, 1, 12), 3) == [
        "2026-05-04", "2026-05-05", "2026-05-06",
    ]  # fmt: skip
    ends = When("month", FIVE, HOUR, (31,), "anyway")
    assert days(ends, (2027, 1, 31, 18), 3) == ["2027-02-28", "2027-03-31", "2027-04-30"]


def test_the_hour_itself_is_no_next_time_and_a_lead_may_reach_into_the_day_before():
    when = When("day", time(0, 30), HOUR, (), "anyway")
    [next_] = occasions(when, datetime(2026, 3, 3, 23, 30, tzinfo=VN), 1, WORKING)
    assert next_.build_at.isoformat() == "2026-03-04T23:30:00+07:00"
    assert next_.day == date(2026, 3, 5)


def test_all_that_was_missed_is_known():
    when = When("day", FIVE, HOUR, (), "anyway")
    since = datetime(2026, 1, 1, 16, tzinfo=VN)
    found = missed(when, since, datetime(2026, 12, 31, 16, tzinfo=VN), WORKING)
    assert len(found) == 365
    assert found[-1].day == date(2026, 12, 31)


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("today", "2026-03-01", "2026-03-01"), ("yesterday", "2026-02-28", "2026-02-28"),
        ("this_week", "2026-02-23", "2026-03-01"), ("last_week", "2026-02-16", "2026-02-22"),
        ("this_month", "2026-03-01", "2026-03-01"), ("last_month", "2026-02-01", "2026-02-28"),
        ("this_quarter", "2026-01-01", "2026-03-01"), ("last_quarter", "2025-10-01", "2025-12-31"),
        ("this_year", "2026-01-01", "2026-03-01"), ("last_year", "2025-01-01", "2025-12-31"),
    ],
)  # fmt: skip
def test_periods_seen_from_sunday_1_march_2026(name, first, last):
    assert name in PERIODS
    found = period_of(name, date(2026, 3, 1))
    assert tuple(map(date.isoformat, found)) == (first, last)
