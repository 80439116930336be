"""Reports on data, teams, difficulties and notices; and every report as a file for people."""

import io
import zipfile
from datetime import date, datetime

import pytest
from python_calamine import CalamineWorkbook

from tests.builders import event, status, submitted
from tests.instance import instance

YEAR = {"from": "2020-01-01", "to": "2020-12-31"}


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with instance(tmp_path_factory.mktemp("more-reports")) as made:
        for name in ("intake", "reporting"):
            made.start(name)
        for name in ("intake", "reporting"):
            made.wait_ready(name)
        made.post(dossiers() + activities() + difficulties() + wrong())
        made.settle(("reporting",))
        yield made


def dossiers():
    def applicant(**given):
        return {"applicant": {"kind": "person", **given}}

    good = applicant(name="Người nộp hồ sơ mẫu", phone="0900000125")
    return [
        submitted("GOOD", **good),
        status("GOOD", "result_ready", "2020-03-05T10:00:00+07:00"),
        status("GOOD", "returned", "2020-03-06T10:00:00+07:00",
               returned_at="2020-03-06T10:00:00+07:00"),
        submitted("NO-DATE", **good),
        status("NO-DATE", "returned", "2020-03-06T10:00:00+07:00"),
        submitted("NO-PHONE", **applicant(name="Người nộp hồ sơ mẫu")),
        status("NO-PHONE", "returned", "2020-03-06T10:00:00+07:00",
               returned_at="2020-03-06T10:00:00+07:00"),
        submitted("BAD-PHONE", **applicant(name="Người nộp hồ sơ mẫu", phone="123")),
        submitted("NO-NAME", **applicant(phone="0900000126")),
        submitted("NOBODY", unit="462"),
        status("ONLY-STATUSES", "received", "2020-03-02T10:00:00+07:00", unit="462"),
        status("ONLY-STATUSES", "in_process", "2020-03-06T10:00:00+07:00"),
        submitted("VOIDED", **applicant(phone="0900000126")),
        event("record.voided", "void-1", "2020-03-03T08:00:00+07:00",
              of_source="/test", of_id="VOIDED-submitted", reason="Nhập nhầm"),
    ]  # fmt: skip


def activities():
    def done(n, kind, people, member="BP-HD-01-07", day="2020-07-14"):
        return event(
            "activity.recorded",
            f"activity-{n}",
            f"{day}T11:30:00+07:00",
            unit="BP-HD-01",
            team="doi-01",
            member=member,
            kind=kind,
            people=people,
        )

    return [
        done(1, "guided", 14),
        done(2, "guided", 6, "BP-HD-01-08"),
        done(3, "supported", 3),
        done(4, "guided", 5, day="2020-08-01"),
        done(5, "guided", 50),
        event("record.voided", "void-2", "2020-07-15T08:00:00+07:00",
              of_source="/test", of_id="activity-5", reason="Nhập nhầm"),
    ]  # fmt: skip


def difficulties():
    def said(n, kind, code, at, text):
        return event(
            f"difficulty.{kind}",
            f"difficulty-{n}",
            at,
            unit="465",
            difficulty=code,
            category="connectivity",
            text=text,
        )

    return [
        said(2, "resolved", "465-001", "2020-10-02T10:00:00+07:00", "Đã có wifi, gọi 0900000127"),
        said(1, "raised", "465-001", "2020-09-03T16:00:00+07:00", "Chưa có sóng 3G"),
        said(3, "raised", "465-002", "2020-11-03T16:00:00+07:00", "Thiếu máy quét"),
    ]  # fmt: skip


def wrong():
    return [
        event("install.recorded", "wrong-1", "2020-03-03T08:00:00+07:00", unit="461"),
        event("install.recorded", "wrong-2", "2020-03-03T08:00:00", unit="461"),
        event("install.recorded", "wrong-3", "2020-03-03T08:00:00+07:00", unit="99999"),
    ]


def test_what_the_data_lack(running):
    rows = {
        row["unit"]: row
        for row in running.get("reporting", "/v1/reports/data-quality", **YEAR)["rows"]
    }
    assert {key: value for key, value in rows["461"].items() if key != "unit_name"} == {
        "unit": "461",
        "dossiers": 5,
        "missing_phone": 1,
        "invalid_phone": 1,
        "missing_name": 1,
        "missing_returned_at": 1,
        "no_submission": 1,
        "eligible_for_survey": 2,
        "refused_events": 0,
        "undeliverable_phones": 0,
    }
    assert rows["462"]["dossiers"] == rows["462"]["missing_phone"] == 1
    now = running.get("reporting", "/v1/reports/data-quality")
    refused = {row["unit"]: row["refused_events"] for row in now["rows"]}
    assert refused == {"461": 2, "462": 0, "_": 1}
    assert now["total"]["refused_events"] == 3


