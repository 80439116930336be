"""Pace, states, projections and mornings: pure decisions with literal numbers."""

import datetime as dt
import random
from fractions import Fraction

import orjson
import pytest

from services.quota import rules
from services.quota.rules import Cell, History, Version
from shared.plans import load_plan
from shared.settings import deploy_dir
from shared.units import UnitRegistry
from shared.working_days import working_days
from tests.quota.plans import counted, small

REGISTRY = UnitRegistry.load(deploy_dir() / "units")
DAY = dt.date.fromisoformat


def history(plan):
    made, faults = load_plan(orjson.dumps(plan), registry=REGISTRY)
    assert made is not None, faults
    return History([Version(made, 1)])


def owned(plan, today, period):
    found = rules.owned_periods(history(plan), "installs", DAY(today))
    return next(one for one in found if one.period == period)


@pytest.mark.parametrize(
    ("today", "pace"),
    [
        ("2019-08-31", Fraction(0)),
        ("2019-09-01", Fraction(0)),  # a Sunday
        ("2019-09-02", Fraction(0)),  # the national day
        ("2019-09-03", Fraction(1, 20)),
        ("2019-09-13", Fraction(9, 20)),
        ("2019-09-15", Fraction(9, 20)),
        ("2019-09-30", Fraction(1)),
        ("2019-10-09", Fraction(1)),
    ],
)
def test_the_pace_is_that_of_working_days(today, pace):
    start, end = DAY("2019-09-01"), DAY("2019-09-30")
    assert rules.pace_of(start, end, DAY(today), working_days()) == pace


@pytest.mark.parametrize(
    ("met", "ratio", "ended", "pace", "share", "state"),
    [
        (None, True, True, 1, None, "not_applicable"),
        (True, False, False, Fraction(1, 2), Fraction(1), "met"),
        (True, True, False, Fraction(1, 2), None, "on_track"),
        (True, True, True, 1, None, "met"),
        (False, False, False, Fraction(1, 2), Fraction(1, 2), "on_track"),
        (False, False, False, Fraction(1, 2), Fraction(49, 100), "behind"),
        (False, True, False, Fraction(1, 2), None, "behind"),
        (False, False, True, 1, Fraction(99, 100), "missed"),
    ],
)
def test_states(met, ratio, ended, pace, share, state):
    assert rules.state(met, ratio=ratio, ended=ended, pace=pace, share=share) == state


def made_of(**changes):
    plan = counted(small(), **changes) if changes else small()
    return history(plan).newest.plan.indicators["installs"]


def test_a_count_is_projected_with_an_interval():
    found = rules.project(Cell(30, None), made_of(), Fraction(1, 2), ended=False)
    assert found.value == 60
    assert found.low < 60 < found.high
    assert found.low >= 30
    assert rules.project(Cell(30, None), made_of(), Fraction(1), True) == rules.Projection(
        30, 30, 30
    )
    assert rules.project(Cell(30, None), made_of(), Fraction(0), False).value is None


@pytest.mark.parametrize("rate", [4, 60, 900])
def test_nine_of_ten_results_lie_in_the_interval(rate):
    """Simulated with an even stream of events: at half time, the end is where it was said."""
    chance = random.Random(7)
    made, inside = made_of(), 0
    trials = 400
    for _ in range(trials):
        moments = []
        at = chance.expovariate(rate)
        while at < 1:
            moments.append(at)
            at += chance.expovariate(rate)
        half = sum(moment < 0.5 for moment in moments)
        found = rules.project(Cell(half, None), made, Fraction(1, 2), ended=False)
        inside += found.low <= len(moments) <= found.high
    assert 0.86 * trials <= inside <= 0.99 * trials


