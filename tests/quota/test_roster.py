"""The duty roster: half days planned, due, covered."""

import csv
import io

import pytest

from tests.builders import event
from tests.instance import instance

CSV = """unit,day,session,member
BP-HD,2020-03-02,am,BP-HD-001
BP-HD,2020-03-02,pm,BP-HD-002
BP-HD-01,2020-03-02,am,BP-01-001
BP-HD-01,2020-03-09,am,BP-01-001
BP-HD-01,2020-04-01,pm,BP-01-001
BP-HD-01,2020-04-01,pm,BP-01-002
"""


def duty(id, unit, time, member):
    return event(
        "activity.recorded", id, time, unit=unit, team="T1", member=member, kind="duty", people=1
    )


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with instance(tmp_path_factory.mktemp("roster")) as made:
        for name in ("intake", "quota"):
            made.start(name)
        for name in ("intake", "quota"):
            made.wait_ready(name)
        sent = [
            duty("d1", "BP-HD", "2020-03-02T11:59:59+07:00", "BP-HD-009"),
            duty("d2", "BP-HD-01", "2020-03-02T12:00:00+07:00", "BP-01-001"),
            duty("d3", "BP-HD-01", "2020-03-09T07:30:00+07:00", "BP-01-001"),
            duty("d4", "BP-HD-01", "2020-04-01T14:00:00+07:00", "BP-01-002"),
            event("record.voided", "v", "2020-04-02T08:00:00+07:00", of_source="/test",
                  of_id="d4", reason="nhập nhầm"),
        ]  # fmt: skip
        assert {result["status"] for result in made.post(sent)} == {"accepted"}
        made.settle(("quota",))
        answer = made.http.put(
            made.url("quota", "/v1/roster"), content=CSV, headers={"Content-Type": "text/csv"}
        )
        assert answer.status_code == 200, answer.text
        assert answer.json() == {"sessions": 5, "members": 6}
        yield made


def ask(running, **asked):
    asked = {"from": "2020-03-01", "to": "2020-04-30"} | asked
    return running.get("quota", "/v1/roster", **asked)


def test_a_half_day_is_covered_by_whoever_of_the_unit_came(running):
    found = ask(running)
    states = {(r["unit"], r["day"], r["session"]): r["state"] for r in found["rows"]}
    assert states == {
        ("BP-HD", "2020-03-02", "am"): "covered",
        ("BP-HD", "2020-03-02", "pm"): "covered",
        ("BP-HD-01", "2020-03-02", "am"): "uncovered",
        ("BP-HD-01", "2020-03-09", "am"): "covered",
        ("BP-HD-01", "2020-04-01", "pm"): "uncovered",
    }
    assert found["total"] == {"planned": 5, "due": 5, "covered": 3, "uncovered": 2}
    (last,) = ask(running, **{"from": "2020-04-01"})["rows"]
    assert last["planned"] == ["BP-01-001", "BP-01-002"]


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("day", [("2020-03-02", 1, 0), ("2020-03-09", 1, 1), ("2020-04-01", 1, 0)]),
        ("week", [("2020-W10", 1, 0), ("2020-W11", 1, 1), ("2020-W14", 1, 0)]),
        ("month", [("2020-03", 2, 1), ("2020-04", 1, 0)]),
    ],
)
def test_sums(running, by, expected):
    rows = ask(running, by=by, unit="BP-HD-01")["rows"]
    assert [(row["period"], row["due"], row["covered"]) for row in rows] == expected


def test_what_is_still_to_come_is_neither(running):
    coming = {"unit": "QTR-TTHCC", "day": "2999-01-05", "session": "am", "member": "x-1"}
    running.http.put(running.url("quota", "/v1/roster"), json={"sessions": [coming]})
    found = ask(running, **{"from": "2999-01-01", "to": "2999-01-31"})
    assert found["total"] == {"planned": 1, "due": 0, "covered": 0, "uncovered": 0}


def test_a_new_list_replaces_the_days_that_it_names(running):
    def put(*sessions, **asked):
        answer = running.http.put(
            running.url("quota", "/v1/roster"), json={"sessions": list(sessions)}, params=asked
        )
        assert answer.status_code == 200, answer.text

    first = {"unit": "BP-HD-02", "day": "2020-05-04", "session": "am", "member": "a"}
    second = first | {"day": "2020-05-05"}
    may = {"from": "2020-05-01", "to": "2020-05-31"}
    put(first, second)
    put(first | {"member": "b"})
    assert [row["planned"] for row in ask(running, **may)["rows"]] == [["b"], ["a"]]
    put(first | {"member": "c"}, **may)
    assert [row["planned"] for row in ask(running, **may)["rows"]] == [["c"]]


def test_faults_and_forms(running):
    wrong = [{"unit": "0", "day": "2020-13-01", "session": "night", "member": "0900000001"}]
    answer = running.http.put(running.url("quota", "/v1/roster"), json={"sessions": wrong})
    assert answer.status_code == 422
    assert {fault["pointer"] for fault in answer.json()["errors"]} == {
        f"/sessions/0/{name}" for name in ("unit", "day", "session", "member")
    }
    asked = {"from": "2020-03-01", "to": "2020-03-31"}
    printed = running.http.get(running.url("quota", "/v1/roster"), params=asked | {"format": "pdf"})
    assert printed.content.startswith(b"%PDF")
    table = running.http.get(running.url("quota", "/v1/roster"), params=asked | {"format": "csv"})
    rows = list(csv.DictReader(io.StringIO(table.content.decode("utf-8-sig"))))
    assert [row["state"] for row in rows] == ["covered", "uncovered", "covered", "covered"]
    for asked_of in ("9999-12-01", "0001-01-01"):
        answer = running.http.get(running.url("quota", "/v1/roster"), params={"from": asked_of})
        assert answer.status_code == 422
    far = running.http.get(
        running.url("quota", "/v1/roster"), params={"from": "2020-01-01", "to": "2023-01-01"}
    )
    assert far.status_code == 422
    made = running.http.post(
        running.url("intake", "/v1/keys"),
        json={"name": "bound", "scopes": ["reports:read", "plans:write"], "units": ["BP-HD-01"]},
    ).json()
    bound = {"Authorization": f"Bearer {made['key']}"}
    seen = running.http.get(running.url("quota", "/v1/roster"), params=asked, headers=bound).json()
    assert {row["unit"] for row in seen["rows"]} == {"BP-HD-01"}
    other = {"unit": "BP-HD", "day": "2020-06-01", "session": "am", "member": "a"}
    answer = running.http.put(
        running.url("quota", "/v1/roster"), json={"sessions": [other]}, headers=bound
    )
    assert answer.status_code == 403


def test_who_is_planned_below_covers_the_place_below_only(running):
    day = {"day": "2020-03-09", "session": "am", "member": "BP-HD-001"}
    sessions = [{"unit": "BP-HD", **day}]
    running.http.put(running.url("quota", "/v1/roster"), json={"sessions": sessions})
    rows = ask(running, **{"from": "2020-03-09", "to": "2020-03-09"})["rows"]
    assert {row["unit"]: row["state"] for row in rows} == {
        "BP-HD": "uncovered",
        "BP-HD-01": "covered",
    }
