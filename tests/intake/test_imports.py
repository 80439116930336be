"""Lists through the front door: files in, events out, every fault told."""

import datetime as dt
import io
import re
import unicodedata
import zipfile

import asyncpg
import pytest

from tests.instance import instance
from tests.intake.lists import (
    INSTALLS,
    counts,
    declared,
    finished,
    install_row,
    own_source,
    published,
    said,
    send,
    sheet,
    work,
    workbook,
)

DOSSIERS = [
    "Mã hồ sơ", "Mã thủ tục", "Lĩnh vực", "Đơn vị", "Hình thức nộp", "Ngày nộp", "Ngày tiếp nhận",
    "Ngày hẹn trả", "Ngày có kết quả", "Ngày trả", "Trạng thái", "Người nộp", "Số điện thoại",
]  # fmt: skip
PEOPLE = ["Họ và tên", "Số điện thoại", "Đơn vị", "Tháng"]


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with instance(tmp_path_factory.mktemp("imports")) as made:
        made.start("intake", MOTCUA_MAX_IMPORT_UNPACKED_BYTES=str(8 << 20))
        made.wait_ready("intake")
        yield made


def key(running, **bound):
    answer = running.http.post(
        running.url("intake", "/v1/keys"),
        json={"name": "lists", "scopes": ["events:write"], **bound},
    )
    return {"Authorization": f"Bearer {answer.json()['key']}"}


# -- what comes of a list ----------------------------------------------------------------------


async def test_a_list_full_of_faults_is_told_row_by_row(running):
    rows = [
        ["DANH SÁCH CÀI ỨNG DỤNG"],
        ["Tháng 8 năm 2019"],
        [unicodedata.normalize("NFD", heading).upper() for heading in INSTALLS],
        ["(1)", "(2)", "(3)", "(4)", "(5)", "(6)", "(7)", "(8)", "(9)"],
        install_row(1, at=dt.date(2019, 8, 20), citizen=900000001),
        install_row(
            2,
            unit="Đông Hà",
            at="20/08/2019",
            installer="461-02",
            device="m2",
            citizen="0900.000.002",
        ),
        install_row(3, at="20-8-19", citizen="0900000003/0900000004"),
        install_row(4, at="2019-08-20", citizen="01682345678"),
        install_row(5, at="20/08/2019 09:15", citizen="O900000005"),
        install_row(6, at=43697.5, citizen="+84 900 000 006"),
        install_row(7, unit="Xa Lạ", at="31/02/2019", installer=None, place="trên trời"),
        install_row(8, installer="0900000008"),
        install_row(9, at="20/08/2035 08:00"),
        install_row(5, at="20/08/2019 09:15", citizen="0900000005"),
        ["Tổng cộng: 9 máy"],
    ]
    job = work(running, workbook(rows), "installs", source="/test/faults")
    assert job["state"] == "done"
    assert counts(job) == (10, 6, 1, 3)
    assert job["progress"] == {"done": 15, "total": 15, "share": 1.0}
    assert said(running, job["id"]) == {
        5: {"repairs": ["G phone_number"]},
        6: {"repairs": ["G phone_separators", "B unit_name"]},
        7: {"repairs": ["C date_short_year", "G phone_first"]},
        8: {"repairs": ["G phone_prefix"]},
        9: {"repairs": ["G phone_letter"]},
        10: {"repairs": ["C date_serial", "G phone_separators", "G phone_country"]},
        11: {"faults": ["C invalid_date", "E missing", "H not_allowed", "B unknown_unit"]},
        12: {"faults": ["E personal_data"]},
        13: {"faults": ["B unit_not_valid"]},
        14: {"remarks": ["same_row"]},
    }
    kept = running.get("intake", "/v1/quarantine", source="/test/faults")["quarantine"]
    assert sorted(error["code"] for row in kept for error in row["errors"]) == [
        "invalid_date", "missing", "not_allowed", "personal_data", "unit_not_valid", "unknown_unit",
    ]  # fmt: skip
    events = own_source(await published(running), "/test/faults")
    assert [event["time"] for event in events] == [
        "2019-08-20T00:00:00+07:00",
        "2019-08-20T00:00:00+07:00",
        "2019-08-20T00:00:00+07:00",
        "2019-08-20T00:00:00+07:00",
        "2019-08-20T09:15:00+07:00",
        "2019-08-20T12:00:00+07:00",
    ]
    assert {event["data"]["unit"] for event in events} == {"461"}
    assert {event["data"]["place"] for event in events} == {"home"}
    assert len({event["data"]["citizen"] for event in events}) == 6

    given = sheet(running, job["id"])
    assert given[2][-2:] == ["Lỗi", "Đã tự sửa"]
    assert given[4][:9] == [
        1.0,
        "461",
        dt.date(2019, 8, 20),
        *install_row(1)[3:6],
        900000001.0,
        *install_row(1)[7:],
    ]
    assert given[4][-2:] == ["", "Số điện thoại: số điện thoại lưu dạng số"]
    assert given[10][-2] == (
        "Ngày cài: không phải ngày (viết như 31/12/2020); Mã người cài: chưa điền; Nơi cài: chỉ"
        " nhận: Bộ phận một cửa, Nhà riêng, Nơi công cộng, Khác; Đơn vị: không xác định được đơn"
        " vị, hãy ghi mã; gần nhất: 19489 (Xã Lìa), 19594 (Xã La Lay), 19462 (Xã Tân Lập)"
    )
    assert given[13][-2] == "Lưu ý: trùng hoàn toàn với dòng 9: chỉ tính một lần"
    assert len(given) == 15
    assert given[14][0] == "Tổng cộng: 9 máy"


