"""Reports through the front door: events posted to intake, figures read from reporting."""

import csv
import io
import re

import pytest

from tests.builders import event, install, status, submitted
from tests.instance import instance

YEAR = {"from": "2020-01-01", "to": "2020-12-31"}


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with instance(tmp_path_factory.mktemp("reports")) as made:
        for name in ("intake", "quota", "reporting"):
            made.start(name)
        for name in ("intake", "quota", "reporting"):
            made.wait_ready(name)
        assert made.get("reporting", "/v1/reports/bieu-06")["data_as_of"] is None
        page = made.http.get(made.url("reporting", "/"))
        assert "Chưa có số liệu" in page.text
        made.post(dossiers() + surveys() + lists() + installs())
        for plan in ("to-tung-2023", "quang-tri-mscore-2020", "quang-tri-rthome-2019"):
            made.apply_plan(plan)
        made.settle(("quota", "reporting"))
        yield made


def dossiers():
    due = {"due_at": "2020-03-10T17:00:00+07:00"}
    return [
        submitted("EARLY", **due),
        status("EARLY", "result_ready", "2020-03-05T10:00:00+07:00"),
        submitted("SAME-DAY", **due),
        status("SAME-DAY", "result_ready", "2020-03-10T23:00:00+07:00"),
        submitted("LATE", channel="counter", **due),
        status("LATE", "result_ready", "2020-03-11T00:30:00+07:00"),
        status("OPEN", "in_process", "2020-03-03T08:00:00+07:00", department="Phòng Tư pháp"),
        submitted("OPEN", field="Hộ tịch", channel="post", **due),
        submitted("PAUSED", field="Hộ tịch", **due),
        status("PAUSED", "supplement_requested", "2020-03-09T08:00:00+07:00"),
        submitted("ELSEWHERE", unit="462", day="2019-12-30", channel="counter"),
        submitted("GONE", **due),
        event(
            "record.voided",
            "void-gone",
            "2020-03-03T08:00:00+07:00",
            of_source="/test",
            of_id="GONE-submitted",
            reason="Nhập nhầm",
        ),
        *(
            submitted(f"TT-{n}", "23665", "2023-05-04", authority="commune", channel=channel)
            for n, channel in enumerate(["online"] * 3 + ["counter"] * 7)
        ),
    ]


def surveys():
    def answered(n, mode, time="2020-01-15T10:00:00+07:00", of="mscore-hcc-2020", **answers):
        return event(
            "survey.completed",
            f"survey-{n}",
            time,
            unit="461",
            domain="public_administration",
            mode=mode,
            questionnaire=of,
            answers=answers,
        )

    return [
        answered(1, "phone", quality=8, bribe="no"),
        answered(2, "phone", quality=7),
        answered(3, "tablet", quality=5),
        answered(6, "tablet", quality="very_satisfied", bribe="perhaps"),  # of other scales
        answered(7, "tablet", quality=11),
        answered(8, "tablet", quality=0),
        answered(4, "phone", "2020-04-01T00:30:00+07:00", quality=2),
        answered(5, "phone", "2020-04-02T08:00:00+07:00", quality="không nhớ"),  # bears no score
        answered(9, "phone", "2020-07-01T08:00:00+07:00", quality=9),
        answered(10, "phone", "2020-07-01T08:00:00+07:00", of="xa-2020", quality=40),
        answered(11, "phone", "2020-07-01T08:00:00+07:00", quality=99),
        event("record.voided", "void-survey-11", "2020-07-02T08:00:00+07:00",
              of_source="/test", of_id="survey-11", reason="Nhập nhầm"),
    ]  # fmt: skip


def lists():
    def delivered(n, unit, time):
        return event("list.delivered", f"list-{n}", time, unit=unit, list="patients",
                     period="2020-02", rows=10)  # fmt: skip

    return [
        delivered(1, "QTR-BVDK", "2020-03-04T16:00:00+07:00"),
        delivered(2, "QTR-TTYT-464", "2020-03-05T08:00:00+07:00"),
    ]


def installs():
    return [
        *(install(n, "465") for n in range(60)),
        install(60, "465", device="device-465-0"),
        install(61, "465", result="failed", citizen="0900000001"),
        install(0, "462", citizen="0900000001"),
        install(1, "462", citizen="0900000001"),
    ]


