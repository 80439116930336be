"""Versions of a plan: each judges the events of its own days, and the past stays as it was."""

import datetime

import pytest

from tests.builders import event, install
from tests.instance import instance
from tests.quota.plans import apply, counted, progress, small


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with instance(tmp_path_factory.mktemp("versions")) as made:
        for name in ("intake", "quota"):
            made.start(name)
        for name in ("intake", "quota"):
            made.wait_ready(name)
        sent = [install(n, "461") for n in range(3)]
        sent += [
            event(
                "install.recorded", f"october-{n}", f"2019-10-0{n + 1}T09:00:00+07:00",
                unit="461", app="rtHome", installer="461-01", device=f"october-{n}",
                place="home", result="succeeded",
            )
            for n in range(2)
        ]  # fmt: skip
        assert {result["status"] for result in made.post(sent)} == {"accepted"}
        made.settle(("quota",))
        yield made


def states(running, plan):
    rows = progress(running, plan, unit="461")
    return {
        period: (row["numerator"], row["target"], row["state"], row["version"])
        for (_, _, period), row in rows.items()
        if period in ("2019-09", "2019-10")
    }


FIRST = {"2019-09": (3, 3, "met", 1), "2019-10": (2, 3, "missed", 1)}


def test_a_later_version_leaves_the_past_alone_unless_asked(running):
    plan = small(plan="past")
    stricter = counted(plan, target={"for": ["461", "462"], "at_least": 4})
    first = apply(running, plan)
    assert (first["version"], first["effective_from"]) == (1, "2019-08-05")
    assert states(running, "past") == FIRST
    before = progress(running, "past")

    second = apply(running, stricter)
    today = datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=7))).date()
    assert (second["version"], second["effective_from"]) == (2, today.isoformat())
    assert [warning["code"] for warning in second["warnings"]] == ["no_effect"]
    assert states(running, "past") == FIRST

    third = apply(running, stricter, restate=True)
    assert (third["version"], third["changed"]) == (3, True)
    assert third["effective_from"] == "2019-08-05"
    assert states(running, "past") == {
        "2019-09": (3, 4, "missed", 2),
        "2019-10": (2, 4, "missed", 2),
    }
    assert apply(running, stricter, restate=True)["changed"] is False

    back = apply(running, plan)
    assert (back["version"], back["changed"]) == (4, True)
    assert progress(running, "past") == before
    assert apply(running, plan)["changed"] is False


def test_effective_from_divides_the_days(running):
    plan = small(plan="divided")
    apply(running, plan)
    before = progress(running, "divided")
    easier = counted(plan, target={"for": ["461", "462"], "at_least": 2})
    answer = apply(running, easier | {"effective_from": "2019-10-01"})
    assert answer["effective_from"] == "2019-10-01"
    assert states(running, "divided") == {
        "2019-09": (3, 3, "met", 1),
        "2019-10": (2, 2, "met", 2),
    }
    shown = running.get("quota", "/v1/plans/divided")
    assert shown["history"] == [
        {"version": 1, "effective_from": "2019-08-05"},
        {"version": 2, "effective_from": "2019-10-01"},
    ]
    apply(running, plan)
    assert progress(running, "divided") == before


def test_a_key_counts_once_across_versions_with_another_filter(running):
    plan = counted(small(plan="filtered"), period="whole")
    apply(running, plan)
    assert progress(running, "filtered")["installs", "461", "whole"]["numerator"] == 5
    at_home = counted(plan, where={"result": "succeeded", "place": "public"})
    apply(running, at_home | {"effective_from": "2019-10-02"})
    row = progress(running, "filtered")["installs", "461", "whole"]
    assert row["numerator"] == 4, "of October only the 1st is judged by version 1"
    assert row["version"] == 2


def test_dry_run_shows_the_difference_and_stores_nothing(running):
    plan = small(plan="dry")
    apply(running, plan)
    changed = counted(plan, target={"for": ["461"], "at_least": 7})
    answer = apply(running, changed, status=200, dry_run=True)
    assert answer["changed"] is True
    assert {(each["path"], str(each["old"]), str(each["new"])) for each in answer["diff"]} == {
        ("/indicators/installs/target/at_least", "3", "7"),
        ("/indicators/installs/target/for/1", "462", "None"),
    }
    assert any("7" in line for line in answer["sentences"]["added"])
    assert running.get("quota", "/v1/plans/dry")["versions"] == [1]
    assert apply(running, plan, dry_run=True)["diff"] == []


def test_a_refused_plan_leaves_nothing(running):
    plan = counted(small(plan="refused"), target={"for": ["461", "999999"], "at_least": -1})
    answer = apply(running, plan, status=422)
    assert {fault["pointer"] for fault in answer["errors"]} >= {
        "/indicators/installs/target/for/1",
        "/indicators/installs/target/at_least",
    }
    assert running.http.get(running.url("quota", "/v1/plans/refused")).status_code == 404


def test_control_characters_are_refused(running):
    answer = apply(running, small(plan="nul", title="a\0b"), status=422)
    assert answer["errors"][0]["code"] == "control_character"