async def test_the_corrected_file_adds_only_what_is_new(running):
    rows = [INSTALLS, *(install_row(n, unit="464") for n in range(1, 8))]
    rows[3] = install_row(3, unit="464", result="chịu")
    first = work(running, workbook(rows), "installs", source="/test/corrected")
    assert counts(first) == (7, 6, 0, 1)
    same = work(running, workbook(rows), "installs", source="/test/corrected")
    assert counts(same) == (7, 0, 6, 1)
    assert same["id"] != first["id"]

    # The sheet of errors itself, mended and with a row more, columns in another order.
    marked = [row[:9] for row in sheet(running, first["id"])]
    marked[3][8] = "Thành công"
    mended = [list(reversed([*row, "ghi"])) for row in [*marked, install_row(8, unit="464")]]
    mended[0][0] = "Lỗi"
    again = work(running, workbook(mended), "installs", source="/test/corrected")
    assert counts(again) == (8, 2, 6, 0)
    events = own_source(await published(running), "/test/corrected")
    assert len(events) == 8


async def test_a_dossier_tells_its_whole_story(running):
    row = ["HS-1", 1.005129, "Đất đai", "461", "Trực tuyến", "02/03/2020 08:00", "02/03/2020 08:30"]
    rows = [
        DOSSIERS,
        [
            *row,
            "16/03/2020",
            "13/03/2020",
            "16/03/2020 10:00",
            "Đã trả kết quả",
            "NGUYỄN VĂN MẪU",
            "0900000001",
        ],
        ["HS-2", *row[1:], "16/03/2020", None, None, "Đã trả kết quả", None, "0233385212"],
        ["HS-3", *row[1:4], None, None, "03/03/2020", None, None, None, None, "Lê Mẫu", "123"],
        ["HS-4", *row[1:], None, "04/03/2020", None, "Rút hồ sơ", None, None],
        ["HS-5", *row[1:5], None, None, None, None, None, None, None, None],
    ]
    job = work(running, workbook(rows), "dossiers", source="/test/dossiers")
    assert counts(job) == (5, 3, 0, 2)
    told = said(running, job["id"])
    assert told[2] == {
        "repairs": ["A".replace("A", "B") + " code_number", "L name_capitals", "authority_assumed"]
    }
    assert told[3]["faults"] == ["J no_status_date"]
    assert told[3]["remarks"] == ["M fixed_phone", "J no_return_date", "L no_name"]
    assert told[4]["remarks"] == ["M bad_phone"]
    assert told[4]["repairs"][1:] == ["E channel_assumed", "authority_assumed"]
    assert told[6]["faults"] == ["F missing_one"]

    events = own_source(await published(running), "/test/dossiers")
    story = [(e["type"].split(".")[2], e["data"]["code"], e["data"].get("status")) for e in events]
    assert sorted(story) == [
        ("status_changed", "HS-1", "result_ready"),
        ("status_changed", "HS-1", "returned"),
        ("status_changed", "HS-4", "withdrawn"),
        ("submitted", "HS-1", None),
        ("submitted", "HS-3", None),
        ("submitted", "HS-4", None),
    ]
    submitted = {e["data"]["code"]: e for e in events if "submitted" in e["type"]}
    assert submitted["HS-1"]["time"] == "2020-03-02T08:30:00+07:00"
    assert submitted["HS-1"]["data"]["due_at"] == "2020-03-16T17:00:00+07:00"
    assert submitted["HS-1"]["data"]["quality"] == {
        "name": "present", "phone": "present", "email": "missing",
    }  # fmt: skip
    assert submitted["HS-1"]["data"]["authority"] == "district"
    assert submitted["HS-3"]["data"]["channel"] == "counter"
    assert submitted["HS-3"]["data"]["submitted_at"] == "2020-03-03T00:00:00+07:00"
    assert submitted["HS-3"]["data"]["quality"]["phone"] == "invalid"
    returned = next(e for e in events if e["data"].get("status") == "returned")
    assert returned["data"]["returned_at"] == "2020-03-16T10:00:00+07:00"