def test_nine_of_ten_shares_lie_in_the_interval():
    chance = random.Random(11)
    made = made_of(
        count=None, where={}, once_per=None,
        ratio={"of": {"count": "dossier.received"}, "over": {"count": "dossier.received"}},
        target={"for": ["461"], "at_least": "25%"},
    )  # fmt: skip
    inside, trials = 0, 400
    for _ in range(trials):
        online = [chance.random() < 0.3 for _ in range(400)]
        cell = Cell(sum(online[:200]), 200)
        found = rules.project(cell, made, Fraction(1, 2), ended=False)
        inside += found.low <= sum(online) / 400 <= found.high
    assert 0.86 * trials <= inside <= 0.95 * trials
    assert rules.project(Cell(0, 0), made, Fraction(1, 2), False) == rules.Projection(None)
    assert rules.project(Cell(1, 4), made, Fraction(1), True) == rules.Projection(0.25, 0.25, 0.25)


def test_a_sum_scatters_by_its_parts():
    made = made_of(
        count=None, where={}, once_per=None, sum={"of": "people", "in": "activity.recorded"}
    )  # fmt: skip
    even = rules.project(Cell(100, None, squares=100), made, Fraction(1, 2), False)
    lumps = rules.project(Cell(100, None, squares=100 * 25), made, Fraction(1, 2), False)
    assert even.value == lumps.value == 200
    assert lumps.high - lumps.low > 4 * (even.high - even.low)


MORNING = counted(small(), period="month", target={"for": ["461", "462"], "at_least": 20})


def judged(sums, today, plan=MORNING, period="2019-09"):
    told = []
    for one in rules.morning_periods(history(plan), "installs", DAY(today)):
        if one.period == period:
            found = rules.judge_morning(one, "installs", sums, DAY(today), working_days())
            told += [(unit, what) for unit, what, _, _ in found]
    return told


def test_who_fell_behind_by_the_evening_before():
    # On the 16th nine of twenty working days are over: nine of twenty installs keep the pace.
    sums = {"461": {("of", "2019-09"): 9}, "462": {("of", "2019-09"): 8}}
    assert judged(sums, "2019-09-16") == [("462", "behind")]
    assert judged(sums, "2019-09-17") == [("461", "behind"), ("462", "behind")]
    assert judged({}, "2019-09-04") == [], "one of twenty days is too early"
    assert judged({}, "2019-10-01") == [], "what is over is not behind"


def test_a_ratio_is_reached_once_its_period_is_over():
    plan = counted(
        small(), count=None, where={}, once_per=None, period="month",
        ratio={"of": {"count": "dossier.received", "where": {"channel": "online"}},
               "over": {"count": "dossier.received"}},
        target={"for": ["461", "462"], "at_least": "25%"},
    )  # fmt: skip
    sums = {
        "461": {("of", "2019-09"): 1, ("over", "2019-09"): 4},
        "462": {("of", "2019-09"): 24, ("over", "2019-09"): 100},
    }
    assert judged(sums, "2019-09-16", plan) == [("462", "behind")]
    assert judged(sums, "2019-10-01", plan) == [("461", "reached")]
    assert judged(sums, "2019-10-20", plan) == [], "long over"


def test_a_yearly_step_in_points_or_relative():
    def target(year, step):
        plan = counted(
            small(runs={"from": "2023-01-01", "to": "2025-12-31"}), count=None, where={},
            once_per=None, period="year",
            ratio={"of": {"count": "dossier.received"}, "over": {"count": "dossier.received"}},
            target={"for": ["461"], "more_than": "30%", "yearly_step": {"by": "10%", "as": step}},
        )  # fmt: skip
        one = owned(plan, "2025-06-01", year)
        return one.version.plan.target_for("installs", "461", one.start)

    assert target("2023", "points").value == Fraction(30, 100)
    assert target("2024", "points").value == Fraction(40, 100)
    assert target("2025", "relative").value == Fraction(30 * 121, 10_000)
    assert target("2023", "points").met(3, 10) is False
    assert target("2023", "points").met(31, 103) is True
