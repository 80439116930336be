"""From every cell to the dossiers behind it, to their events, to a withdrawal; and what units say."""

import random
import unicodedata
from urllib.parse import quote

import httpx
import pytest

from tests.builders import event, install, status, submitted

PERIOD = {"from": "2022-05-01", "to": "2022-05-31"}
FIELDS = ("Đất đai", "Hộ tịch")
FORM = "/v1/reports/bieu-06"


def stories(seed=7, count=60):
    """Dossiers of two units in every state, over three months."""
    chance = random.Random(seed)
    found = []
    for n in range(count):
        code, unit = f"T-{n:03}", chance.choice(("466", "467"))
        day = f"2022-0{chance.choice((4, 4, 5, 5, 6))}-{chance.randint(1, 28):02}"
        due = f"2022-05-{chance.randint(1, 28):02}T17:00:00+07:00"
        more = {"due_at": due} if chance.random() < 0.8 else {}
        channel = chance.choice(("online", "counter"))
        if channel == "counter":
            more["return_by"] = "counter"
        found.append(
            submitted(code, unit, day, field=chance.choice(FIELDS), channel=channel, **more)
        )
        if chance.random() < 0.6:
            at = f"2022-0{chance.choice((5, 5, 6))}-{chance.randint(1, 28):02}T10:00:00+07:00"
            name = chance.choice(("result_ready", "withdrawn", "returned", "supplement_requested"))
            found.append(status(code, name, at, unit))
        if chance.random() < 0.1:
            found.append(
                event("record.voided", f"void-{code}", "2022-06-20T08:00:00+07:00",
                      of_source="/test", of_id=f"{code}-submitted", reason="Nhập nhầm")
            )  # fmt: skip
    return found


@pytest.fixture(scope="module")
def running(office):
    installs = [install(n, "466", device=f"trace-{n}") for n in range(3)]
    for one in installs:
        one["time"] = one["time"].replace("2019-09", "2022-05")
        one["id"] = f"trace-{one['id']}"
    office.post([*stories(), *installs])
    office.settle(("reporting",))
    return office


def behind(running, report, column, row, **asked):
    """The codes of every page behind a cell, three at a time."""
    codes, after = [], ""
    while True:
        page = running.get(
            "reporting",
            f"/v1/reports/{report}/trace",
            column=column,
            limit=3,
            after=after,
            **PERIOD,
            **asked,
            **{f"row.{name}": value for name, value in row.items()},
        )
        codes += [one["code"] for one in page["dossiers"]]
        if page["next"] is None:
            return codes
        after = page["next"]


@pytest.mark.parametrize("by", ["unit", "field"])
def test_behind_each_cell_of_form_06_lie_as_many_dossiers_as_it_says(running, by):
    answer = running.get("reporting", FORM, by=by, unit="45", **PERIOD)
    columns = list(answer["total"])
    assert len(answer["rows"]) == 2
    assert all(answer["total"][column] for column in columns)
    for column in columns:
        whole = []
        for row in answer["rows"]:
            codes = behind(running, "bieu-06", column, {by: row[by]}, by=by, unit="45")
            assert len(codes) == len(set(codes)) == row[column], (column, row)
            whole += codes
        assert sorted(whole) == behind(running, "bieu-06", column, {}, by=by, unit="45")


@pytest.mark.parametrize(
    ("report", "columns"),
    [
        ("on-time", ("on_time", "late", "open_overdue")),
        ("online-share", ("online", "total")),
        ("data-quality", ("dossiers", "missing_phone", "missing_name", "missing_returned_at")),
    ],
)
def test_behind_the_cells_of_other_reports(running, report, columns):
    rows = running.get("reporting", f"/v1/reports/{report}", unit="466", **PERIOD)["rows"]
    for row in rows:
        for column in columns:
            codes = behind(running, report, column, {"unit": row["unit"]}, unit="466")
            assert len(codes) == row[column], column


def test_overdue_ones_are_those_of_the_list(running):
    listed = running.get("reporting", "/v1/reports/overdue", unit="466", limit=100, **PERIOD)
    codes = behind(running, "bieu-06", "pending_overdue", {}, by="unit", unit="466")
    assert sorted(codes) == sorted(row["code"] for row in listed["rows"])
    assert codes