async def test_of_patients_only_counts_go_further(running):
    rows = [
        PEOPLE,
        ["Người Một", "0900000001", "QTR-BVDK", "01/2020"],
        ["Người Hai", None, "QTR-BVDK", "01/2020"],
        [None, "0900000003", "QTR-BVDK", "01/2020"],
        ["Người Bốn", "0233385212", "QTR-BVDK", "01/2020"],
        ["Người Một", "0900.000.001", "QTR-BVDK", "01/2020"],
        ["Người Năm", 900000005, "QTR-TTYT-464", "12/2019"],
        ["Người Sáu", "0900000006", "nơi nào", "01/2020"],
    ]
    fields = {"source": "/test/patients", "delivered": "04/02/2020 16:00"}
    job = work(running, workbook(rows), "patients", **fields)
    assert counts(job) == (7, 5, 1, 1)
    assert job["eligible"] == 2
    again = work(running, workbook(rows), "patients", **fields)
    assert counts(again) == (7, 0, 6, 1)
    later = work(running, workbook(rows), "patients", source="/test/patients")
    assert counts(later) == (7, 0, 6, 1)
    events = own_source(await published(running), "/test/patients")
    marks = {e["data"].pop("mark") for e in events}  # says nothing about who is on the list
    assert len(marks) == 2
    assert all(re.fullmatch("[a-p]{16}", each) for each in marks)
    assert sorted((e["time"], *sorted(e["data"].items())) for e in events) == [
        (
            "2020-02-04T16:00:00+07:00", ("eligible", 1), ("list", "patients"),
            ("period", "2019-12"), ("rows", 1), ("unit", "QTR-TTYT-464"),
        ),
        (
            "2020-02-04T16:00:00+07:00", ("eligible", 1), ("list", "patients"),
            ("period", "2020-01"), ("rows", 4), ("unit", "QTR-BVDK"),
        ),
    ]  # fmt: skip


async def test_surveys_that_say_the_same_are_two_and_once_each(running):
    headings = ["Đơn vị", "Ngày", "Lĩnh vực", "Hình thức", "Bảng hỏi", "quality", "Câu 2", "Họ tên"]
    row = [
        "461",
        "15/01/2020",
        "Hành chính công",
        "Điện thoại",
        "mscore-hcc-2020",
        8,
        "có",
        "Người Mẫu",
    ]
    other = [*row[:5], 7, "không", "Người Khác"]
    content = workbook([headings, row, row, other])
    assert counts(work(running, content, "surveys", source="/test/surveys")) == (3, 3, 0, 0)
    shuffled = workbook([headings, other, row, row, [*row[:5], None, None, "X"]])
    job = work(running, shuffled, "surveys", source="/test/surveys")
    assert counts(job) == (4, 0, 3, 1)
    assert said(running, job["id"])[5]["faults"] == ["no_answers"]
    events = own_source(await published(running), "/test/surveys")
    answers = [event["data"]["answers"] for event in events]
    assert sorted(a["quality"] for a in answers) == [7, 8, 8]
    assert {"quality": 8, "cau_2": "có"} in answers