def rows_of(answer, *names):
    return {tuple(row[name] for name in names): row for row in answer["rows"]}


def test_form_06_by_field_and_by_unit(running):
    answer = running.get("reporting", "/v1/reports/bieu-06", unit="45", by="field", **YEAR)
    rows = rows_of(answer, "field")
    land, civil = rows["Đất đai",], rows["Hộ tịch",]
    assert land == {
        "field": "Đất đai",
        "received_total": 4,
        "received_online": 2,
        "received_counter_post": 1,
        "carried_over": 1,
        "resolved_total": 3,
        "resolved_early": 1,
        "resolved_on_time": 1,
        "resolved_late": 1,
        "pending_total": 1,
        "pending_within_due": 1,
        "pending_overdue": 0,
    }
    assert (civil["pending_total"], civil["pending_overdue"]) == (2, 1)
    assert answer["total"]["received_total"] == 6
    assert (answer["from"], answer["to"], answer["report"]) == (
        "2020-01-01",
        "2020-12-31",
        "bieu-06",
    )
    assert answer["data_as_of"]

    by_unit = running.get("reporting", "/v1/reports/bieu-06", unit="45", by="unit", **YEAR)
    assert set(rows_of(by_unit, "unit", "unit_name")) == {
        ("461", "Thành phố Đông Hà"),
        ("462", "Thị xã Quảng Trị"),
    }
    assert by_unit["total"] == answer["total"]


def test_what_had_not_come_by_then_is_not_shown(running):
    answer = running.get("reporting", "/v1/reports/bieu-06", as_of="2020-12-31", **YEAR)
    assert answer["rows"] == []
    assert answer["as_of"] == "2020-12-31"


def test_overdue_dossiers_are_paged_oldest_first(running):
    day = {"to": "2020-03-20", "unit": "461"}
    answer = running.get("reporting", "/v1/reports/overdue", **day)
    assert answer["rows"] == [
        {
            "code": "OPEN",
            "unit": "461",
            "unit_name": "Thành phố Đông Hà",
            "field": "Hộ tịch",
            "department": "Phòng Tư pháp",
            "due_date": "2020-03-10",
            "days_late": 10,
        }
    ]
    assert (answer["total"], answer["next_offset"]) == ({"overdue": 1}, None)
    day["to"] = "2020-03-10"
    assert running.get("reporting", "/v1/reports/overdue", **day)["rows"] == []
    page = running.get("reporting", "/v1/reports/overdue", limit=1, offset=1)
    assert page["rows"] == []


def test_on_time_counts_what_is_open_and_overdue(running):
    total = running.get("reporting", "/v1/reports/on-time", unit="461", **YEAR)["total"]
    assert total == {
        "on_time": 2, "late": 1, "open_overdue": 1, "rate": 0.5,
    }  # fmt: skip


def test_online_share_is_held_against_the_plan(running):
    answer = running.get(
        "reporting", "/v1/reports/online-share", **{"from": "2023-01-01", "to": "2023-12-31"}
    )
    assert answer["rows"] == [
        {
            "unit": "23665",
            "unit_name": "Xã Tơ Tung",
            "authority": "commune",
            "online": 3,
            "total": 10,
            "share": 0.3,
            "target": 0.3,
            "state": "missed",  # the plan says more than 30%
        }
    ]


def test_scorecard_never_pools_modes(running):
    answer = running.get(
        "reporting", "/v1/reports/scorecard", domain="public_administration", **YEAR
    )
    rows = {
        key: (row["n"], row["score"])
        for key, row in rows_of(answer, "unit", "mode", "quarter", "item").items()
    }
    assert {key: figures for key, figures in rows.items() if key[2] != "2020-Q3"} == {
        ("461", "phone", "2020-Q1", "quality"): (2, 7.5),
        ("461", "phone", "2020-Q1", "bribe"): (1, None),
        ("461", "tablet", "2020-Q1", "quality"): (1, 5.0),
        ("461", "tablet", "2020-Q1", "bribe"): (0, None),
        ("461", "phone", "2020-Q2", "quality"): (1, 2.0),
    }


