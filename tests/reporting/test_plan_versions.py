"""Reports judge each deadline, period and event by the version of the plan in force at its time."""

import pytest

from tests.builders import event, install, submitted
from tests.instance import instance, wait_for
from tests.quota.plans import apply

FIRST = {
    "plan": "hai-ban",
    "title": "Kế hoạch hai bản",
    "issued": {"number": "1/KH"},
    "runs": {"from": "2019-08-05", "to": "2020-12-31"},
    "indicators": {
        "installs": {
            "count": "install.recorded",
            "where": {"result": "succeeded"},
            "once_per": ["device"],
            "period": "month",
            "target": {"for": ["461", "462"], "at_least": 4},
        },
        "online": {
            "ratio": {
                "of": {"count": "dossier.received", "where": {"channel": "online"}},
                "over": {"count": "dossier.received"},
            },
            "target": {"for": ["461", "462"], "at_least": "50%"},
        },
    },
    "obligations": {
        "lists": {
            "owed_by": ["461", "462"],
            "owed_to": "RTA",
            "due": {
                "every": "month",
                "day": 5,
                "for": "previous month",
                "periods": {"from": "2019-08", "to": "2019-10"},
            },
            "fulfilled_by": {"event": "list.delivered", "where": {"list": "clients"}},
        },
        "paper": {
            "owed_by": ["461"],
            "owed_to": "RTA",
            "due": {"day": "undecided"},
            "fulfilled_by": {"event": "report.filed"},
        },
    },
    "penalties": [
        {"when": {"obligation": "lists", "state": "late"}, "points": 2},
        {"when": {"indicator": "installs", "state": "missed"}, "points": 1},
    ],
}
SECOND_FROM = "2019-10-01"


def second():
    """Five days more, more points for who is late, half as many installs, a higher share."""
    made = FIRST | {"effective_from": SECOND_FROM}
    lists = FIRST["obligations"]["lists"]
    made["obligations"] = FIRST["obligations"] | {
        "lists": lists | {"due": lists["due"] | {"day": 10}}
    }
    made["penalties"] = [
        {"when": {"obligation": "lists", "state": "late"}, "points": 7},
        {"when": {"indicator": "installs", "state": "missed"}, "points": 1},
    ]
    kept = FIRST["indicators"]
    online = kept["online"] | {"target": {"for": ["461", "462"], "at_least": "60%"}}
    installs = kept["installs"] | {"target": {"for": ["461", "462"], "at_least": 2}}
    made["indicators"] = {"installs": installs, "online": online}
    return made


def delivered(unit, month, day):
    return event(
        "list.delivered", f"list-{unit}-{month}", f"{day}T09:00:00+07:00",
        unit=unit, list="clients", period=month, rows=5,
    )  # fmt: skip


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with instance(tmp_path_factory.mktemp("two-versions")) as made:
        made.start_all()
        sent = [
            delivered("461", "2019-08", "2019-09-07"),
            delivered("461", "2019-09", "2019-10-07"),
            delivered("461", "2019-10", "2019-11-12"),
            delivered("462", "2019-08", "2019-09-04"),
            event("report.filed", "paper", "2019-09-04T09:00:00+07:00",
                  unit="461", plan="hai-ban", obligation="paper", period="once"),
        ]  # fmt: skip
        sent += [install(n, "461") for n in range(3)]
        sent += [
            event("install.recorded", f"october-{n}", f"2019-10-0{n + 1}T09:00:00+07:00",
                  unit="461", app="rtHome", installer="461-01", device=f"october-{n}",
                  place="home", result="succeeded")
            for n in range(2)
        ]  # fmt: skip
        sent += [
            submitted(f"D-{n}", day="2019-09-10", channel="online" if n < 5 else "counter")
            for n in range(9)
        ]
        assert {result["status"] for result in made.post(sent)} == {"accepted"}
        apply(made, FIRST)
        apply(made, second())
        made.settle()
        yield made


def report(running, name, **asked):
    return running.get("reporting", f"/v1/reports/{name}", **asked)