@pytest.mark.parametrize(
    ("kind", "rows", "data"),
    [
        (
            "activities",
            [
                ["Đơn vị", "Ngày", "Mã đội", "Mã thành viên", "Nội dung", "Số lượt"],
                ["BP-HD-01", "14/07/2020", "doi-01", "BP-HD-01-07", "Hướng dẫn", "14"],
            ],
            {"unit": "BP-HD-01", "team": "doi-01", "member": "BP-HD-01-07", "kind": "guided", "people": 14},
        ),
        (
            "reports",
            [
                ["Đơn vị", "Ngày nộp", "Mã kế hoạch", "Mã nghĩa vụ", "Kỳ", "Số văn bản"],
                ["BP-HD-01", "14/07/2020 16:58", "binh-phuoc-youth-2020", "daily-report",
                 "14/07/2020", "12/BC"],
            ],
            {
                "unit": "BP-HD-01", "plan": "binh-phuoc-youth-2020", "obligation": "daily-report",
                "period": "2020-07-14", "document": "12/BC",
            },
        ),
        (
            "totals",
            [
                ["Đơn vị", "Mã kế hoạch", "Mã chỉ tiêu", "Kỳ", "Giá trị", "Mẫu số"],
                ["440", "duc-tho-2020", "commune-online-share", "08/2020", 120, "1.610"],
            ],
            {
                "unit": "440", "plan": "duc-tho-2020", "indicator": "commune-online-share",
                "period": "2020-08", "value": 120, "denominator": 1610,
            },
        ),
    ],
)  # fmt: skip
async def test_every_other_kind(running, kind, rows, data):
    job = work(running, workbook(rows), kind, source=f"/test/{kind}")
    assert counts(job) == (1, 1, 0, 0)
    (event,) = own_source(await published(running), f"/test/{kind}")
    assert event["data"] == data


def test_installers_need_four_fields_and_officers_a_way_to_reach_them(running):
    headings = ["Họ tên", "Nơi công tác", "Số điện thoại", "Địa chỉ"]
    rows = [
        ["Người Một", "Đoàn xã", "0900000001", "Thôn 1"],
        ["Người Hai", "Đoàn xã", None, "Thôn 2"],
    ]
    job = work(running, workbook([headings, *rows]), "installers", unit="461")
    assert counts(job) == (2, 1, 0, 1)
    assert job["eligible"] == 1
    rows = [["461", "Cán Bộ Một", "0900000001"], ["461", "Cán Bộ Hai", None]]
    job = work(running, workbook([["Đơn vị", "Họ tên", "SĐT"], *rows]), "officers")
    assert counts(job) == (2, 1, 0, 1)
    assert said(running, job["id"])[3]["faults"] == ["C missing_one"]


def test_legacy_csv_files_are_lists_too(running):
    text = "Hä vµ tªn;Sè ®iÖn tho¹i;§¬n vÞ;Th¸ng\r\nNguyÔn V¨n MÉu;0900000001;461;01/2020\r\n"
    job = work(running, text.encode("latin-1"), "clients", name="ds.csv", source="/test/tcvn3")
    assert counts(job) == (1, 1, 0, 0)
    assert job["sheet"]["coding"] == "tcvn3"
    assert job["eligible"] == 1
    text = (
        "Hoï vaø teân\tSoá ñieän thoaïi\tÑôn vò\tThaùng\r\nTraàn Maãu\t0900000002\t461\t01/2020\r\n"
    )
    job = work(running, text.encode("latin-1"), "clients", name="ds.csv", source="/test/vni")
    assert counts(job) == (1, 1, 0, 0)
    assert job["sheet"]["coding"] == "vni"


# -- what was given beside the file ------------------------------------------------------------


def test_values_beside_the_file_stand_in_for_columns(running):
    headings = ["Ngày cài", "Mã người cài", "Mã máy", "Nơi cài"]
    rows = [headings, ["20/08/2019", "466-01", "given-1", "Nhà riêng"]]
    fields = {"unit": "Gio Linh", "app": "rtHome", "result": "Thành công"}
    assert counts(work(running, workbook(rows), "installs", **fields)) == (1, 1, 0, 0)
    first = [["Họ tên", "Số điện thoại"], ["Người Mẫu", "0900000001"]]
    fields = {"unit": "461", "period": "01/2020"}
    job = work(running, workbook([], first, [["khác"]]), "clients", **fields)
    assert job["sheet"]["sheet"] == "Sheet2"
    assert job["given"] == {"unit": "461", "month": "2020-01"}
    job = work(running, workbook(first, [["khác"]]), "clients", sheet="2", **fields)
    assert [error["code"] for error in job["errors"]] == ["no_headings"]


