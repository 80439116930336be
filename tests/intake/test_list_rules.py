"""Headings, dates, numbers and names as lists spell them."""

import datetime as dt

import pytest

from services.intake.rules.lists.dates import end_of_period, read_moment, read_month, read_period
from services.intake.rules.lists.headings import find, letters
from services.intake.rules.lists.kinds import KindFaults, read_kinds
from services.intake.rules.lists.values import read_choice, read_name, read_phone, read_whole
from tests.intake.lists import INSTALLS, declared

KINDS = declared()


@pytest.mark.parametrize(
    ("cell", "at", "repair"),
    [
        (dt.date(2019, 8, 20), "2019-08-20T00:00:00+07:00", ""),
        (dt.datetime.fromisoformat("2019-08-20T09:15"), "2019-08-20T09:15:00+07:00", ""),
        (43697, "2019-08-20T00:00:00+07:00", "date_serial"),
        (43697.385416667, "2019-08-20T09:15:00+07:00", "date_serial"),
        ("43697", "2019-08-20T00:00:00+07:00", "date_serial"),
        ("20/08/2019", "2019-08-20T00:00:00+07:00", ""),
        ("20/8/2019 9:15", "2019-08-20T09:15:00+07:00", ""),
        ("09:15 20/08/2019", "2019-08-20T09:15:00+07:00", ""),
        ("20.08.2019", "2019-08-20T00:00:00+07:00", ""),
        ("20-8-19", "2019-08-20T00:00:00+07:00", "date_short_year"),
        ("2019-08-20", "2019-08-20T00:00:00+07:00", ""),
        ("2019-08-20 09:15:30", "2019-08-20T09:15:30+07:00", ""),
        ("2019-08-20T02:15:00Z", "2019-08-20T02:15:00+00:00", ""),
        ("20190820091500", "2019-08-20T09:15:00+07:00", "date_text"),
        ("ngày 20 tháng 8 năm 2019", "2019-08-20T00:00:00+07:00", "date_text"),
        ("9h15 ngày 20/8/2019", "2019-08-20T09:15:00+07:00", "date_text"),
        ("20/08/2019 2:15 CH", "2019-08-20T14:15:00+07:00", "date_text"),
    ],
)
def test_dates(cell, at, repair):
    moment = read_moment(cell)
    assert moment is not None
    assert (moment.at.isoformat(), moment.repair) == (at, repair)


@pytest.mark.parametrize(
    "cell", ["31/02/2019", "08/20/2019", "hôm qua", "", 12, True, None, "1" * 99]
)
def test_what_is_no_date(cell):
    assert read_moment(cell) is None


@pytest.mark.parametrize(
    ("cell", "period", "last"),
    [
        ("Quý I năm 2020", "2020-Q1", dt.date(2020, 3, 31)),
        ("2020-Q4", "2020-Q4", dt.date(2020, 12, 31)),
        ("tháng 2/2020", "2020-02", dt.date(2020, 2, 29)),
        ("14/07/2020", "2020-07-14", dt.date(2020, 7, 14)),
        (2020.0, "2020", dt.date(2020, 12, 31)),
        ("once", "once", None),
        ("lần thứ nhất", None, None),
        ("13/2020", None, None),
    ],
)
def test_periods(cell, period, last):
    assert read_period(cell) == period
    assert end_of_period(period or "") == last


def test_a_month_may_be_any_day_of_it():
    assert (
        read_month(dt.date(2020, 1, 31))
        == read_month("01/2020")
        == read_month("T1/2020")
        == "2020-01"
    )


@pytest.mark.parametrize(
    ("cell", "number", "repairs"),
    [
        (912345678.0, "+84912345678", {"phone_number"}),
        ("912345678", "+84912345678", {"phone_zero"}),
        ("0912.345.678", "+84912345678", {"phone_separators"}),
        ("0233 3852 123 / 0912345678", "+84912345678", {"phone_first"}),
        ("01682345678", "+84382345678", {"phone_prefix"}),
        ("O9123456O8", "+84912345608", {"phone_letter"}),
        ("84912345678", "+84912345678", {"phone_country"}),
        ("0912345678", "+84912345678", set()),
    ],
)
def test_phones(cell, number, repairs):
    found = read_phone(cell)
    assert found is not None
    assert found.phone.e164 == number
    assert set(found.repairs) == repairs


