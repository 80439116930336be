"""How a dossier's story is read: receipt, closing, due dates, pauses, overdue days."""

from datetime import date, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.clock import VN
from shared.dossiers import (
    NATIONAL_CODES,
    StatusChange,
    Submission,
    known,
    read_story,
    turning_days,
)
from tests.reporting import recount
from tests.reporting.stories import facts, stories

DAYS = st.integers(-2, 20).map(lambda days: date(2020, 1, 1) + timedelta(days=days))
RDAY = date(2019, 9, 1)


def at(day: int, hour: int = 8, minute: int = 0) -> datetime:
    return datetime(2019, 8, day, hour, minute, tzinfo=VN)


def submitted(**changes) -> Submission:
    base = {
        "order": (at(5), "/a", "submitted"),
        "unit": "461",
        "field": "Đất đai",
        "procedure": "1.005129",
        "authority": "district",
        "channel": "counter",
        "submitted_at": at(5),
        "rday": RDAY,
        "uid": b"s",
    }
    return Submission(**(base | changes))


def status(name: str, when: datetime, **changes) -> StatusChange:
    base = {
        "order": (when, "/a", name),
        "unit": "461",
        "status": name,
        "at": when,
        "rday": RDAY,
        "uid": name.encode(),
    }
    return StatusChange(**(base | changes))


def test_without_a_submission_there_is_no_story():
    assert read_story([], [status("received", at(5))]) is None
    assert read_story([submitted(voided_rday=RDAY)], []) is None


def test_the_greatest_submission_counts():
    story = read_story(
        [
            submitted(order=(at(6), "/b", "1"), unit="462", channel="online"),
            submitted(order=(at(6), "/a", "9")),
            submitted(order=(at(5), "/z", "9")),
        ],
        [status("in_process", at(7), unit="470", department="Phòng Tài nguyên")],
    )
    assert (story.unit, story.channel) == ("462", "online")
    assert (story.holder, story.department) == ("470", "Phòng Tài nguyên")


@pytest.mark.parametrize("name", ["registered", "refused"])
def test_registered_and_refused_alone_are_not_received(name):
    story = read_story([submitted()], [status(name, at(5))])
    assert story.received_day is None
    assert story.closed_day is None


def test_withdrawn_alone_is_not_received():
    assert read_story([submitted()], [status("withdrawn", at(5))]).received_day is None


def test_receipt_is_stated_or_read_off_the_statuses():
    later = [status("in_process", at(7)), status("received", at(9))]
    assert read_story([submitted(received_at=at(6))], later).received_day == at(6).date()
    assert read_story([submitted()], later).received_day == at(9).date()
    assert read_story([submitted()], later[:1]).received_day == at(7).date()


def test_days_are_days_in_viet_nam():
    evening = datetime.fromisoformat("2019-08-05T17:30:00+00:00")
    assert read_story([submitted(received_at=evening)], []).received_day == date(2019, 8, 6)


@pytest.mark.parametrize(
    ("closing", "outcome"),
    [(at(11), "early"), (at(12, 23, 59), "on_time"), (at(13, 0, 0), "late")],
)
def test_dates_are_compared_not_times(closing, outcome):
    story = read_story(
        [submitted(received_at=at(5), due_at=at(12, 10))], [status("result_ready", closing)]
    )
    assert story.outcome == outcome


def test_without_a_due_date_it_is_on_time():
    story = read_story([submitted(received_at=at(5))], [status("returned", at(30))])
    assert (story.outcome, story.closed_by) == ("on_time", "returned")


@pytest.mark.parametrize("name", ["withdrawn", "refused"])
def test_withdrawn_and_refused_late_are_on_time(name):
    story = read_story([submitted(received_at=at(5), due_at=at(6))], [status(name, at(20))])
    assert (story.outcome, story.closed_by, story.closed_day) == ("on_time", name, at(20).date())


def test_the_first_closing_holds_for_good():
    moves = [
        status("returned", at(10)),
        status("result_ready", at(10)),
        status("withdrawn", at(11)),
        status("in_process", at(12)),
    ]
    story = read_story([submitted(received_at=at(5))], moves)
    assert (story.closed_by, story.closed_day) == ("result_ready", at(10).date())
    assert story.status == "in_process"


def test_a_refusal_before_receipt_does_not_close():
    moves = [status("refused", at(4)), status("result_ready", at(10))]
    assert read_story([submitted(received_at=at(5))], moves).closed_by == "result_ready"
    at_once = [status("received", at(5)), status("refused", at(5))]
    assert read_story([submitted()], at_once).closed_by == "refused"


