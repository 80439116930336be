"""The arithmetic of plans: filters, targets, periods, duties, judgement."""

from datetime import date, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.clock import VN
from shared.plans import (
    Bound,
    Delivery,
    Duty,
    Plan,
    alerts,
    attribute,
    deliveries,
    duties,
    exact,
    judge,
    matches,
    period_key,
    read_plan,
)
from shared.units import UnitRegistry
from shared.working_days import WorkingDays

REGISTRY = UnitRegistry.load(Path(__file__).parents[2] / "deploy" / "units")
DAY = date(2020, 6, 1)
END = date(2026, 1, 1)

HEAD = """\
plan: thu
title: Thử
issued: {number: 1/KH, date: 2020-01-01}
runs: {from: %s, to: %s}
"""
OBLIGATION = """\
obligations:
  x:
    owed_by: [461, 462]
    owed_to: QTR-HDND
    due: {%s}
    fulfilled_by: {event: list.delivered, where: {list: clients}}
"""


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=VN)


def owing(due: str, more: str = "", start: str = "2020-01-10", end: str = "2020-12-31") -> Plan:
    return read_plan(HEAD % (start, end) + OBLIGATION % due + more, registry=REGISTRY)


def dues(plan: Plan, until: date = END) -> dict[str, datetime | None]:
    return {duty.period: duty.due for duty in duties(plan, until) if duty.unit == "461"}


def target(text: str, kind: str = "count: dossier.received", end: str = "2022-12-31") -> Plan:
    body = f"indicators:\n  i:\n    {kind}\n    target: {{{text}}}\n"
    return read_plan(HEAD % ("2020-01-01", end) + body, registry=REGISTRY)


class TestFilters:
    @pytest.mark.parametrize(
        ("where", "data", "expected"),
        [
            ({}, {}, True),
            ({"a": 1}, {"a": 1}, True),
            ({"a": 1}, {"a": True}, False),
            ({"a": 1}, {"a": "1"}, False),
            ({"a": 1}, {}, False),
            ({"a": {"in": [1, 2]}}, {"a": 2}, True),
            ({"a": {"in": ["x"]}}, {"a": "y"}, False),
            ({"a": {"in": "known"}}, {"a": "x"}, True),
            ({"a": {"in": "known"}}, {"a": "y"}, False),
            ({"a": {"in": "open"}}, {"a": "y"}, True),
            ({"a": {"in": "open"}}, {}, False),
            ({"a": {"in": "nowhere"}}, {"a": "y"}, False),
            ({"a": {"not": "x"}}, {"a": "x"}, False),
            ({"a": {"not": ["x", "y"]}}, {"a": "z"}, True),
            ({"a": {"not": "x"}}, {}, True),
            ({"a": {"at_least": 2}}, {"a": 2}, True),
            ({"a": {"more_than": 2}}, {"a": 2}, False),
            ({"a": {"at_least": 2, "below": 5}}, {"a": 5}, False),
            ({"a": {"at_most": 5}}, {"a": 5}, True),
            ({"a": {"at_least": 2}}, {"a": "3"}, False),
            ({"a": {"at_least": "2020-01"}}, {"a": "2020-02"}, True),
            ({"a": {"exists": True}}, {"a": 0}, True),
            ({"a": {"exists": True}}, {"a": None}, False),
            ({"a": {"exists": False}}, {}, True),
            ({"a.b": 1}, {"a": {"b": 1}}, True),
            ({"a.b": 1}, {"a": 1}, False),
            ({"any": [{"a": 1}, {"b": 1}]}, {"b": 1}, True),
            ({"all": [{"a": 1}, {"b": 1}]}, {"b": 1}, False),
            ({"not": {"a": 1}}, {"a": 2}, True),
        ],
    )
    def test_matching(self, where: dict[str, Any], data: dict[str, Any], expected: bool) -> None:
        assert matches(where, data, {"known": ["x"], "open": "undecided"}) is expected

    @given(
        st.dictionaries(st.sampled_from("abc"), st.integers(0, 3)),
        st.dictionaries(st.sampled_from("abc"), st.integers(0, 3)),
    )
    def test_not_turns_every_answer(self, where: dict[str, int], data: dict[str, int]) -> None:
        assert matches({"not": where}, data) is not matches(where, data)
        assert matches(where, where | data) == matches({"all": [where]}, where | data)
        assert matches(where, data | where)


