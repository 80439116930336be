"""Events are judged by the units of their own time: a code that went to another unit counts not."""

import pytest

from tests.builders import event, submitted
from tests.instance import instance
from tests.quota.plans import apply, progress

RUNS = {"from": "2025-01-01", "to": "2025-12-31"}


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with instance(tmp_path_factory.mktemp("units")) as made:
        for name in ("intake", "quota"):
            made.start(name)
        for name in ("intake", "quota"):
            made.wait_ready(name)
        yield made


def plan(name, *units, runs=RUNS, **indicator):
    made = {
        "count": "dossier.received",
        "target": {"for": list(units), "at_least": 5},
    } | indicator
    return {
        "plan": name,
        "title": "Hồ sơ qua ngày sáp nhập",
        "issued": {"number": "1"},
        "runs": runs,
        "indicators": {"dossiers": made},
    }


def count(running, name):
    rows = progress(running, name)
    return {(unit, period): row["numerator"] for (_, unit, period), row in rows.items()}


def test_a_code_that_was_given_away_counts_for_its_old_unit_only_until_then(running):
    # 23668 was a commune of Kbang until 2025-07-01, and is another one since: the successor of
    # 23665 and others. The one-stop shop of Quang Tri only changed its province.
    apply(running, plan("old", "23668", "23665", "625", "QTR-TTHCC"))
    apply(running, plan("new", "23668", runs={"from": "2025-07-01", "to": "2025-12-31"}))
    days = {"a": "2025-06-30", "b": "2025-07-01"}
    sent = [
        submitted(f"D-{unit}-{day}", unit=unit, day=days[day], authority="commune")
        for unit, day in (
            ("23668", "a"), ("23668", "b"), ("23665", "a"), ("QTR-TTHCC", "a"), ("QTR-TTHCC", "b"),
            ("23638", "a"), ("23638", "b"),
        )
    ]  # fmt: skip
    assert {result["status"] for result in running.post(sent)} == {"accepted"}
    running.settle(("quota",))
    assert count(running, "old") == {
        ("23668", "whole"): 1,
        ("23665", "whole"): 1,
        ("625", "whole"): 1,
        ("QTR-TTHCC", "whole"): 2,
    }
    assert count(running, "new") == {("23668", "whole"): 1}


def test_a_unit_has_no_results_after_its_end(running):
    apply(running, plan("monthly", "23665", "QTR-TTHCC", period="month"))
    found = count(running, "monthly")
    assert max(period for unit, period in found if unit == "23665") == "2025-06"
    assert max(period for unit, period in found if unit == "QTR-TTHCC") == "2025-12"


def test_what_names_no_unit_to_credit_is_counted_as_missing(running):
    running.apply_plan("duc-tho-2020")
    sent = [
        submitted(f"C-{n}", unit="440", day="2020-05-04", credited_unit=credited)
        for n, credited in enumerate(["18229"] * 20 + ["18235"] * 19)
    ]
    bare = [submitted(f"B-{n}", unit="440", day="2020-05-04") for n in range(3)]
    assert {result["status"] for result in running.post(sent + bare)} == {"accepted"}
    running.settle(("quota",))
    name = "commune-district-dossiers"
    rows = progress(running, "duc-tho-2020", indicator=name)
    found = {unit: rows[name, unit, "whole"] for unit in ("18229", "18235", "18241")}
    assert {unit: (row["numerator"], row["state"]) for unit, row in found.items()} == {
        "18229": (20, "met"),
        "18235": (19, "missed"),
        "18241": (0, "missed"),
    }
    assert {row["missing_unit"] for row in found.values()} == {3}


def test_people_are_counted_once_and_together(running):
    made = {
        "plan": "people",
        "title": "Người được tập huấn",
        "issued": {"number": "1"},
        "runs": {"from": "2020-01-01", "to": "2020-12-31"},
        "indicators": {
            "people": {
                "distinct": {"of": "member", "in": "activity.recorded"},
                "where": {"kind": "trained"},
                "target": {"for": ["BP-HD-01", "BP-HD-02"], "more_than": 2, "together": True},
            }
        },
    }
    apply(running, made)

    def trained(id, unit, member):
        return event(
            "activity.recorded", id, "2020-04-01T08:00:00+07:00", unit=unit, team="T",
            member=member, kind="trained", people=9,
        )  # fmt: skip

    def state():
        ((key, row),) = progress(running, "people").items()
        assert key == ("people", "BP-HD", "whole")
        return row["numerator"], row["comparison"], row["state"]

    running.post([trained("t1", "BP-HD-01", "m1"), trained("t2", "BP-HD-02", "m2"),
                  trained("t3", "BP-HD-02", "m1"), trained("t4", "BP-HD-03", "m9")])  # fmt: skip
    running.settle(("quota",))
    assert state() == (2, ">", "missed")
    running.post([trained("t5", "BP-HD-01", "m3")])
    running.settle(("quota",))
    assert state() == (3, ">", "met")