def test_a_close_before_receipt_takes_the_day_of_receipt():
    story = read_story(
        [submitted(received_at=at(9), due_at=at(8))], [status("result_ready", at(7))]
    )
    assert (story.closed_day, story.outcome) == (at(9).date(), "late")


def test_the_due_date_in_force_on_the_results_day_counts():
    moved = status("in_process", at(10), due_at=at(20))
    too_late = status("returned", at(21), due_at=at(30))
    told = [submitted(received_at=at(5), due_at=at(12))]
    story = read_story(told, [moved, status("result_ready", at(15)), too_late])
    assert story.outcome == "early"
    assert [story.due_on(at(day).date()) for day in (4, 9, 10, 21)] == [
        None,
        at(12).date(),
        at(20).date(),
        at(30).date(),
    ]
    assert read_story(told, [status("result_ready", at(15))]).outcome == "late"


def test_overdue_pauses_and_resumes():
    story = read_story(
        [submitted(received_at=at(5), due_at=at(7))],
        [
            status("supplement_requested", at(9)),
            status("in_process", at(11)),
            status("result_ready", at(14)),
        ],
    )
    overdue = [day for day in range(5, 20) if story.overdue_on(at(day).date())]
    assert overdue == [8, 11, 12, 13]
    assert story.overdue_changes() == [
        (at(8).date(), 1),
        (at(9).date(), -1),
        (at(11).date(), 1),
        (at(14).date(), -1),
    ]
    assert story.paused_on(at(10).date())


def test_a_passed_due_date_moved_to_another_passed_one_makes_a_new_spell():
    story = read_story(
        [submitted(received_at=at(5), due_at=at(7))],
        [status("in_process", at(12), due_at=at(9))],
    )
    assert [(one.since, one.until, one.due_day) for one in story.overdue_spells()] == [
        (at(8).date(), at(12).date(), at(7).date()),
        (at(12).date(), None, at(9).date()),
    ]
    assert story.overdue_changes() == [(at(8).date(), 1)]


def test_a_due_date_at_the_end_of_time_is_harmless():
    forever = datetime(9999, 12, 31, 17, tzinfo=VN)
    assert read_story([submitted(received_at=at(5), due_at=forever)], []).overdue_spells() == []


def test_what_was_known_on_a_recorded_day():
    early = submitted(rday=date(2019, 8, 5), voided_rday=date(2019, 8, 9))
    late = submitted(order=(at(6), "/a", "2"), rday=date(2019, 8, 8))
    never = submitted(rday=date(2019, 8, 9), voided_rday=date(2019, 8, 9))
    told = [early, late, never]
    assert known(told) == [late]
    assert [known(told, date(2019, 8, day)) for day in (4, 5, 8, 9)] == [
        [],
        [early],
        [early, late],
        [late],
    ]
    assert turning_days(told) == [date(2019, 8, day) for day in (5, 8, 9)]


def test_every_status_has_its_national_code():
    assert sorted(NATIONAL_CODES.values()) == list(range(1, 11))


@given(stories(codes=("A",)), st.randoms(use_true_random=False))
def test_order_and_repeats_change_nothing(events, random: Random):
    submissions, statuses = facts(events).get("A", ([], []))
    story = read_story(submissions, statuses)
    again = [one for one in submissions for _ in range(2)]
    random.shuffle(again)
    random.shuffle(statuses)
    other = read_story(again, statuses)
    assert other == story or (
        other is not None
        and story is not None
        and other.submission == story.submission
        and other.statuses == story.statuses
        and other.overdue_changes() == story.overdue_changes()
    )


@given(stories(codes=("A",)), DAYS)
def test_any_day_reads_as_a_recount_does(events, day):
    story = read_story(*facts(events).get("A", ([], [])))
    expected = recount.dossiers(events).get("A")
    if story is None or story.received_day is None:
        assert expected is None
        return
    assert (story.received_day, story.closed_day or recount.NEVER, story.outcome) == (
        expected["received"],
        expected["closed"],
        expected["how"],
    )
    assert story.due_on(day) == recount.due_date(expected, day)
    assert story.overdue_on(day) == recount.is_overdue(expected, day)
    changes = [change for when, change in story.overdue_changes() if when <= day]
    assert sum(changes) == story.overdue_on(day)