def test_installs_lead_to_events(running):
    asked = {"column": "succeeded", "row.unit": "466", **PERIOD}
    found = running.get("reporting", "/v1/reports/installs/trace", **asked)
    assert (found["count"], [one["id"] for one in found["events"]]) == (
        3,
        [f"trace-install-466-{n}" for n in range(3)],
    )


@pytest.mark.parametrize(
    ("report", "asked", "pointer"),
    [
        ("bieu-06", {"column": "rate"}, "/column"),
        ("bieu-06", {"column": "resolved_late", "row.kind": "x"}, "/row.kind"),
        (
            "bieu-06",
            {"column": "resolved_late", "row.unit_valid_from": "x"},
            "/row.unit_valid_from",
        ),
        ("overdue", {"column": "days_late"}, "/column"),
        ("emulation", {"column": "points", "row.period": "2022"}, "/row.period"),
        ("timeliness", {"column": "state", "row.plan": "x"}, "/row.unit"),
    ],
)
def test_what_leads_nowhere(running, report, asked, pointer):
    answer = running.http.get(
        running.url("reporting", f"/v1/reports/{report}/trace"), params={**asked, **PERIOD}
    )
    assert answer.status_code == 422, answer.text
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]


def key(running, *scopes, units=()):
    made = running.http.post(
        running.url("intake", "/v1/keys"),
        json={"name": "k", "scopes": list(scopes), "units": list(units)},
    ).json()["key"]
    running.settle(("reporting",))
    return {"Authorization": f"Bearer {made}"}


def test_from_a_dossier_to_its_events_and_their_withdrawal(running):
    running.post(
        [submitted("V-1/a", "468", "2022-05-02", due_at="2022-05-06T17:00:00+07:00"),
         status("V-1/a", "in_process", "2022-05-10T10:00:00+07:00", "468",
                due_at="2022-05-20T17:00:00+07:00"),
         status("V-1/a", "result_ready", "2022-05-09T10:00:00+07:00", "468")]
    )  # fmt: skip
    running.settle(("reporting",))
    address = running.url("reporting", "/v1/dossiers/V-1/a")
    told = running.http.get(address).json()
    # A due date that was stated after the result is not the one that it was held against.
    due = ("2022-05-09", "late", "2022-05-06")
    assert tuple(told["story"][name] for name in ("resolved", "outcome", "due")) == due
    marks = [(one["source"], one["id"], one["stands"]) for one in told["events"]]
    assert marks == [
        ("/test", "V-1/a-submitted", True),
        ("/test", "V-1/a-result_ready-2022-05-09T10:00:00+07:00", True),
        ("/test", "V-1/a-in_process-2022-05-10T10:00:00+07:00", True),
    ]
    void = {"source": "/test", "id": marks[1][1], "reason": "Ghi nhầm hồ sơ"}
    reader = key(running, "reports:read", units=["468"])
    assert httpx.get(address, headers=reader).status_code == 200
    assert (
        httpx.get(address, headers=key(running, "reports:read", units=["461"])).status_code == 404
    )
    assert httpx.post(f"{address}/voids", json=void, headers=reader).status_code == 403
    assert running.http.post(f"{address}/voids", json=void | {"id": "x"}).status_code == 422
    done = running.http.post(f"{address}/voids", json=void)
    assert done.status_code == 202, done.text
    running.settle(("reporting",))
    told = running.http.get(address).json()
    assert (told["story"]["resolved"], told["story"]["due"]) == (None, "2022-05-20")
    assert [one["stands"] for one in told["events"]] == [True, False, True]
    assert running.http.get(running.url("reporting", "/v1/dossiers/NIX")).status_code == 404


