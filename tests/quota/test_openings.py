"""Opening figures: counted, marked, and replaced once their period's events arrive."""

import itertools

import pytest

from tests.builders import event, install
from tests.instance import instance
from tests.quota.plans import apply, counted, progress, small


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with instance(tmp_path_factory.mktemp("openings")) as made:
        for name in ("intake", "quota"):
            made.start(name)
        for name in ("intake", "quota"):
            made.wait_ready(name)
        yield made


def total(id, plan, indicator, unit, period, time="2020-01-05T08:00:00+07:00", **figures):
    return event(
        "total.recorded", id, time, plan=plan, indicator=indicator, unit=unit, period=period,
        **figures,
    )  # fmt: skip


def post(running, *events):
    assert {result["status"] for result in running.post(list(events))} <= {"accepted", "duplicate"}
    running.settle(("quota",))


def test_a_month_without_events_counts_its_opening_figure_until_they_come(running):
    apply(running, small(plan="monthly"))
    apply(running, counted(small(plan="whole"), period="whole"))
    for plan in ("monthly", "whole"):
        post(
            running,
            total(f"{plan}-aug", plan, "installs", "461", "2019-08", value=20),
            total(f"{plan}-sep", plan, "installs", "461", "2019-09", value=30),
        )
    rows = progress(running, "monthly", unit="461")
    assert {key[2]: (row["numerator"], row["opening"]) for key, row in rows.items()} == {
        "2019-08": (20, True),
        "2019-09": (30, True),
        "2019-10": (0, False),
        "2019-11": (0, False),
        "2019-12": (0, False),
    }
    row = progress(running, "whole")["installs", "461", "whole"]
    assert (row["numerator"], row["opening"]) == (50, True)

    post(running, install(1, "461"), install(2, "461"))
    rows = progress(running, "monthly", unit="461")
    assert [rows["installs", "461", month]["numerator"] for month in ("2019-08", "2019-09")] == [
        20,
        2,
    ]
    assert rows["installs", "461", "2019-09"]["opening"] is False
    row = progress(running, "whole")["installs", "461", "whole"]
    assert (row["numerator"], row["opening"]) == (22, True)

    voids = [
        event(
            "record.voided", f"void-{n}", "2020-01-06T08:00:00+07:00",
            of_source="/test", of_id=f"install-461-{n}", reason="nhập nhầm",
        )
        for n in (1, 2)
    ]  # fmt: skip
    post(running, *voids)
    row = progress(running, "whole")["installs", "461", "whole"]
    assert (row["numerator"], row["opening"]) == (50, True)


def test_the_newest_figure_counts_whatever_the_order(running):
    figures = [
        ("a", "2020-02-01T08:00:00+07:00", 10),
        ("b", "2020-03-01T08:00:00+07:00", 40),
        ("c", "2020-03-01T08:00:00+07:00", 25),
    ]
    for number, order in enumerate(itertools.permutations(figures)):
        plan = f"order-{number}"
        post(
            running,
            *(
                total(f"{plan}-{id}", plan, "installs", "462", "2019-09", time=time, value=value)
                for id, time, value in order
            ),
        )
        apply(running, small(plan=plan))
        row = progress(running, plan)["installs", "462", "2019-09"]
        assert row["numerator"] == 25


def test_what_only_figures_tell(running):
    running.apply_plan("binh-phuoc-youth-2020")
    plan = "binh-phuoc-youth-2020"

    def row(indicator):
        return progress(running, plan, indicator=indicator)[indicator, "BP-HD", "whole"]

    assert row("cadres-trained")["state"] == "not_applicable"
    assert row("cadres-trained")["actual"] is None
    post(running, total("c1", plan, "cadres-trained", "BP-HD", "2020-06", value=39, denominator=40))
    assert (row("cadres-trained")["numerator"], row("cadres-trained")["state"]) == (39, "missed")
    later = "2020-07-01T08:00:00+07:00"
    post(
        running,
        total("c0", plan, "cadres-trained", "BP-HD", "2020", later, value=40, denominator=40),
        total("p1", plan, "pupils-with-accounts", "BP-HD", "2020-03", value=5, denominator=5),
    )
    made = row("cadres-trained")
    assert (made["numerator"], made["denominator"], made["state"]) == (40, 40, "met")
    assert made["opening"] is False
    post(
        running,
        event("record.voided", "void-c0", later, of_source="/test", of_id="c0", reason="nhập nhầm"),
    )
    assert row("cadres-trained")["numerator"] == 39


def test_figures_that_fit_no_period_count_nowhere(running):
    apply(running, small(plan="odd"))
    post(
        running,
        total("odd-1", "odd", "installs", "461", "2019", value=7),
        total("odd-2", "odd", "installs", "461", "2018-09", value=7),
        total("odd-3", "odd", "installs", "461", "once", value=7),
        total("odd-4", "odd", "nothing", "461", "2019-09", value=7),
        total("odd-5", "odd", "installs", "625", "2019-09", value=7),
    )
    rows = progress(running, "odd")
    assert {row["numerator"] for key, row in rows.items() if key[2] != "2019-09"} == {0}
    assert running.get("quota", "/v1/status")["dead"] == 0
