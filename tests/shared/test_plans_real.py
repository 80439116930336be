"""What the five plans that ship with the project order."""

from datetime import date, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from shared.clock import VN
from shared.plans import Duty, Plan, alerts, deliveries, duties, judge, load_plan, read_plan
from shared.units import UnitRegistry
from shared.working_days import WorkingDays

DEPLOY = Path(__file__).parents[2] / "deploy"
REGISTRY = UnitRegistry.load(DEPLOY / "units")
FILES = sorted((DEPLOY / "plans").glob("*.yaml"))
DAYS = WorkingDays.load(DEPLOY / "calendar")
END = date(2026, 1, 1)


def plan(name: str) -> Plan:
    return read_plan((DEPLOY / "plans" / f"{name}.yaml").read_bytes(), registry=REGISTRY)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=VN)


def owed(of: Plan, obligation: str, unit: str, period: str) -> Duty:
    return next(
        duty
        for duty in duties(of, END, DAYS)
        if (duty.obligation, duty.unit, duty.period) == (obligation, unit, period)
    )


def test_there_are_five() -> None:
    assert [path.stem for path in FILES] == [
        "binh-phuoc-youth-2020",
        "duc-tho-2020",
        "quang-tri-mscore-2020",
        "quang-tri-rthome-2019",
        "to-tung-2023",
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_loads_under_its_own_name_and_says_only_what_the_document_leaves(path: Path) -> None:
    found, faults = load_plan(path.read_bytes(), registry=REGISTRY)
    assert found is not None
    assert found.plan == path.stem
    # Bình Phước orders "at least 3,000" and "more than 200" side by side.
    left = {"undecided"} | ({"mixed_comparison"} if path.stem.startswith("binh") else set())
    assert {(fault.severity, fault.code) for fault in faults} <= {
        ("warning", code) for code in left
    }
    assert found.contact is not None


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_canonical_form_is_the_same_plan(path: Path) -> None:
    first = read_plan(path.read_bytes(), registry=REGISTRY)
    again = read_plan(first.canonical(), registry=REGISTRY)
    assert again.canonical() == first.canonical()
    assert again.digest() == first.digest()
    assert duties(again, END, DAYS) == duties(first, END, DAYS)


class TestQuangTriRtHome:
    """636/CV/TĐTN-TTNTH of 2019-08-05."""

    plan = plan("quang-tri-rthome-2019")

    def test_the_quotas(self) -> None:
        day = date(2019, 9, 1)
        units = self.plan.target_units("installs")
        quotas = {unit: self.plan.target_for("installs", unit, day) for unit in units}
        values = {unit: bound.value for unit, bound in quotas.items() if bound}
        assert len(values) == 10
        assert values.pop("465") == values.pop("467") == 50
        assert set(values.values()) == {100}
        assert sum(values.values()) + 100 == 900
        assert self.plan.target_for("installs", "471", day) is None

    def test_a_hundred_is_enough_and_ninety_nine_is_not(self) -> None:
        bound = self.plan.target_for("installs", "461", date(2019, 9, 1))
        assert bound is not None
        assert bound.met(100) is True
        assert bound.met(99) is False

    def test_the_stipend_at_full_quota(self) -> None:
        stipend = self.plan.indicators["installs"].stipend
        assert stipend is not None
        assert (stipend.currency, stipend.beyond_target) == ("VND", "hold")
        assert stipend.amount * 900 == 27_000_000

    @pytest.mark.parametrize(
        ("app", "result", "counts"),
        [("rtHome", "succeeded", True), ("rtHome", "failed", False), ("other", "succeeded", False)],
    )
    def test_what_counts(self, app: str, result: str, counts: bool) -> None:
        measure = self.plan.indicators["installs"].measure
        data = {"app": app, "result": result}
        assert measure.counts("motcua.install.recorded.v1", data) is counts
        assert not measure.counts("motcua.list.delivered.v1", data)

    def test_a_machine_counts_once_else_its_citizen(self) -> None:
        measure = self.plan.indicators["installs"].measure
        assert measure.key({"device": "d", "citizen": "c"}) == "device:d"
        assert measure.key({"device": None, "citizen": "c"}) == "citizen:c"
        assert measure.key({}) is None

    def test_the_list_is_due_before_the_eighth(self) -> None:
        duty = owed(self.plan, "installer-list", "QTR-DOAN-461", "once")
        assert duty.due == at("2019-08-08T00:00")
        assert duty.expected_rows == 8
        assert len([d for d in duties(self.plan, END) if d.obligation == "installer-list"]) == 9
        data = {"unit": "QTR-DOAN-461", "list": "installers", "rows": 8}
        late = deliveries(self.plan, "motcua.list.delivered.v1", data, at("2019-08-08T00:00"))
        good = deliveries(self.plan, "motcua.list.delivered.v1", data, at("2019-08-07T23:59:59"))
        few = deliveries(
            self.plan, "motcua.list.delivered.v1", data | {"rows": 7}, at("2019-08-07T10:00")
        )
        now = at("2019-09-01T00:00")
        assert judge(duty, late, now).state == "late"
        assert judge(duty, good, now).state == "on_time"
        assert judge(duty, few, now).state == "incomplete"
        assert judge(duty, few, now).rows == 7
        assert judge(duty, few, at("2019-08-07T11:00")).state == "not_due"
        assert judge(duty, [*few, *late], now).state == "late"
        assert judge(duty, [], now).state == "missing"

    def test_the_monthly_report_is_never_late_while_its_day_is_undecided(self) -> None:
        duty = owed(self.plan, "monthly-report", "QTR-DOAN-465", "2019-08")
        assert duty.undecided
        assert duty.owed_to == ("QTR-HDND", "QTR-BQLDA")
        assert judge(duty, [], at("2030-01-01T00:00")).state == "not_due"
        assert alerts(self.plan, duty) == []
        data = {
            "unit": "QTR-DOAN-465",
            "plan": self.plan.plan,
            "obligation": "monthly-report",
            "period": "2019-08",
        }
        filed = deliveries(self.plan, "motcua.report.filed.v1", data, at("2020-09-30T00:00"))
        judgement = judge(duty, filed, at("2021-01-01T00:00"))
        assert judgement.state == "not_due", "no day says that it was in time"
        assert judgement.fulfilled_at == at("2020-09-30T00:00")
        other = data | {"plan": "quang-tri-mscore-2020"}
        assert not deliveries(self.plan, "report.filed", other, at("2020-09-30T00:00"))


class TestQuangTriMScore:
    """43/HĐND-TH of 2020-02-11."""

    plan = plan("quang-tri-mscore-2020")

    def hand_in(self, when: str, **more: Any) -> list[Any]:
        data = {"unit": "QTR-BVDK", "list": "patients", "rows": 412, "period": "2019-12"} | more
        return deliveries(self.plan, "motcua.list.delivered.v1", data, at(when))

    @pytest.mark.parametrize(
        ("when", "state"),
        [
            ("2020-01-04T16:00", "on_time"),
            ("2020-01-04T23:59:59.999999", "on_time"),
            ("2020-01-05T00:00", "late"),
            ("2020-01-05T08:00", "late"),
        ],
    )
    def test_before_the_fifth_leaves_the_fifth_out(self, when: str, state: str) -> None:
        duty = owed(self.plan, "patient-lists", "QTR-BVDK", "2019-12")
        assert judge(duty, self.hand_in(when), at("2020-03-01T00:00")).state == state

    def test_a_sunday_does_not_move_the_day(self) -> None:
        due = owed(self.plan, "patient-lists", "QTR-BVDK", "2019-12").due
        assert due is not None
        assert due.weekday() == 6

    def test_hospital_and_nine_health_centres_owe_patient_lists(self) -> None:
        month = [
            duty
            for duty in duties(self.plan, END, DAYS)
            if duty.obligation == "patient-lists" and duty.period == "2020-06"
        ]
        assert len(month) == 10
        assert {duty.owed_to for duty in month} == {("RTA",)}
        assert {duty.due for duty in month} == {at("2020-07-05T00:00")}

    def test_what_was_missed_may_be_made_up_but_stays_late(self) -> None:
        late = {"QTR-TTYT-464", "QTR-TTYT-466", "QTR-TTYT-469", "QTR-TTYT-470"}
        found = {
            (duty.unit, duty.period)
            for duty in duties(self.plan, END, DAYS)
            if duty.makeup == at("2020-02-13T00:00")
        }
        assert found == {(unit, period) for unit in late for period in ("2019-12", "2020-01")}
        duty = owed(self.plan, "patient-lists", "QTR-TTYT-464", "2019-12")
        made_up = self.hand_in("2020-02-12T10:00", unit="QTR-TTYT-464")
        assert judge(duty, made_up, at("2020-03-01T00:00")).state == "late"

    def test_a_list_without_a_month_counts_for_the_month_before(self) -> None:
        assert self.hand_in("2020-03-04T10:00", period=None)[0].period == "2020-02"
        assert self.hand_in("2020-01-04T10:00", period=None)[0].period == "2019-12"

    def test_client_lists_have_no_day(self) -> None:
        found = [duty for duty in duties(self.plan, END) if duty.obligation == "client-lists"]
        assert found
        assert all(duty.undecided for duty in found)

    def test_survey_modes_are_never_pooled_in_health(self) -> None:
        phone = self.plan.indicators["health-surveys-phone"].measure
        assert phone.counts("survey.completed", {"domain": "health", "mode": "phone"})
        assert not phone.counts("survey.completed", {"domain": "health", "mode": "tablet"})
        assert self.plan.period_of("health-surveys-phone", date(2020, 3, 31)) == "2020-Q1"

    def test_reminders_come_on_working_mornings_and_go_up_when_late(self) -> None:
        duty = owed(self.plan, "patient-lists", "QTR-BVDK", "2019-12")
        remind, escalate = alerts(self.plan, duty, DAYS)
        assert (remind.kind, remind.at, remind.to) == (
            "remind", at("2020-01-02T08:00"), ("QTR-BVDK",),
        )  # fmt: skip
        assert (escalate.at, escalate.to) == (at("2020-01-06T08:00"), ("QTR-SYT", "QTR-HDND"))


class TestToTung:
    """52/KH-UBND of 2023-03-14."""

    plan = plan("to-tung-2023")

    def test_more_than_thirty_per_cent_is_not_thirty(self) -> None:
        bound = self.plan.target_for("online-share", "23665", date(2023, 12, 31))
        assert bound is not None
        assert bound.comparison == ">"
        assert bound.met(30, 100) is False
        assert bound.met(301, 1000) is True
        assert bound.met(0, 0) is None

    def test_it_rises_by_points_each_later_year(self) -> None:
        bound = self.plan.target_for("online-share", "23665", date(2024, 5, 1))
        assert bound is not None
        assert bound.value == Fraction(40, 100)

    def test_all_dossiers_received_are_the_denominator(self) -> None:
        over = self.plan.indicators["online-share"].denominator
        assert over is not None
        assert over.counts("dossier.received", {"channel": "post", "authority": "district"})

    def test_the_review_comes_after_twelve_months(self) -> None:
        duty = owed(self.plan, "review", "23665", "once")
        assert duty.day == date(2024, 3, 14)
        assert duty.inclusive

    def test_the_citizen_is_told_of_the_result(self) -> None:
        assert ("dossier.result_ready", ["citizen"], "sms") in [
            (notice.when, notice.to, notice.channel) for notice in self.plan.notices
        ]


class TestDucTho:
    """2440/UBND-VH of 2020-09-30."""

    plan = plan("duc-tho-2020")

    def test_the_targets(self) -> None:
        day = date(2020, 10, 1)
        dossiers = self.plan.target_for("commune-district-dossiers", "18229", day)
        share = self.plan.target_for("commune-online-share", "18229", day)
        department = self.plan.target_for("department-online-share", "DT-TNMT", day)
        assert dossiers is not None
        assert share is not None
        assert department is not None
        assert dossiers.met(20)
        assert not dossiers.met(19)
        assert share.met(25, 100)
        assert not share.met(249, 1000)
        assert department.met(3, 10)
        assert not department.met(299, 1000)
        assert len(self.plan.target_units("commune-online-share")) == 16
        assert len(self.plan.target_units("department-online-share")) == 12

    def test_a_district_dossier_counts_for_the_commune_it_is_credited_to(self) -> None:
        indicator = self.plan.indicators["commune-district-dossiers"]
        day = date(2020, 9, 14)
        credited = indicator.unit_of({"unit": "440", "credited_unit": "18229"})
        assert credited == "18229"
        assert self.plan.attribute("commune-district-dossiers", credited, day) == "18229"
        assert indicator.unit_of({"unit": "440", "credited_unit": None}) == "440"
        assert self.plan.attribute("commune-district-dossiers", "440", day) is None

    def test_lists_not_yet_given_let_every_procedure_count(self) -> None:
        measure = self.plan.indicators["commune-online-share"].measure
        data = {"authority": "commune", "channel": "online", "procedure": "1.005129"}
        assert measure.counts("dossier.received", data, self.plan.lists)
        given = self.plan.lists | {"duc-tho-commune-40": ["2.000815"]}
        assert not measure.counts("dossier.received", data, given)

    def test_a_miss_costs_points_that_the_document_does_not_name(self) -> None:
        assert len(self.plan.penalties) == 3
        assert {penalty.points for penalty in self.plan.penalties} == {"undecided"}


class TestBinhPhuoc:
    """55-KH/HĐTĐN of 2020."""

    plan = plan("binh-phuoc-youth-2020")

    def test_the_targets_are_the_districts(self) -> None:
        day = date(2020, 7, 1)
        supported = self.plan.target_for("dossiers-supported", "BP-HD", day)
        trained = self.plan.target_for("members-trained", "BP-HD", day)
        cadres = self.plan.target_for("cadres-trained", "BP-HD", day)
        assert supported is not None
        assert trained is not None
        assert cadres is not None
        assert supported.met(3000)
        assert not trained.met(200)
        assert trained.met(201)
        assert cadres.met(40, 40)
        assert not cadres.met(39, 40)
        assert self.plan.attribute("dossiers-supported", "BP-HD-01", day) == "BP-HD"
        assert self.plan.attribute("reached", "BP-HD-01", day) == "BP-HD-01"

    def test_a_member_trained_twice_is_one_member(self) -> None:
        for name in ("members-trained", "core-members"):
            measure = self.plan.indicators[name].measure
            first, again = ({"member": "BP-HD-01-07", "people": 1} for _ in range(2))
            assert measure.key(first) == measure.key(again) == "member:BP-HD-01-07"
            assert measure.key({"member": "BP-HD-01-08", "people": 1}) != measure.key(first)

    def test_visits_are_summed(self) -> None:
        measure = self.plan.indicators["guided"].measure
        assert measure.counts("activity.recorded", {"kind": "guided"})
        assert measure.amount({"people": 14}) == 14
        assert self.plan.period_of("guided", date(2020, 7, 14)) == "2020-07-14"

    @pytest.mark.parametrize(
        ("when", "state"), [("2020-07-14T16:58", "on_time"), ("2020-07-14T17:00", "late")]
    )
    def test_the_daily_report_is_due_before_five(self, when: str, state: str) -> None:
        duty = owed(self.plan, "daily-report", "BP-HD-01", "2020-07-14")
        data = {
            "unit": "BP-HD-01",
            "plan": self.plan.plan,
            "obligation": "daily-report",
            "period": "2020-07-14",
        }
        filed = deliveries(self.plan, "motcua.report.filed.v1", data, at(when))
        assert len(filed) == 1
        assert judge(duty, filed, at("2020-07-15T00:00")).state == state

    def test_no_daily_report_on_a_day_off(self) -> None:
        days = {d.period for d in duties(self.plan, END, DAYS) if d.obligation == "daily-report"}
        assert "2020-07-12" not in days
        assert "2020-09-02" not in days
        assert "2020-07-13" in days

    def test_the_other_reports(self) -> None:
        assert owed(self.plan, "monthly-report", "BP-HD-02", "2020-07").due == at(
            "2020-07-25T00:00"
        )
        assert owed(self.plan, "yearly-report", "BP-HD-02", "once").due == at("2020-11-30T00:00")