def test_a_key_bound_to_one_unit_speaks_for_it(running):
    rows = [["Họ tên", "Số điện thoại"], ["Người Mẫu", "0900000001"]]
    bound = key(running, units=["462"], sources=["/test/bound"])
    job = work(running, workbook(rows), "clients", headers=bound)
    assert job["given"] == {"unit": "462", "source": "/test/bound"}
    assert counts(job) == (1, 1, 0, 0)
    refused = send(running, workbook(rows), "clients", headers=bound, unit="461", source="/other")
    assert refused.status_code == 403
    assert [error["pointer"] for error in refused.json()["errors"]] == ["/unit", "/source"]
    rows = [[*PEOPLE], ["Người Mẫu", "0900000001", "461", "01/2020"]]
    job = work(running, workbook(rows), "clients", headers=bound)
    assert counts(job) == (1, 0, 0, 1)
    assert said(running, job["id"])[2] == {"faults": ["C unit_not_allowed"]}
    other = key(running)
    url = running.url("intake", f"/v1/imports/{job['id']}")
    assert running.http.get(url, headers=other).status_code == 404
    assert running.http.get(f"{url}/errors.xlsx", headers=other).status_code == 404
    assert running.http.get(url, headers=bound).status_code == 200


# -- what is refused at the door ---------------------------------------------------------------


def test_keys_and_forms_are_checked(running):
    good = workbook([PEOPLE])
    url = running.url("intake", "/v1/imports")
    assert running.http.post(url, headers={"Authorization": ""}).status_code == 401
    reader = running.http.post(
        running.url("intake", "/v1/keys"), json={"name": "r", "scopes": ["reports:read"]}
    ).json()["key"]
    answer = send(running, good, "clients", headers={"Authorization": f"Bearer {reader}"})
    assert answer.status_code == 403
    assert running.http.post(url, json={"kind": "clients"}).status_code == 415
    broken = {"Content-Type": "multipart/form-data; boundary=x"}
    assert running.http.post(url, content=b"--y\r\nrubbish", headers=broken).status_code == 400
    no_boundary = {"Content-Type": "multipart/form-data"}
    assert running.http.post(url, content=b"", headers=no_boundary).status_code == 400
    answer = running.http.post(url, files={"other": ("a", b"b")}, data={"kind": "pupils", "x": "1"})
    assert answer.status_code == 422
    assert [(e["pointer"], e["code"]) for e in answer.json()["errors"]] == [
        ("/other", "not_a_text"),
        ("/file", "missing"),
        ("/kind", "unknown_kind"),
    ]
    answer = send(running, good, "clients", unit="Xứ Lạ", period="13/2020", delivered="mai", no="1")
    assert answer.status_code == 422
    assert [(e["pointer"], e["code"]) for e in answer.json()["errors"]] == [
        ("/unit", "unknown_unit"),
        ("/period", "invalid_period"),
        ("/delivered", "invalid_date"),
        ("/no", "unknown_field"),
    ]


def bomb() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b"")
        archive.writestr("xl/worksheets/sheet1.xml", bytes(20 << 20))
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 422, "empty_file"),
        (b"%PDF-1.7 renamed", 415, "not_a_list"),
        (bomb(), 413, "unpacks_too_large"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), 422, "encrypted"),
        (b"PK\x03\x04damaged", 422, "damaged"),
    ],
)  # fmt: skip
def test_what_is_no_list_is_refused_at_once(running, content, status, code):
    answer = send(running, content, "installs")
    assert answer.status_code == status
    assert [error["code"] for error in answer.json()["errors"]] == [code]


@pytest.mark.parametrize(
    ("rows", "codes"),
    [
        ([[], []], ["empty_sheet"]),
        ([["một", "hai"], ["ba", "bốn"]], ["no_headings"]),
        ([[*INSTALLS, "Kết quả", "Ứng dụng"], install_row(1)], ["duplicate_heading"] * 2),
        ([["Đơn vị", "Ngày cài", "Ứngg dụnng", "Nơi ở"], ["461"]], ["missing_heading"] * 3),
    ],
)
def test_what_is_wrong_with_the_whole_file_fails_the_job_visibly(running, rows, codes):
    job = work(running, workbook(rows), "installs")
    assert job["state"] == "failed"
    assert [error["code"] for error in job["errors"]] == codes
    assert counts(job) == (0, 0, 0, 0)
    url = running.url("intake", f"/v1/imports/{job['id']}/errors.xlsx")
    assert running.http.get(url).status_code == 409


def test_the_contracts_own_names_are_headings_too(running):
    text = (
        "time,unit,app,installer,device,citizen,place,result\n"
        "2019-08-20T09:15:00+07:00,461,rtHome,461-03,own-1,0900000001,one_stop,succeeded\n"
    )
    job = work(running, text.encode(), "installs", name="a.csv")
    assert counts(job) == (1, 1, 0, 0)
    assert said(running, job["id"]) == {}
    unknown = running.http.get(running.url("intake", "/v1/imports/unknown"))
    assert unknown.status_code == 404