class TestTargets:
    @pytest.mark.parametrize(
        ("text", "value"),
        [(100, Fraction(100)), ("25%", Fraction(1, 4)), ("12,5%", Fraction(1, 8)),
         ("33.33%", Fraction(3333, 10000)), ("0 %", Fraction(0))],
    )  # fmt: skip
    def test_amounts_are_exact(self, text: int | str, value: Fraction) -> None:
        assert exact(text) == value

    @pytest.mark.parametrize("text", [-1, True, "25", "x%", "%", "-1%", "1e3%"])
    def test_other_amounts_are_refused(self, text: int | str) -> None:
        with pytest.raises(ValueError):
            exact(text)

    @given(st.integers(0, 10**6), st.integers(1, 10**6), st.integers(0, 10_000))
    def test_shares_are_compared_without_rounding(self, n: int, d: int, hundredths: int) -> None:
        value = Fraction(hundredths, 10_000)
        assert Bound(">=", value).met(n, d) is (Fraction(n, d) >= value)
        assert Bound(">", value).met(n, d) is (Fraction(n, d) > value)

    def test_nothing_to_do_is_neither_met_nor_missed(self) -> None:
        assert Bound(">=", Fraction(0)).met(0, 0) is None

    def test_units_without_an_amount_are_only_counted(self) -> None:
        plan = target("for: [461, 462]")
        assert plan.target_units("i") == ("461", "462")
        assert plan.target_for("i", "461", DAY) is None

    def test_one_target_for_all_together_is_shown_above_them(self) -> None:
        plan = target("for: [461, 462], at_least: 10, together: true")
        assert plan.total_unit("i") == "45"
        bound = plan.target_for("i", "45", DAY)
        assert bound is not None
        assert bound.value == 10
        assert plan.target_for("i", "461", DAY) is None
        assert plan.result_units("i") == ("45",)
        assert plan.attribute("i", "462", DAY) == "45"
        assert plan.attribute("i", "464", DAY) is None

    @pytest.mark.parametrize(
        ("meaning", "values"),
        [("points", ["0.3", "0.4", "0.5"]), ("relative", ["0.3", "0.33", "0.363"]),
         ("undecided", ["0.3", "0.3", "0.3"])],
    )  # fmt: skip
    def test_yearly_steps(self, meaning: str, values: list[str]) -> None:
        plan = target(
            f"for: 461, more_than: 30%, yearly_step: {{by: 10%, as: {meaning}}}",
            "ratio: {of: {count: dossier.received}, over: {count: dossier.received}}",
        )
        bounds = [plan.target_for("i", "461", date(year, 7, 1)) for year in (2020, 2021, 2022)]
        assert [bound.value for bound in bounds if bound] == [Fraction(each) for each in values]

    def test_a_share_never_rises_above_everything(self) -> None:
        plan = target(
            "for: 461, at_least: 90%, yearly_step: {by: 10%, as: points}",
            "ratio: {of: {count: dossier.received}, over: {count: dossier.received}}",
        )
        bound = plan.target_for("i", "461", date(2022, 1, 1))
        assert bound is not None
        assert bound.value == 1

    def test_an_event_counts_for_the_nearest_target_unit_above(self) -> None:
        assert attribute("QTR-TTYT-464", ["45", "QTR-SYT"], REGISTRY, DAY) == "QTR-SYT"
        assert attribute("461", ["461", "45"], REGISTRY, DAY) == "461"
        assert attribute("440", ["45"], REGISTRY, DAY) is None
        assert attribute("23668", ["625"], REGISTRY, date(2024, 1, 1)) == "625"
        assert attribute("23668", ["625"], REGISTRY, date(2025, 7, 1)) is None

    @pytest.mark.parametrize(
        ("kind", "key"),
        [("whole", "whole"), ("year", "2020"), ("quarter", "2020-Q2"), ("month", "2020-06"),
         ("day", "2020-06-01")],
    )  # fmt: skip
    def test_periods(self, kind: str, key: str) -> None:
        assert period_key(kind, DAY) == key

    def test_outside_the_plans_dates_there_is_no_period(self) -> None:
        plan = target("for: 461")
        assert plan.period_of("i", date(2019, 12, 31)) is None
        assert plan.period_of("i", at("2020-01-01T00:00")) == "whole"
        assert plan.period_of("i", date(2023, 1, 1)) is None

    def test_groups_of_groups_and_choices(self) -> None:
        groups = (
            "groups:\n"
            "  d: {kind: district, parent: 45}\n"
            "  big: {units: [d, QTR-TTHCC], without: 471}\n"
            "  health: {within: QTR-SYT, kind: health_centre}\n"
            "  unions: {kind: youth_union, seat: big}\n"
        )
        plan = read_plan(HEAD % ("2020-01-01", "2020-12-31") + groups, registry=REGISTRY)
        assert len(plan.members(["d"])) == 10
        assert plan.members(["big"])[-1] == "QTR-TTHCC"
        assert "471" not in plan.members(["big"])
        assert len(plan.members(["health"])) == 9
        assert len(plan.members(["unions"])) == 9
        assert plan.members(["d", "461", "RTA"])[-1] == "RTA"


