"""When a source counts as silent: days judged one by one."""

from datetime import date, timedelta

import pytest

from services.intake.rules import SilencePolicy, judge_silence
from shared.working_days import WorkingDays

POLICY = SilencePolicy(hour=17, weeks=8, history_days=14, share=0.2)
CALENDAR = WorkingDays()
FIRST = date(2026, 9, 7)  # a Monday
FRIDAY = date(2026, 11, 20)


def days(first, last, count):
    """The same number on each working day."""
    span = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return {day: count for day in span if CALENDAR.is_working(day)}


def judge(accepted, today, hour=17, first=FIRST):
    return judge_silence(accepted, first, today, hour, CALENDAR.is_working, POLICY)


def test_silent_at_the_close_of_the_first_day_without_events():
    accepted = days(FIRST, date(2026, 11, 19), 40)
    assert judge(accepted, FRIDAY, 16).state == "ok"
    verdict = judge(accepted, FRIDAY, 17)
    assert (verdict.state, verdict.usual, verdict.since) == ("silent", 40.0, FRIDAY)


def test_silent_on_through_the_weekend_and_until_it_speaks():
    accepted = days(FIRST, date(2026, 11, 19), 40)
    for today in (date(2026, 11, 21), date(2026, 11, 22), date(2026, 11, 23)):
        assert judge(accepted, today, 9).state == "silent"
        assert judge(accepted, today, 9).since == FRIDAY
    accepted[date(2026, 11, 23)] = 12
    assert judge(accepted, date(2026, 11, 23), 9).state == "ok"


def test_a_weekend_is_no_silence():
    accepted = days(FIRST, FRIDAY, 40)
    for today, usual in ((date(2026, 11, 21), 0.0), (date(2026, 11, 23), 40.0)):
        verdict = judge(accepted, today, 9)
        assert (verdict.state, verdict.usual) == ("ok", usual)


def test_nor_is_a_holiday():
    first = date(2026, 6, 1)
    accepted = days(first, date(2026, 8, 28), 40)
    # 2026-08-31 is off, swapped for Saturday 08-22; 09-01 and 09-02 are the National Day.
    for day in (31, 32, 33):
        today = date(2026, 8, 31) + timedelta(days=day - 31)
        assert judge(accepted, today, 20, first).state == "ok"
    assert judge(accepted, date(2026, 9, 3), 20, first).state == "silent"


def test_a_worked_saturday_is_compared_with_all_working_days():
    first = date(2026, 6, 1)
    accepted = days(first, date(2026, 8, 21), 40)
    verdict = judge(accepted, date(2026, 8, 22), 18, first)
    assert (verdict.state, verdict.usual) == ("silent", 40.0)


@pytest.mark.parametrize(("count", "state"), [(0, "silent"), (7, "quiet"), (8, "ok"), (400, "ok")])
def test_far_below_what_is_usual(count, state):
    accepted = days(FIRST, date(2026, 11, 19), 40) | {FRIDAY: count}
    assert judge(accepted, FRIDAY, 18).state == state


def test_few_are_not_told_from_fewer():
    accepted = days(FIRST, date(2026, 11, 19), 4) | {FRIDAY: 1}
    assert judge(accepted, FRIDAY, 18).state == "ok"
    del accepted[FRIDAY]
    assert judge(accepted, FRIDAY, 18).state == "silent"


def test_one_day_of_a_flood_is_not_what_is_usual():
    accepted = days(FIRST, date(2026, 11, 19), 40) | {date(2026, 11, 13): 1_000_000, FRIDAY: 30}
    assert judge(accepted, FRIDAY, 18).usual == 40.0
    assert judge(accepted, FRIDAY, 18).state == "ok"


def test_fridays_are_compared_with_fridays():
    accepted = {day: 4 if day.weekday() == 4 else 100 for day in days(FIRST, date(2026, 11, 19), 1)}
    accepted[FRIDAY] = 4
    assert judge(accepted, FRIDAY, 18).usual == 4.0
    assert judge(accepted, FRIDAY, 18).state == "ok"


def test_too_short_a_history_is_not_judged():
    first = date(2026, 11, 9)
    accepted = days(first, date(2026, 11, 19), 40)
    assert judge(accepted, FRIDAY, 18, first).state == "new"
    assert judge(accepted, date(2026, 11, 23), 18, first).state == "silent"
    assert judge({}, FRIDAY, 18, FRIDAY).state == "new"


def test_a_source_that_never_had_much_is_not_missed():
    accepted = {date(2026, 9, 7): 3}
    verdict = judge(accepted, FRIDAY, 18)
    assert verdict.usual == 0.0
    assert verdict.state in ("ok", "new")


def test_a_silence_never_becomes_what_is_usual():
    accepted = days(FIRST, date(2026, 9, 30), 40)
    verdict = judge(accepted, FRIDAY, 18)
    assert (verdict.state, verdict.since) == ("silent", date(2026, 10, 1))