def test_missing_headings_are_named_with_the_nearest_that_is_there(running):
    rows = [["Đơn vị", "Ngày cài", "Ứng dụng", "Mã ng. cài", "Kết quá cuối", "Nơi cài"], ["461"]]
    job = work(running, workbook(rows), "installs")
    assert [error["message"] for error in job["errors"]] == [
        "Thiếu cột “Mã người cài”. Gần nhất: “Mã ng. cài” ở cột D.",
        "Thiếu cột “Kết quả”. Gần nhất: “Kết quá cuối” ở cột E.",
    ]


def test_headings_alone_are_a_list_of_nothing(running):
    job = work(running, workbook([INSTALLS]), "installs")
    assert (job["state"], counts(job)) == ("done", (0, 0, 0, 0))


def test_three_hundred_columns_are_no_matter(running):
    more = [f"Cột {n}" for n in range(300)]
    rows = [[*more, *INSTALLS], [*range(300), *install_row(77)]]
    job = work(running, workbook(rows), "installs")
    assert counts(job) == (1, 1, 0, 0)
    assert job["sheet"]["columns"]["result"] == "KW"


def test_a_workbook_with_macros_is_read_without_them(running):
    source = workbook([INSTALLS, install_row(88)])
    content = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(source)) as given, zipfile.ZipFile(content, "w") as made:
        for entry in given.infolist():
            made.writestr(entry, given.read(entry))
        made.writestr("xl/vbaProject.bin", b"\xd0\xcf\x11\xe0macro")
    job = work(running, content.getvalue(), "installs", name="list.xlsm")
    assert counts(job) == (1, 1, 0, 0)


def test_templates_are_lists_without_faults(running):
    for kind in declared():
        url = running.url("intake", f"/v1/imports/templates/{kind}.xlsx")
        answer = running.http.get(url, headers={"Authorization": ""})
        assert answer.status_code == 200
        job = work(running, answer.content, kind, source=f"/test/template/{kind}")
        assert counts(job) == (1, 1, 0, 0), (kind, said(running, job["id"]))
    assert (
        running.http.get(running.url("intake", "/v1/imports/templates/x.xlsx")).status_code == 404
    )


async def test_a_kept_file_is_sealed(running):
    text = "Họ tên,Số điện thoại\nNgười Niêm Phong,0900000077\n"
    job = work(running, text.encode(), "clients", unit="461")
    connection = await asyncpg.connect(running.urls["intake"])
    try:
        query = "SELECT content FROM intake.import_parts WHERE import_id = $1"
        parts = [row["content"] for row in await connection.fetch(query, job["id"])]
        rows = await connection.fetch(
            "SELECT i.*, r.* FROM intake.imports i"
            " LEFT JOIN intake.import_rows r ON r.import_id = i.id"
        )
    finally:
        await connection.close()
    assert len(parts) == 1
    assert "Niêm".encode() not in parts[0]
    assert b"0900000077" not in parts[0]
    for secret in ("0900000077", "Niêm", "0900000001", "Người Mẫu"):
        assert secret not in str([dict(row) for row in rows])


def test_the_file_goes_when_it_is_told_to(running):
    job = work(running, workbook([INSTALLS, install_row(99)]), "installs")
    assert job["kept"] is True
    url = running.url("intake", f"/v1/imports/{job['id']}")
    assert running.http.delete(f"{url}/file").json() == {"id": job["id"], "kept": False}
    assert running.http.get(f"{url}/errors.xlsx").status_code == 404
    after = finished(running, job["id"])
    assert after["kept"] is False
    assert counts(after) == counts(job)


def test_nobody_is_named_in_what_is_said_or_logged(running):
    rows = [
        [*DOSSIERS],
        ["HS 9", "1.1", "Đất đai", "461", "online", "hôm 0900000123", "Nguyễn Thị Lộ", *[None] * 4,
         "Nguyễn Thị Lộ", "09000001xx"],
    ]  # fmt: skip
    job = work(running, workbook(rows), "dossiers")
    assert counts(job) == (1, 0, 0, 1)
    url = running.url("intake", f"/v1/imports/{job['id']}/rows")
    text = running.http.get(url).text + str(job) + running.log("intake")
    for secret in ("0900000123", "Lộ", "09000001xx"):
        assert secret not in text