def duties(running, unit="461"):
    rows = report(running, "timeliness", plan="hai-ban")["rows"]
    return {
        row["period"]: (row["due"], row["state"])
        for row in rows
        if (row["unit"], row["obligation"]) == (unit, "lists")
    }


def test_deadlines_are_those_of_their_time(running):
    assert duties(running) == {
        "2019-08": ("2019-09-05", "late"),
        "2019-09": ("2019-10-10", "on_time"),
        "2019-10": ("2019-11-10", "late"),
    }

    def told():
        rows = running.get("notify", "/v1/deadlines", unit="461", limit=1000)["deadlines"]
        return {
            (row["subject"], row["due_at"], row["state"])
            for row in rows
            if row["subject"].startswith("hai-ban/lists") and row["state"] != "cancelled"
        }

    expected = {
        ("hai-ban/lists/2019-08", "2019-09-04T17:00:00Z", "slipped"),
        ("hai-ban/lists/2019-09", "2019-10-09T17:00:00Z", "met"),
        ("hai-ban/lists/2019-10", "2019-11-09T17:00:00Z", "slipped"),
    }
    wait_for(lambda: told() == expected, 30, lambda: str(told()))


def test_points_are_those_of_their_time(running):
    def standing(unit, **asked):
        rows = report(running, "emulation", plan="hai-ban", **asked)["rows"]
        found = next(row for row in rows if row["unit"] == unit)
        lines = {
            (each["about"], each["points"]): (list(each["periods"]), each["subtotal"])
            for each in found["items"]
        }
        return lines, found["points"]

    months = [f"2020-{month:02}" for month in range(1, 11)]
    late = {("lists", 2): (["2019-08"], -2), ("lists", 7): (["2019-10"], -7)}
    missed = ["2019-08", "2019-09", "2019-11", "2019-12", *months, "2020-11", "2020-12"]
    expected = (late | {("installs", 1): (missed, -16)}, -25)
    wait_for(lambda: standing("461") == expected, 30, lambda: str(standing("461")))
    # Only the periods that end in the days asked for count.
    assert standing("461", **{"from": "2019-11-01", "to": "2019-11-30"}) == (
        {("lists", 7): (["2019-10"], -7), ("installs", 1): (["2019-11"], -1)},
        -8,
    )
    assert standing("461", **{"from": "2019-09-01", "to": "2019-09-29"}) == (
        {("lists", 2): (["2019-08"], -2)},
        -2,
    )
    assert standing("462", to="2019-08-30") == ({}, 0)


def test_targets_are_those_of_the_last_day_asked_for(running):
    def quota(**asked):
        rows = report(running, "installs", **asked)["rows"]
        return next((row["counted"], row["quota"]) for row in rows if row["unit"] == "461")

    assert quota(**{"from": "2019-09-01", "to": "2019-09-30"}) == (3, 4)
    assert quota(**{"from": "2019-10-01", "to": "2019-10-31"}) == (2, 2)

    def share(to):
        rows = report(running, "online-share", **{"from": "2019-09-01", "to": to})["rows"]
        return next((row["target"], row["online"], row["total"]) for row in rows)

    assert share("2019-09-30") == (0.5, 5, 9)
    assert share("2019-10-01") == (0.6, 5, 9)


def test_a_duty_without_a_day_is_shown_and_in_no_rate(running):
    answer = report(running, "timeliness", plan="hai-ban")
    row = next(row for row in answer["rows"] if row["obligation"] == "paper")
    assert (row["due"], row["state"], row["undecided"]) == (None, "not_due", True)
    assert row["fulfilled_at"] == "2019-09-04T09:00:00+07:00"
    rates = {each["obligation"]: each for each in answer["by_obligation"]}
    assert (rates["paper"]["judged"], rates["paper"]["rate"]) == (0, None)
    assert rates["paper"]["undecided"] == 1
    lists = rates["lists"]
    assert (lists["on_time"], lists["late"], lists["missing"], lists["judged"]) == (2, 2, 2, 6)
    assert answer["total"]["judged"] == 6