class TestDues:
    @pytest.mark.parametrize(
        ("due", "period", "limit"),
        [
            ("before: 2020-03-05", "once", "2020-03-05T00:00"),
            ("by: 2020-03-05", "once", "2020-03-06T00:00"),
            ('before: 2020-03-05, time: "17:00"', "once", "2020-03-05T17:00"),
            ('by: 2020-03-05, time: "17:00"', "once", "2020-03-05T17:01"),
            ("every: month, day: 5, for: previous month", "2020-01", "2020-02-05T00:00"),
            ("every: month, day: 5, for: previous month", "2020-12", "2021-01-05T00:00"),
            ("every: month, day: 5, before: false, for: previous month", "2020-01",
             "2020-02-06T00:00"),
            ("every: month, day: 31", "2020-02", "2020-02-29T00:00"),
            ("every: month, day: 5, days: working", "2020-05", "2020-05-08T00:00"),
            ("every: year, day: 11-30", "2020", "2020-11-30T00:00"),
            ("every: year, day: 01-31, for: previous year", "2020", "2021-01-31T00:00"),
            ('every: day, time: "17:00"', "2020-01-13", "2020-01-13T17:00"),
            ("every: day", "2020-01-13", "2020-01-14T00:00"),
        ],
    )  # fmt: skip
    def test_the_first_instant_that_is_too_late(self, due: str, period: str, limit: str) -> None:
        assert dues(owing(due))[period] == at(limit)

    def test_no_weekend_is_skipped_unless_said(self) -> None:
        found = dues(owing("every: month, day: 5"))
        assert found["2020-07"] == at("2020-07-05T00:00")
        assert at("2020-07-05T00:00").weekday() == 6

    def test_what_fell_due_before_the_plan_began_is_not_owed(self) -> None:
        assert min(dues(owing("every: month, day: 5"))) == "2020-02"
        assert min(dues(owing("every: month, day: 5, periods: {from: 2019-11}"))) == "2019-11"
        assert max(dues(owing("every: month, day: 5, periods: {to: 2020-06}"))) == "2020-06"

    def test_days_off_are_left_out_unless_calendar_days_are_meant(self) -> None:
        worked = dues(owing("every: day"))
        assert "2020-01-11" not in worked
        assert "2020-01-27" not in worked
        assert len(dues(owing("every: day, days: calendar"))) == 357

    def test_only_what_has_opened_by_a_day_is_listed(self) -> None:
        plan = owing("every: month, day: 5, for: previous month")
        assert max(dues(plan, date(2020, 3, 31))) == "2020-02"
        assert dues(plan, date(2020, 1, 31)) == {}
        assert max(dues(plan, date(2020, 2, 1))) == "2020-01"

    def test_undecided_days_are_listed_without_a_due_instant(self) -> None:
        found = duties(owing("every: month, day: undecided"), END)
        assert len(found) == 24
        assert all(duty.undecided and duty.due is None for duty in found)
        assert duties(owing("day: undecided"), END)[0].period == "once"

    def test_extensions_move_and_waivers_excuse_by_document(self) -> None:
        more = """\
    extensions:
      - {units: 461, periods: [2020-02], by: 2020-02-20, document: 9/CV}
    waivers:
      - {units: 462, periods: [2020-02], document: 8/CV}
"""
        plan = owing("every: month, day: 5", more)
        mine, other = (
            next(
                duty for duty in duties(plan, END) if (duty.unit, duty.period) == (unit, "2020-02")
            )
            for unit in ("461", "462")
        )
        assert mine.due == at("2020-02-21T00:00")
        assert mine.inclusive
        now = at("2021-01-01T00:00")
        assert judge(other, [], now).state == "excused"
        assert judge(mine, [], now).state == "missing"
        assert alerts(plan, other) == []

    def test_a_unit_that_is_gone_owes_nothing_more(self) -> None:
        plan = owing("every: month, day: 5", start="2025-01-01", end="2025-12-31")
        assert max(dues(plan)) == "2025-06"

    @pytest.mark.parametrize(
        ("due", "when", "period"),
        [
            ("every: month, day: 5, for: previous month", "2020-03-20T10:00", "2020-02"),
            ("every: month, day: 5, for: previous month", "2020-01-04T10:00", "2019-12"),
            ("every: month, day: 5", "2020-03-20T10:00", "2020-03"),
            ("every: year, day: 11-30", "2020-03-20T10:00", "2020"),
            ("every: year, day: 01-31, for: previous year", "2021-01-20T10:00", "2020"),
            ("every: day", "2020-03-20T10:00", "2020-03-20"),
            ("before: 2020-03-05", "2020-03-20T10:00", "once"),
        ],
    )
    def test_the_period_of_a_delivery_that_names_none(
        self, due: str, when: str, period: str
    ) -> None:
        data = {"unit": "461", "list": "clients", "rows": 3}
        got = deliveries(owing(due), "motcua.list.delivered.v1", data, at(when))
        assert [each.period for each in got] == [period]

    def test_only_who_owes_can_deliver(self) -> None:
        data = {"unit": "464", "list": "clients", "rows": 3}
        assert deliveries(owing("every: day"), "list.delivered", data, at("2020-03-03T10:00")) == []

    def test_alerts_count_working_days_from_the_last_day_in_time(self) -> None:
        more = """\
    remind:
      - {before_due: 2 working days, to: unit}
      - {before_due: 3 hours, to: owed_by}
    escalate:
      - {after_due: 1 working day, to: [parent, owed_to]}
      - {after_due: 2 days, to: RTA}
"""
        plan = owing("every: month, day: 5", more)
        duty = next(d for d in duties(plan, END) if (d.unit, d.period) == ("461", "2020-05"))
        got = [(each.kind, each.at, each.to) for each in alerts(plan, duty)]
        assert got == [
            ("remind", at("2020-04-28T08:00"), ("461",)),
            ("remind", at("2020-05-04T21:00"), ("461",)),
            ("escalate", at("2020-05-05T08:00"), ("45", "QTR-HDND")),
            ("escalate", at("2020-05-06T08:00"), ("RTA",)),
        ]