@pytest.mark.parametrize(
    ("cell", "name", "repairs"),
    [
        ("NGUYỄN THỊ MẪU", "Nguyễn Thị Mẫu", ("name_capitals",)),
        ("Nguye\u0302\u0303n  Mẫu", "Nguyễn Mẫu", ("name_composed", "name_spaces")),
        ("nguyễn văn phòng", "Nguyễn Văn Phòng", ("name_capitals",)),
        ("CÔNG TY TNHH MẪU", "CÔNG TY TNHH MẪU", ()),
        ("Lê Mẫu", "Lê Mẫu", ()),
    ],
)
def test_names(cell, name, repairs):
    found = read_name(cell)
    assert (found.value, found.repairs) == (name, repairs)


def test_numbers_and_words():
    assert [read_whole(cell).value for cell in (12.0, "1.200", "12", "1,5", -1, 1.5, "x")] == [
        12, 1200, 12, None, None, None, None,
    ]  # fmt: skip
    place = KINDS["installs"].columns["place"]
    assert read_choice("TẠI NHÀ", place).value == "home"
    assert read_choice("trường hoc", place).value == "public"
    assert read_choice("trường họccc", place).fault == "not_allowed"
    assert read_choice("benh vienn", place) == ("public", ("choice_word",), "", "")


# -- headings ----------------------------------------------------------------------------------


def numbered(*rows):
    return list(enumerate(rows, 1))


def test_headings_in_two_rows_below_titles_and_merged_cells():
    rows = numbered(
        ["SỞ MẪU", None, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"],
        [],
        ["Mã hồ sơ", "Mã TTHC", "Lĩnh vực", "Đơn vị", "Ngày", None, "Người nộp"],
        [None, None, None, None, "Ngày nộp", "Ngày trả", "Họ và tên", "SĐT"],
        [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0],
        ["HS-1"],
    )
    headings, faults = find(rows, KINDS["dossiers"], ())
    assert faults == []
    assert headings is not None
    assert (headings.row, headings.first_row) == (4, 6)
    assert headings.columns == {
        "code": 0, "procedure": 1, "field": 2, "unit": 3, "submitted_at": 4, "returned_at": 5,
        "name": 6, "phone": 7,
    }  # fmt: skip


def test_a_heading_may_be_misspelled_but_not_guessed():
    given = [
        "Đơn vị",
        "Ngày cài đặtt (dd/mm/yyyy)",
        "Ứng dụng*",
        "Mã người cài:",
        "Nơi cài",
        "Kết quả",
    ]
    headings, faults = find(numbered(given), KINDS["installs"], ())
    assert faults == []
    assert headings is not None
    assert headings.likely == {"at": "Ngày cài đặtt (dd/mm/yyyy)"}
    headings, faults = find(numbered([*INSTALLS[:8], "Hậu quả"]), KINDS["installs"], ())
    assert headings is None
    assert [fault.code for fault in faults] == ["missing_heading"]


def test_any_order_and_what_was_given_beside_the_file():
    headings, faults = find(numbered(INSTALLS[::-1]), KINDS["installs"], ())
    assert headings is not None
    assert headings.columns["number"] == 8
    headings, faults = find(numbered(INSTALLS[2:]), KINDS["installs"], {"unit"})
    assert headings is not None
    assert faults == []


def test_letters():
    assert [letters(n) for n in (0, 25, 26, 701, 702, 16_383)] == [
        "A",
        "Z",
        "AA",
        "ZZ",
        "AAA",
        "XFD",
    ]


def test_declarations_are_checked_all_at_once():
    column = {"heading": "Tên", "value": "text", "meaning": "m", "example": "e"}
    files = {
        "one": {
            "kind": "two",
            "colour": 1,
            "columns": {"a": column, "b": column, "c": {"value": "x"}},
        },
        "three": {"kind": "three"},
    }
    with pytest.raises(KindFaults) as caught:
        read_kinds(files)
    assert caught.value.faults == [
        "one: unknown key colour",
        "one: kind must be the name of the file",
        "one.c: needs example, heading, meaning",
        "one: 'ten' means both a and b",
        "three: columns is missing",
    ]


def test_ten_kinds_ship():
    assert set(KINDS) == {
        "installs", "dossiers", "patients", "clients", "installers", "officers", "surveys",
        "activities", "reports", "totals",
    }  # fmt: skip