def faults(running, service, path, **asked):
    answer = running.http.get(running.url(service, path), params=asked)
    assert answer.status_code == 422, answer.text
    return {each["pointer"]: (each["code"], each["message"]) for each in answer.json()["errors"]}


@pytest.mark.parametrize("report", ["timeliness", "scorecard", "emulation", "installs"])
def test_reports_refuse_what_cannot_be_and_warn_of_names_not_heard_of(running, report):
    path = f"/v1/reports/{report}"
    found = faults(running, "reporting", path, unit="46l", **{"from": "x"})
    assert {pointer: code for pointer, (code, _) in found.items()} == {
        "/unit": "unknown_unit",
        "/from": "not_a_date",
    }
    told = running.get("reporting", path, plan="hai-bna", indicator="instals", obligation="listes")[
        "warnings"
    ]
    assert {each["pointer"]: each["code"] for each in told} == {
        "/plan": "unknown_plan",
        "/indicator": "unknown_indicator",
        "/obligation": "unknown_obligation",
    }
    said = {each["pointer"]: each["message"] for each in told}
    assert "hai-ban" in said["/plan"]
    assert "installs" in said["/indicator"]
    assert "lists" in said["/obligation"]


def test_timeliness_of_one_duty(running):
    rows = report(running, "timeliness", obligation="paper")["rows"]
    assert [row["obligation"] for row in rows] == ["paper"]


@pytest.mark.parametrize(
    ("path", "asked", "wrong"),
    [
        ("/v1/progress", {"unit": "nope", "as_of": "x"}, {"/unit", "/as_of"}),
        ("/v1/progress", {"unit": "nope", "plan": "nope", "indicator": "nope"},
         {"/unit", "/plan", "/indicator"}),
        ("/v1/progress", {"plan": "hai-ban", "indicator": "paper"}, {"/indicator"}),
        ("/v1/progress", {"period": "2019-13", "state": "x", "plan": "nope", "limit": 0},
         {"/period", "/state", "/plan", "/limit"}),
        ("/v1/stipends", {"plan": "nope", "unit": "nope", "by": "x"}, {"/plan", "/unit", "/by"}),
        ("/v1/stipends/ledger", {"unit": "nope", "limit": 0}, {"/unit", "/limit"}),
        ("/v1/stipends/installs", {"plan": "nope", "unit": "nope"}, {"/plan", "/unit"}),
        ("/v1/stipends/flags", {"plan": "nope", "unit": "nope", "reason": "x"},
         {"/plan", "/unit", "/reason"}),
        ("/v1/stipends/runs", {"plan": "nope", "limit": 0}, {"/plan", "/limit"}),
        ("/v1/stipends/unassigned", {"plan": "nope", "unit": "nope"}, {"/plan", "/unit"}),
        ("/v1/roster", {"unit": "nope", "from": "2020-02-01", "to": "2020-01-01"},
         {"/unit", "/to"}),
        ("/v1/people", {"unit": "nope", "at": "x"}, {"/unit", "/at"}),
    ],
)  # fmt: skip
def test_quota_names_every_fault_of_a_query_at_once(running, path, asked, wrong):
    assert set(faults(running, "quota", path, **asked)) == wrong


def test_a_name_that_is_nearly_there_is_shown(running):
    code, message = faults(running, "quota", "/v1/progress", plan="hai-bn")["/plan"]
    assert (code, message) == ("unknown_plan", "There is no such plan. The nearest are: hai-ban.")


def test_a_waiver_granted_now_reaches_what_an_earlier_version_ordered(running):
    answer = running.http.post(
        running.url("quota", "/v1/plans/hai-ban/grants"),
        json={"obligation": "lists", "units": ["461"], "periods": ["2019-08"],
              "kind": "waiver", "document": "5/CV"},
    )  # fmt: skip
    assert answer.status_code == 201, answer.text
    wait_for(lambda: duties(running)["2019-08"] == ("2019-09-05", "excused"), 30)
    assert duties(running)["2019-10"] == ("2019-11-10", "late")