DUTY = Duty(
    "p", "o", "u", "2020-01", at("2020-02-01T00:00"), at("2020-02-05T00:00"), date(2020, 2, 5),
    False, False, (), expected_rows=8,
)  # fmt: skip
DELIVERIES = st.lists(
    st.builds(
        Delivery,
        obligation=st.sampled_from(["o", "other"]),
        unit=st.sampled_from(["u", "other"]),
        period=st.sampled_from(["2020-01", "2020-02"]),
        at=st.integers(-100, 100).map(
            lambda hours: at("2020-02-05T00:00") + timedelta(hours=hours)
        ),
        rows=st.integers(0, 20),
        complete=st.booleans(),
    ),
    max_size=6,
)


class TestJudgement:
    @given(DELIVERIES, st.randoms(use_true_random=False), st.integers(-200, 200))
    def test_order_and_repeats_do_not_matter(
        self, handed_in: list[Delivery], random: Any, hours: int
    ) -> None:
        now = at("2020-02-05T00:00") + timedelta(hours=hours)
        shuffled = [*handed_in, *handed_in[:2]]
        random.shuffle(shuffled)
        assert judge(DUTY, shuffled, now) == judge(DUTY, handed_in, now)

    @given(DELIVERIES, st.integers(-200, 200))
    def test_states(self, handed_in: list[Delivery], hours: int) -> None:
        now = at("2020-02-05T00:00") + timedelta(hours=hours)
        mine = [d for d in handed_in if (d.obligation, d.unit, d.period) == ("o", "u", "2020-01")]
        whole = [delivery.at for delivery in mine if delivery.complete]
        got = judge(DUTY, handed_in, now)
        assert DUTY.due is not None
        assert (got.state == "on_time") == any(when < DUTY.due for when in whole)
        assert (got.state == "late") == (bool(whole) and min(whole) >= DUTY.due)
        assert (got.state == "missing") == (not mine and now >= DUTY.due)
        assert (got.state == "incomplete") == (bool(mine) and not whole and now >= DUTY.due)
        assert (got.state == "not_due") == (not whole and now < DUTY.due)
        assert got.fulfilled_at == (min(whole) if whole else None)
        assert got.expected_rows == 8


