"""What the fields of a sync call are read as, and what is said of the faulty ones."""

from datetime import datetime, timedelta, timezone

import pytest

from services.intake.rules.lgsp_fields import read_progress, read_sync
from tests.intake.lgsp_client import dossier, step

VN = timezone(timedelta(hours=7))
NEEDED = {
    "MaHoSo", "MaTTHC", "TenLinhVuc", "NgayTiepNhan", "TrangThaiHoSo",
}  # fmt: skip


def flaws_of(raw, read=read_sync):
    parsed, flaws = read(raw)
    assert (parsed is None) == bool(flaws)
    return {flaw.field: (flaw.code, flaw.kind) for flaw in flaws}


def test_golden_dossier():
    sync, flaws = read_sync(dossier("H50-1"))
    assert flaws == []
    assert sync.filed_at == datetime(2019, 8, 5, 8, 45, tzinfo=VN)
    assert sync.due_at == datetime(2019, 8, 12, 17, tzinfo=VN)
    assert (sync.status, sync.channel, sync.return_by, sync.kind) == (
        2, "counter", "counter", "person",
    )  # fmt: skip
    assert (sync.procedure, sync.field, sync.office) == (
        "1.005129", "Đất đai", "Thành phố Đông Hà",
    )  # fmt: skip
    assert (sync.returned_at, sync.finished_at, sync.email, sync.supplements) == (
        None, None, None, (),
    )  # fmt: skip
    assert [note.code for note in sync.notes] == ["assumed_counter"]


def test_empty_strings_are_absent_everywhere():
    raw = dict.fromkeys(dossier("x"), "") | {
        name: dossier("H50-1")[name] for name in NEEDED
    }  # fmt: skip
    sync, flaws = read_sync(raw)
    assert flaws == []
    assert sync.missing == ()
    assert sync.due_at is sync.name is sync.phone is sync.kind is sync.office is None


@pytest.mark.parametrize(
    ("given", "channel"), [("1", "counter"), ("2", "online"), ("3", "post"), (2, "online")]
)
def test_channels(given, channel):
    assert read_sync(dossier("a", KenhThucHien=given))[0].channel == channel


@pytest.mark.parametrize("given", ["10", 10, " 10 "])
def test_statuses_as_text_or_number(given):
    assert read_sync(dossier("a", TrangThaiHoSo=given))[0].status == 10
    assert read_progress(step("a", given))[0].status == 10


@pytest.mark.parametrize("given", ["0", "11", "1.5", "hai", "-1", [1], "²"])
def test_statuses_that_are_none(given):
    assert "TrangThaiHoSo" in flaws_of(dossier("a", TrangThaiHoSo=given))


@pytest.mark.parametrize(
    ("given", "code", "kind"),
    [
        ("20190231000000", "bad_date", "text of 14 digits"),
        ("20191345000000", "bad_date", "text of 14 digits"),
        ("2019-08-05", "bad_date", "text of 10 characters"),
        ("05/08/2019 08:45", "bad_date", "text of 16 characters"),
        ("20190805", "bad_date", "text of 8 digits"),
        ("99990101000000", "date_out_of_range", "text of 14 digits"),
        ("0900000126", "bad_date", "text of 10 digits"),
        (["20190805084500"], "wrong_type", "list of 1"),
    ],
)
def test_bad_dates(given, code, kind):
    assert flaws_of(dossier("a", NgayHenTra=given)) == {"NgayHenTra": (code, kind)}
    assert flaws_of(dossier("a", NgayTiepNhan=given)) == {"NgayTiepNhan": (code, kind)}
    assert flaws_of(step("a", 4, given), read_progress) == {"ThoiDiemXuLy": (code, kind)}


def test_numbers_and_empty_dates_of_other_languages():
    sync, _ = read_sync(dossier("a", NgayTiepNhan=20190805084500, NgayHenTra="00010101000000"))
    assert sync.filed_at == datetime(2019, 8, 5, 8, 45, tzinfo=VN)
    assert sync.due_at is None


def test_all_faults_at_once_by_the_names_that_were_sent():
    raw = dossier("mã có dấu cách", NgayHenTra="x", TrangThaiHoSo="99", KenhThucHien="9")
    raw["ngaytra"] = raw.pop("NgayTra") or "y"
    raw["DanhSachHoSoBoSung"] = [{"NgayBoSung": "z"}, 5]
    found = flaws_of(raw)
    assert found == {
        "MaHoSo": ("bad_code", "text of 14 characters"),
        "NgayHenTra": ("bad_date", "text of 1 characters"),
        "ngaytra": ("bad_date", "text of 1 characters"),
        "TrangThaiHoSo": ("bad_status", "text of 2 digits"),
        "KenhThucHien": ("bad_code", "text of 1 digits"),
        "DanhSachHoSoBoSung/0/NgayBoSung": ("bad_date", "text of 1 characters"),
        "DanhSachHoSoBoSung/1": ("wrong_type", "number"),
    }


def test_no_fault_repeats_a_value():
    secret = "0900000126"
    raw = dossier(secret + " " + secret, NgayHenTra=secret, TrangThaiHoSo=secret, MaTTHC=secret * 9)
    _, flaws = read_sync(raw)
    assert len(flaws) == 4
    assert secret not in str([flaw.as_dict() for flaw in flaws])


@pytest.mark.parametrize("raw", [None, 5, "x", [], True])
def test_items_that_are_no_objects(raw):
    assert flaws_of(raw)[""][0] == flaws_of(raw, read_progress)[""][0] == "wrong_type"


def test_codes_of_no_weight_are_noted_and_left_out():
    sync, flaws = read_sync(dossier("a", LoaiDoiTuong="7", HinhThuc="x", KenhThucHien="2"))
    assert flaws == []
    assert (sync.kind, sync.return_by) == (None, None)
    assert {note.field for note in sync.notes} == {"LoaiDoiTuong", "HinhThuc"}