def test_form_06_has_no_row_for_nothing(running):
    form = "/v1/reports/bieu-06"
    assert {row["field"] for row in running.get("reporting", form, **YEAR)["rows"]} == {"Đất đai"}
    units = [row["unit"] for row in running.get("reporting", form, by="unit", **YEAR)["rows"]]
    assert units == ["461", "462"]
    before = {"from": "2020-01-01", "to": "2020-03-01"}
    assert running.get("reporting", form, **before)["rows"] == []
    running.post(
        [
            submitted("DONE", unit="464", field="Hộ tịch"),
            status("DONE", "result_ready", "2020-03-05T10:00:00+07:00", unit="464"),
        ]
    )
    running.settle(("reporting",))
    after = running.get("reporting", form, by="unit", **{"from": "2020-04-01", "to": "2020-04-30"})
    assert [row["unit"] for row in after["rows"]] == ["461", "462"]


def test_what_teams_did(running):
    answer = running.get("reporting", "/v1/reports/activity", unit="BP-HD", **YEAR)
    found = [
        (row["unit"], row["kind"], row["activities"], row["people"], row["members"])
        for row in answer["rows"]
    ]
    assert found == [("BP-HD-01", "guided", 3, 25, 2), ("BP-HD-01", "supported", 1, 3, 1)]
    assert answer["total"] == {"activities": 4, "people": 28}
    days = running.get("reporting", "/v1/reports/activity", by="day", **YEAR)["rows"]
    assert [(row["day"], row["kind"], row["people"]) for row in days] == [
        ("2020-07-14", "guided", 20),
        ("2020-07-14", "supported", 3),
        ("2020-08-01", "guided", 5),
    ]


def test_difficulties_open_and_resolved(running):
    answer = running.get("reporting", "/v1/reports/difficulties", **YEAR)
    assert [(row["difficulty"], row["state"], row["answer"]) for row in answer["rows"]] == [
        ("465-001", "resolved", "Đã có wifi, gọi […]"),
        ("465-002", "open", None),
    ]
    assert answer["total"] == {"open": 1, "resolved": 1}
    then = running.get("reporting", "/v1/reports/difficulties", to="2020-09-30")["rows"]
    assert [(row["difficulty"], row["state"]) for row in then] == [("465-001", "open")]


def test_notices_are_empty_where_none_was_sent(running):
    answer = running.get("reporting", "/v1/reports/notices")
    assert answer["rows"] == []
    assert answer["total"]["cost"] is None


def fetch(running, report, form, **asked):
    answer = running.http.get(
        running.url("reporting", f"/v1/reports/{report}"), params={"format": form, **asked}
    )
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-disposition"].endswith(f'.{form}"')
    return answer.content


def lines_of(content):
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0)
    return sheet.to_python(skip_empty_area=False)


SAID = {"on_time": "Đúng hạn", "guided": "Hướng dẫn", "supported": "Hỗ trợ", "open": "Chưa giải quyết",
        "resolved": "Đã giải quyết", "district": "Cấp huyện", "not_applicable": "Không áp dụng",
        "missing": "Chưa nộp", "not_due": "Chưa đến hạn",
        "nothing_to_count": "không có gì để tính", "no_quota": "không có chỉ tiêu"}  # fmt: skip


def as_in_excel(column, value):
    """What a cell must hold for a value of the JSON answer: numbers, days and moments are real."""
    if value is None:
        return ""
    if column in ("due", "due_date", "day"):
        return date.fromisoformat(value)
    if column in ("due_at", "fulfilled_at", "raised_at", "resolved_at"):
        return datetime.fromisoformat(value).replace(tzinfo=None)
    if column in ("state", "kind", "authority", "reason"):
        return SAID[value]
    return float(value) if isinstance(value, int) else value