def test_what_lies_outside_its_scale_is_shown_and_not_averaged(running):
    answer = running.get("reporting", "/v1/reports/scorecard", **YEAR)
    rows = {
        key: (row["n"], row["score"], row["out_of_scale"])
        for key, row in rows_of(answer, "mode", "quarter", "questionnaire", "item").items()
    }
    assert rows["tablet", "2020-Q1", "mscore-hcc-2020", "quality"] == (1, 5.0, 3)
    assert rows["tablet", "2020-Q1", "mscore-hcc-2020", "bribe"] == (0, None, 1)
    assert rows["phone", "2020-Q2", "mscore-hcc-2020", "quality"] == (1, 2.0, 1)
    # One code in two questionnaires is two questions; what no file describes has no scale.
    assert rows["phone", "2020-Q3", "mscore-hcc-2020", "quality"] == (1, 9.0, 0)
    assert rows["phone", "2020-Q3", "xa-2020", "quality"] == (1, 40.0, 0)
    assert answer["total"]["out_of_scale"] == 5


def test_timeliness_of_lists(running):
    answer = running.get(
        "reporting",
        "/v1/reports/timeliness",
        plan="quang-tri-mscore-2020",
        **{"from": "2020-03-01", "to": "2020-03-31"},
    )
    rows = rows_of(answer, "unit", "obligation", "period")
    in_time = rows["QTR-BVDK", "patient-lists", "2020-02"]
    assert (in_time["state"], in_time["due"], in_time["rows"]) == ("on_time", "2020-03-05", 10)
    assert in_time["fulfilled_at"] == "2020-03-04T16:00:00+07:00"
    assert rows["QTR-TTYT-464", "patient-lists", "2020-02"]["state"] == "late"
    assert rows["QTR-TTYT-466", "patient-lists", "2020-02"]["state"] == "missing"
    assert rows["461", "client-lists", "2020-02"]["state"] == "not_due"
    total = answer["total"]
    assert (total["on_time"], total["late"]) == (1, 1)
    assert total["judged"] == total["on_time"] + total["late"] + total["missing"]
    assert total["rate"] == 1 / total["judged"]


def test_installs_against_their_quota(running):
    period = {"from": "2019-08-05", "to": "2019-12-31"}
    answer = running.get("reporting", "/v1/reports/installs", **period)
    rows = rows_of(answer, "unit")
    beyond = rows["465",]
    assert (beyond["installs"], beyond["succeeded"], beyond["failed"]) == (62, 61, 1)
    assert (beyond["counted"], beyond["quota"], beyond["share"]) == (60, 50, 1.2)
    assert rows["462",]["distinct_citizens"] == 1
    assert rows["461",]["installs"] == 0
    assert rows["461",]["share"] == 0
    assert (answer["total"]["quota"], answer["total"]["distinct_citizens"]) == (900, 1)
    by_month = running.get("reporting", "/v1/reports/installs", by="month", **period)
    assert [(row["month"], row["installs"]) for row in by_month["rows"]] == [("2019-09", 64)]
    assert sum(
        row["installs"]
        for row in running.get("reporting", "/v1/reports/installs", by="installer")["rows"]
    ) == 64  # fmt: skip


def test_csv_opens_in_a_spreadsheet(running):
    answer = running.http.get(
        running.url("reporting", "/v1/reports/bieu-06"),
        params={"by": "unit", "format": "csv", **YEAR},
    )
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [(row["unit"], row["unit_name"], row["received_total"]) for row in rows] == [
        ("461", "Thành phố Đông Hà", "5"),
        ("462", "Thị xã Quảng Trị", "1"),
    ]


@pytest.mark.parametrize(
    "report", ["installs", "online-share", "scorecard", "timeliness", "overdue", "on-time"]
)
def test_csv_has_the_columns_of_the_rows(running, report):
    rows = running.get("reporting", f"/v1/reports/{report}")["rows"]
    answer = running.http.get(
        running.url("reporting", f"/v1/reports/{report}"), params={"format": "csv"}
    )
    assert answer.content.decode("utf-8-sig").splitlines()[0].split(",") == list(rows[0])


def test_what_was_asked_in_vain_is_named(running):
    answer = running.get(
        "reporting", "/v1/reports/installs", unti="461", field="Đất đai", lang="en"
    )
    assert answer["not_applied"] == ["field", "unti"]