def test_a_unit_that_was_dissolved_sees_nothing_of_who_bears_its_units_codes_now(running):
    """23644 lay below the district 625 until 1 July 2025; another commune bears the code since."""
    running.post(
        [submitted("OLD-1", "23644", "2025-06-02"), submitted("NEW-1", "23644", "2025-07-02")]
    )
    running.settle(("reporting",))

    def seen(code, unit):
        address = running.url("reporting", f"/v1/dossiers/{code}")
        return httpx.get(address, headers=key(running, "reports:read", units=[unit])).status_code

    assert (seen("OLD-1", "625"), seen("NEW-1", "625")) == (200, 404)
    assert (seen("OLD-1", "52"), seen("NEW-1", "52")) == (404, 200)
    drawn = {"of": "dossiers", "from": "2025-07-01", "to": "2025-07-31", "unit": "23644", "size": 1}
    made = running.http.post(running.url("reporting", "/v1/samples"), json=drawn).json()
    address = running.url("reporting", f"/v1/samples/{made['id']}")
    for unit, status_ in (("625", 404), ("52", 200)):
        headers = key(running, "reports:read", units=[unit])
        assert httpx.get(address, headers=headers).status_code == status_


def test_a_code_is_found_however_its_accents_are_written(running):
    running.post([submitted("HỒ-1", "468", "2022-05-02")])
    running.settle(("reporting",))
    for form in ("NFC", "NFD"):
        code = quote(unicodedata.normalize(form, "HỒ-1"))
        told = running.get("reporting", f"/v1/dossiers/{code}")
        assert (told["code"], told["story"]["unit"]) == ("HỒ-1", "468")


def say(running, status_=201, headers=None, **body):
    answer = (httpx if headers else running.http).post(
        running.url("reporting", "/v1/confirmations"),
        json={"period": "2022-05", "report": "bieu-06", **body},
        **({"headers": headers} if headers else {}),
    )
    assert answer.status_code == status_, answer.text
    return answer.json()


def test_units_confirm_or_contest_until_the_month_is_locked(running):
    may = {"from": "2022-05-01", "to": "2022-05-31", "by": "unit", "unit": "45"}

    def states():
        found = running.get("reporting", "/v1/confirmations", period="2022-05", unit="45")["rows"]
        return {row["unit"]: row["state"] for row in found}

    assert states() == {"466": "unanswered", "467": "unanswered", "468": "unanswered"}
    own = key(running, "reports:read", "reports:write", units=["466"])
    made = say(
        running, headers=own, unit="466", state="contested",
        dossiers=[{"dossier": "T-001", "remark": "Đã trả 0900000125 ngày 10/5"}, {"dossier": "T-002"}],
    )  # fmt: skip
    assert [(one["dossier"], one["remark"]) for one in made["contested"]] == [
        ("T-001", "Đã trả […] ngày 10/5"),
        ("T-002", None),
    ]
    say(running, 403, headers=own, unit="467", state="confirmed")
    say(running, 422, unit="466", state="contested")
    say(running, 422, unit="466", state="confirmed", period="2022-5")
    say(running, 422, unit="466", state="confirmed", report="overdue")
    say(running, headers=own, unit="466", state="confirmed", dossier="T-002")
    assert states()["466"] == "contested"
    say(running, unit="467", state="confirmed")
    assert running.get("reporting", FORM, **may)["confirmations"] == {
        "466": "contested",
        "467": "confirmed",
    }
    locked = running.http.post(
        running.url("reporting", "/v1/publications"),
        json={"report": "bieu-06", "parameters": may, "lock": True, "slug": "thang-5-2022"},
    )
    assert locked.status_code == 201, locked.text
    assert locked.json()["locked_month"] == "2022-05"
    shown = httpx.get(running.url("reporting", "/p/thang-5-2022.json")).json()["publication"]
    assert [(one["unit"], one["state"], one["contested"]) for one in shown["confirmations"]] == [
        ("466", "contested", 1),
        ("467", "confirmed", 0),
        ("468", "unanswered", 0),
    ]
    assert "T-001" not in httpx.get(running.url("reporting", "/p/thang-5-2022")).text
    say(running, 409, unit="466", state="confirmed")
    assert running.get("reporting", FORM, **may)["locked_as"] == "/p/thang-5-2022"
    assert running.get("reporting", FORM, **may | {"to": "2022-05-30"}).get("locked_as", 0) == 0