@pytest.mark.parametrize(
    "report",
    ["activity", "difficulties", "timeliness", "notices", "data-quality", "online-share", "on-time",
     "installs", "overdue"],
)  # fmt: skip
def test_every_report_opens_in_excel_equal_and_as_pdf(running, report):
    asked = dict(YEAR)
    rows = running.get("reporting", f"/v1/reports/{report}", **asked)["rows"]
    lines = lines_of(fetch(running, report, "xlsx", **asked))
    assert lines[2][0].startswith("Số liệu cập nhật đến: ")
    keys = fetch(running, report, "csv", **asked).decode("utf-8-sig").split("\r\n")[0].split(",")
    if not any(row.get("reason") for row in rows):
        keys = [key for key in keys if key != "reason"]
    assert len(lines) == 5 + len(rows)
    for line, row in zip(lines[5:], rows, strict=True):
        assert line == [as_in_excel(key, row[key]) for key in keys]
    pdf = fetch(running, report, "pdf", **asked)
    assert pdf.startswith(b"%PDF-")
    assert len(pdf) > 3000


@pytest.mark.parametrize("by", ["field", "unit"])
def test_form_06_has_its_official_look(running, by):
    asked = {**YEAR, "by": by, "unit": "45"}
    answer = running.get("reporting", "/v1/reports/bieu-06", **asked)
    content = fetch(running, "bieu-06", "xlsx", **asked)
    lines = lines_of(content)
    assert lines[0][0] == ("Biểu số 06a" if by == "unit" else "Biểu số 06")
    assert lines[0][7] == "Đơn vị báo cáo: Tỉnh Quảng Trị"
    assert lines[4][0] == "Kỳ báo cáo: từ ngày 01/01/2020 đến ngày 31/12/2020"
    assert [cell for cell in lines[6] if cell] == [
        "STT",
        "Đơn vị giải quyết" if by == "unit" else "Lĩnh vực giải quyết",
        "Số hồ sơ tiếp nhận",
        "Số hồ sơ đã giải quyết",
        "Số hồ sơ đang giải quyết",
    ]
    assert lines[9][2] == "(3)=(4)+(5)+(6)"
    figures = list(answer["total"])
    assert len(figures) == 11
    body = lines[10 : 10 + len(answer["rows"])]
    for number, (line, row) in enumerate(zip(body, answer["rows"], strict=True), 1):
        assert line[:2] == [number, row["unit_name"] if by == "unit" else row["field"]]
        assert line[2:] == [row[figure] for figure in figures]
    assert lines[10 + len(body)][1:] == ["Tổng số", *(answer["total"][one] for one in figures)]
    signed = [cell for line in lines[11 + len(body) :] for cell in line if cell]
    assert "NGƯỜI LẬP BIỂU" in signed
    assert "THỦ TRƯỞNG ĐƠN VỊ" in signed
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        sheet = parts.read("xl/worksheets/sheet1.xml").decode()
        book = parts.read("xl/workbook.xml").decode()
    last = 10 + len(body)
    assert f"<f>SUM(C11:C{last})</f>" in sheet
    assert 'orientation="landscape"' in sheet
    assert 'paperSize="9"' in sheet
    assert 'fitToHeight="0"' in sheet
    assert "&amp;P/&amp;N" in sheet
    assert "$7:$10" in book  # the headings are repeated on each page
    assert fetch(running, "bieu-06", "pdf", **asked).startswith(b"%PDF-")
    english = lines_of(fetch(running, "bieu-06", "xlsx", lang="en", **asked))
    assert english[4][-1] == "Overdue"


def test_numbers_are_numbers_and_nothing_runs_in_excel(running):
    answer = running.http.get(
        running.url("reporting", "/v1/reports/activity"), params={"format": "xlsx", "lang": "en"}
    )
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(answer.content)).get_sheet_by_index(0)
    lines = sheet.to_python(skip_empty_area=False)
    assert lines[4] == ["Unit", "Unit name", "Kind", "Activities", "Visits", "Members"]
    assert lines[5][0] == "BP-HD-01"
    assert lines[5][3:] == [3.0, 25.0, 2.0]


def test_the_page_shows_them_all(running):
    page = running.http.get(running.url("reporting", "/"), params=YEAR).text
    for title in ("Chất lượng dữ liệu", "Hoạt động của đội hình", "Khó khăn, vướng mắc"):
        assert title in page
    activity = running.http.get(running.url("reporting", "/reports/activity"), params=YEAR).text
    assert "Hướng dẫn" in activity
