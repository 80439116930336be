"""Which version of a plan a duty, a period and a stretch of days is judged by."""

from datetime import date
from pathlib import Path

import pytest

from shared.plans import BEGINNING, Plan, PlanVersion, Versions, owed_duties, read_plan
from shared.plans.versions import since_of
from shared.units import UnitRegistry

REGISTRY = UnitRegistry.load(Path(__file__).parents[2] / "deploy" / "units")
END = date(2021, 12, 31)
PLAN = """\
plan: thu
title: Thử
issued: {number: 1/KH}
runs: {from: 2020-01-01, to: 2020-12-31}
indicators:
  shares: {count: dossier.received, period: month, target: {for: 461, at_least: 1}}
obligations:
  lists:
    owed_by: 461
    owed_to: QTR-HDND
    due: {%s}
    fulfilled_by: {event: list.delivered}
"""
MONTHLY = "every: month, day: %d, for: previous month, periods: {from: 2020-01, to: 2020-04}"


def plan(due: str, more: str = "") -> Plan:
    return read_plan(PLAN % due + more, registry=REGISTRY)


def versions(*given: tuple[Plan, date]) -> Versions[PlanVersion]:
    return Versions(
        PlanVersion(made, number, since) for number, (made, since) in enumerate(given, 1)
    )


def owed(known: Versions[PlanVersion]) -> dict[str, tuple[int, str | None]]:
    """Period -> (version, day)."""
    found = owed_duties(known, END)
    periods = {
        one.duty.period: (one.version.number, one.duty.day and one.duty.day.isoformat())
        for one in found
    }
    assert len(periods) == len(found), "each duty is owed once"
    return periods


def test_a_duty_is_owed_by_the_version_in_force_on_its_day() -> None:
    known = versions((plan(MONTHLY % 5), BEGINNING), (plan(MONTHLY % 10), date(2020, 4, 1)))
    assert owed(known) == {
        "2020-01": (1, "2020-02-05"),
        "2020-02": (1, "2020-03-05"),
        "2020-03": (2, "2020-04-10"),
        "2020-04": (2, "2020-05-10"),
    }


@pytest.mark.parametrize(
    ("before", "after", "since", "expected"),
    [
        (5, 10, date(2020, 4, 8), (1, "2020-04-05")),  # was over when the new day was ordered
        (10, 5, date(2020, 4, 8), (1, "2020-04-10")),  # the new day lies before it was ordered
        (10, 5, date(2020, 4, 2), (2, "2020-04-05")),
        (5, 10, date(2020, 4, 5), (2, "2020-04-10")),
    ],
)
def test_a_day_that_is_moved_over_the_beginning_of_a_version(
    before: int, after: int, since: date, expected: tuple[int, str]
) -> None:
    known = versions((plan(MONTHLY % before), BEGINNING), (plan(MONTHLY % after), since))
    assert owed(known)["2020-03"] == expected


def test_what_a_version_no_longer_orders_is_owed_up_to_its_beginning() -> None:
    without = plan(MONTHLY.replace("2020-04", "2020-02") % 5)
    known = versions((plan(MONTHLY % 5), BEGINNING), (without, date(2020, 4, 1)))
    assert sorted(owed(known)) == ["2020-01", "2020-02"]
    known = versions((plan(MONTHLY % 5), BEGINNING), (without, date(2020, 4, 6)))
    assert sorted(owed(known)) == ["2020-01", "2020-02", "2020-03"]


def test_a_day_that_is_decided_later_holds_and_one_that_stays_open_is_the_newest_versions() -> None:
    known = versions(
        (plan("day: undecided"), BEGINNING), (plan("before: 2020-06-01"), date(2020, 3, 1))
    )
    assert owed(known) == {"once": (2, "2020-06-01")}
    known = versions(
        (plan("day: undecided"), BEGINNING), (plan("day: undecided"), date(2020, 3, 1))
    )
    assert owed(known) == {"once": (2, None)}


def test_restating_judges_everything_and_going_back_restores_it() -> None:
    first, second = plan(MONTHLY % 5), plan(MONTHLY % 10)
    everything = {
        number for number, _ in owed(versions((first, BEGINNING), (second, BEGINNING))).values()
    }
    assert everything == {2}
    back = versions((first, BEGINNING), (second, date(2020, 3, 1)), (first, BEGINNING))
    alone = owed(versions((first, BEGINNING)))
    assert {each: day for each, (_, day) in owed(back).items()} == {
        each: day for each, (_, day) in alone.items()
    }


def test_grants_of_the_newest_version_hold_for_duties_of_all() -> None:
    grants = (
        "    extensions: [{units: 461, periods: [2020-01], by: 2020-06-30, document: 9/CV}]\n"
        "    waivers: [{units: 461, periods: [2020-02], document: 8/CV}]\n"
    )
    known = versions((plan(MONTHLY % 5), BEGINNING), (plan(MONTHLY % 10, grants), date(2020, 4, 1)))
    assert owed(known)["2020-01"] == (1, "2020-06-30")
    assert [one.duty.period for one in owed_duties(known, END) if one.duty.waiver] == ["2020-02"]


def test_the_version_of_a_period_and_of_a_stretch_of_days() -> None:
    known = versions((plan(MONTHLY % 5), BEGINNING), (plan(MONTHLY % 5), date(2020, 4, 15)))
    later = date(2026, 1, 1)

    def judging(period: str, today: date) -> int | None:
        version = known.judges("shares", period, today)
        return version and version.number

    assert [judging(f"2020-0{month}", later) for month in (3, 4, 5)] == [1, 2, 2]
    assert judging("2020-04", date(2020, 4, 10)) == 1
    assert judging("2020-04", date(2020, 4, 15)) == 2

    def ruling(first: date, last: date) -> int | None:
        version = known.in_period(first, last)
        return version and version.number

    assert ruling(date(2020, 1, 1), date(2020, 4, 14)) == 1
    assert ruling(date(2020, 1, 1), date(2020, 4, 15)) == 2
    assert ruling(date(2020, 12, 1), later) == 2
    assert ruling(date(2021, 1, 1), later) is None
    assert ruling(date(2019, 1, 1), date(2019, 12, 31)) is None


def test_a_version_that_begins_after_the_plans_end_rules_no_period() -> None:
    known = versions((plan(MONTHLY % 5), BEGINNING), (plan(MONTHLY % 10), date(2026, 1, 1)))
    version = known.in_period(date(2020, 1, 1), date(2026, 6, 1))
    assert version is not None
    assert version.number == 1
    assert {number for number, _ in owed(known).values()} == {1}


@pytest.mark.parametrize(
    ("message", "since"),
    [
        ({"since": "2020-03-01"}, date(2020, 3, 1)),
        ({"since": "0001-01-01"}, BEGINNING),
        ({"effective_from": "2020-01-01"}, BEGINNING),
        ({"effective_from": "2020-03-01"}, date(2020, 3, 1)),
        ({}, BEGINNING),
    ],
)
def test_messages_of_earlier_releases_tell_the_first_day(
    message: dict[str, str], since: date
) -> None:
    assert since_of({"document": {"runs": {"from": "2020-01-01"}}, **message}) == since