def test_a_code_given_to_another_unit_owes_and_hands_in_nothing() -> None:
    body = """\
obligations:
  x:
    owed_by: [23668]
    owed_to: QTR-HDND
    due: {every: month, day: 5}
    fulfilled_by: {event: list.delivered, where: {list: clients}}
"""

    def made(first: str) -> Plan:
        return read_plan(HEAD % (first, "2025-09-30") + body, registry=REGISTRY)

    def owed(plan: Plan) -> list[str]:
        return [duty.period for duty in duties(plan, END)]

    def handed_in(plan: Plan, when: str) -> list[str]:
        said = {"unit": "23668", "list": "clients", "period": "2025-06"}
        found = deliveries(plan, "motcua.list.delivered.v1", said, at(when))
        return [each.period for each in found]

    before, after = made("2025-05-01"), made("2025-07-01")
    assert owed(before) == ["2025-05", "2025-06"]
    assert owed(after) == ["2025-07", "2025-08", "2025-09"]
    assert handed_in(before, "2025-06-30T09:00") == ["2025-06"]
    assert handed_in(before, "2025-07-01T09:00") == []
    assert handed_in(after, "2025-07-01T09:00") == ["2025-06"]


def test_the_working_calendar_is_given_not_assumed() -> None:
    closed = WorkingDays(off=[date(2020, 1, 13)])
    periods = {duty.period for duty in duties(owing("every: day"), END, closed)}
    assert "2020-01-13" not in periods
    assert "2020-01-14" in periods


class TestTimes:
    """A duty that has to happen several times within its period."""

    plan = read_plan(
        """
plan: thu
title: Kế hoạch thử
issued: {number: 1/KH, date: 2020-01-01}
runs: {from: 2020-01-01, to: 2020-12-31}
obligations:
  training:
    owed_by: 461
    owed_to: RTA
    due: {every: year, day: 12-31, before: false, for: this year}
    fulfilled_by: {event: report.filed, times: 2, require: {document: {exists: true}}}
""",
        registry=REGISTRY,
    )

    def filed(self, when: str, **data: str) -> list[Delivery]:
        given = {"unit": "461", "plan": "thu", "obligation": "training", "period": "2020"} | data
        return deliveries(self.plan, "motcua.report.filed.v1", given, at(when))

    def test_the_last_of_them_fulfils(self) -> None:
        (duty,) = duties(self.plan, date(2020, 12, 31))
        first = self.filed("2020-03-01T09:00", document="1/BC")
        second = self.filed("2020-09-01T09:00", document="2/BC")
        bare = self.filed("2020-10-01T09:00")
        now = at("2021-01-05T00:00")
        assert judge(duty, first, now).state == "incomplete"
        assert judge(duty, first + bare, now).state == "incomplete"
        done = judge(duty, second + first + bare, now)
        assert done.state == "on_time"
        assert done.fulfilled_at == at("2020-09-01T09:00")
        late = self.filed("2021-01-02T09:00", document="3/BC")
        assert judge(duty, first + late, now).state == "late"
