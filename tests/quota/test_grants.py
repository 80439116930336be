"""Extensions and waivers: part of the plan, heard by the reports."""

import pytest

from tests.builders import event
from tests.instance import instance, wait_for

PLAN = "quang-tri-mscore-2020"
DOCUMENT = "99/HĐND-TH"


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with instance(tmp_path_factory.mktemp("grants")) as made:
        for name in ("intake", "quota", "reporting"):
            made.start(name)
        for name in ("intake", "quota", "reporting"):
            made.wait_ready(name)
        made.apply_plan(PLAN)
        late = event(
            "list.delivered", "march", "2020-04-08T10:00:00+07:00",
            unit="QTR-BVDK", list="patients", period="2020-03", rows=40,
        )  # fmt: skip
        assert made.post([late])[0]["status"] == "accepted"
        made.settle(("quota", "reporting"))
        yield made


def grant(running, status, key=None, **asked):
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    answer = running.http.post(
        running.url("quota", f"/v1/plans/{PLAN}/grants"), json=asked, headers=headers
    )
    assert answer.status_code == status, answer.text
    return answer.json()


def state_of(running, unit, period):
    rows = running.get(
        "reporting", "/v1/reports/timeliness", **{"from": "2020-01-01", "to": "2020-12-31"}
    )["rows"]
    return next(
        row["state"]
        for row in rows
        if (row["unit"], row["period"], row["obligation"]) == (unit, period, "patient-lists")
    )


def test_reports_hear_of_what_was_granted(running):
    assert state_of(running, "QTR-BVDK", "2020-03") == "late"
    assert state_of(running, "QTR-TTYT-464", "2020-03") == "missing"
    waiver = {
        "obligation": "patient-lists", "units": ["QTR-TTYT-464"], "periods": ["2020-03"],
        "kind": "waiver", "document": DOCUMENT,
    }  # fmt: skip
    answer = grant(running, 201, **waiver)
    assert (answer["version"], answer["changed"]) == (2, True)
    assert grant(running, 200, **waiver)["version"] == 2
    extension = waiver | {"units": ["QTR-BVDK"], "kind": "extension", "by": "2020-04-08"}
    assert grant(running, 201, **extension)["version"] == 3
    wait_for(lambda: state_of(running, "QTR-TTYT-464", "2020-03") == "excused")
    wait_for(lambda: state_of(running, "QTR-BVDK", "2020-03") == "on_time")
    assert state_of(running, "QTR-BVDK", "2020-04") == "missing"
    listed = running.get("quota", f"/v1/plans/{PLAN}/grants")["grants"]
    assert [(row["kind"], row["units"], row["document"], row["by"]) for row in listed] == [
        ("extension", ["QTR-BVDK"], DOCUMENT, "2020-04-08"),
        ("waiver", ["QTR-TTYT-464"], DOCUMENT, None),
    ]
    assert running.get("quota", f"/v1/plans/{PLAN}")["history"] == [
        {"version": 3, "effective_from": "2020-01-01"}
    ]


def test_every_fault_at_once(running):
    answer = grant(
        running, 422, obligation="patient-lists", units=["QTR-BVDK", "461", "nobody"],
        periods=["2020-03", "2021-09", "2020"], kind="extension", document="1",
        before="2020-04-08", by="2020-04-09",
    )  # fmt: skip
    assert [fault["pointer"] for fault in answer["errors"]] == [
        "/units/1",
        "/units/2",
        "/periods/1",
        "/periods/2",
        "/before",
    ]
    answer = grant(running, 422, obligation="none", units=[], periods=["2020-03"],
                   kind="gift", document=" ")  # fmt: skip
    assert {fault["pointer"] for fault in answer["errors"]} == {"/units", "/kind", "/document"}
    answer = running.http.post(
        running.url("quota", "/v1/plans/none/grants"),
        json={"obligation": "x", "units": ["461"], "periods": ["2020"], "kind": "waiver",
              "document": "1"},
    )  # fmt: skip
    assert answer.status_code == 404
    made = running.http.post(
        running.url("intake", "/v1/keys"),
        json={"name": "bound", "scopes": ["plans:write"], "units": ["QTR-TTYT-464"]},
    ).json()
    grant(running, 403, made["key"], obligation="patient-lists", units=["QTR-BVDK"],
          periods=["2020-05"], kind="waiver", document="1")  # fmt: skip