def test_every_fault_of_a_question_is_named(running):
    answer = running.http.get(
        running.url("reporting", "/v1/reports/bieu-06"),
        params={
            "from": "2020-13-01",
            "to": "20200101",
            "by": "moon",
            "unit": "46l",
            "format": "doc",
        },
    )
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    pointers = {fault["pointer"] for fault in answer.json()["errors"]}
    assert pointers == {"/from", "/to", "/by", "/unit", "/format"}
    for path, code in (("/v1/reports/moon", 404), ("/v1/reports/bieu-06?by=moon", 422)):
        assert running.http.get(running.url("reporting", path)).status_code == code
    bare = {"Authorization": "Bearer mc_no_such"}
    unknown = running.http.get(running.url("reporting", "/v1/reports/bieu-06"), headers=bare)
    assert unknown.status_code == 401


def test_the_page_asks_for_a_key_and_shows_the_reports(running):
    address = running.url("reporting", "/")
    with type(running.http)() as browser:
        login = browser.get(address)
        assert login.status_code == 200
        assert "Đăng nhập" in login.text
        assert "script" not in login.headers["content-security-policy"]
        refused = browser.post(running.url("reporting", "/login"), data={"key": "mc_a_b"})
        assert refused.status_code == 401
        assert (
            browser.post(address.rstrip("/") + "/login", data={"key": "x" * 9000}).status_code
            == 413
        )
        admin = running.http.headers["Authorization"].removeprefix("Bearer ")
        entered = browser.post(running.url("reporting", "/login"), data={"key": admin})
        assert entered.status_code == 303
        cookie = entered.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "samesite=strict" in cookie.lower()
        page = browser.get(address, params=YEAR)
        assert page.status_code == 200
        for text in ("Tổng quan", "Thành phố Đông Hà", "Hồ sơ quá hạn", "Nơi hỗ trợ"):
            assert text in page.text
        form = browser.get(running.url("reporting", "/reports/bieu-06"), params=YEAR)
        assert "Tải về Excel" in form.text
        assert "Form 06" in browser.get(address, params={"lang": "en"}).text
        assert "Ghi ngày dạng NĂM-THÁNG-NGÀY" in browser.get(address, params={"from": "x"}).text
        sheet = browser.get(running.url("reporting", "/v1/reports/bieu-06?format=csv"))
        assert sheet.status_code == 200
        [style] = re.findall(r'href="(/look/style\.[0-9a-f]{12}\.css)"', page.text)
        served = browser.get(running.url("reporting", style))
        assert "immutable" in served.headers["cache-control"]
        browser.post(running.url("reporting", "/logout"))
        assert "Đăng nhập" in browser.get(address).text


def test_a_report_over_the_merger_shows_who_took_over(running):
    span = {"from": "2023-01-01", "to": "2025-12-31", "unit": "23665", "by": "unit"}
    answer = running.get("reporting", "/v1/reports/bieu-06", **span)
    assert [(row["unit"], row["received_total"]) for row in answer["rows"]] == [("23665", 10)]
    (change,) = answer["unit_changes"]
    assert (change["unit"], change["unit_name"]) == ("23665", "Xã Tơ Tung")
    assert change["until"] == "2025-07-01"
    assert [each["unit"] for each in change["successors"]] == ["23668"]
    before = running.get("reporting", "/v1/reports/bieu-06", **(span | {"to": "2025-06-30"}))
    assert before["unit_changes"] == []
    # The code 23668 was another commune's before: its dossiers are not those of Tơ Tung.
    heir = running.get("reporting", "/v1/reports/bieu-06", **(span | {"unit": "23668"}))
    assert heir["rows"] == []


def test_the_page_names_the_help_desks_of_running_plans(running):
    page = running.http.get(running.url("reporting", "/"), params=YEAR).text
    assert "Bộ phận hỗ trợ cài đặt rtHome, Tỉnh đoàn Quảng Trị" in page
    assert "Bộ phận Tiếp nhận và Trả kết quả xã Tơ Tung" not in page
    later = running.http.get(running.url("reporting", "/"), params={"from": "2023-01-01"}).text
    assert "Bộ phận Tiếp nhận và Trả kết quả xã Tơ Tung" in later
    assert "Xã Tơ Tung (23665) →" in later
