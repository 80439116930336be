"""What a national sync call says: its fields, as one-stop software fills them, made into values.

Absent values are empty strings there, codes are strings or numbers, dates are `yyyyMMddHHmmss` on
the clock of Viet Nam. Fields that are not known here are let through and not looked at.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from shared.clock import VN
from shared.events import STATUS_CODES
from shared.redaction import scrub

STATUSES = tuple(STATUS_CODES)
"""The statuses of events in the order of the national codes 1 to 10."""
CHANNELS = {"1": "counter", "2": "online", "3": "post"}
RETURNS = {"0": "counter", "1": "post"}
KINDS = {"1": "person", "2": "organization"}

LONGEST_CODE, LONGEST_NAME, LONGEST_TEXT = 128, 200, 2000
MOST_SUPPLEMENTS = 100
FIRST_YEAR, LAST_YEAR = 1990, 2100
NO_DATES = frozenset({"00010101000000"})
"""What software writes that has an empty date of its own."""

_SUPPLEMENTS = "danhsachhosobosung"
_IMPERSONAL = frozenset(
    name.lower()
    for name in (
        "MaHoSo", "MaTTHC", "MaLinhVuc", "TenLinhVuc", "LoaiDoiTuong", "NgayTiepNhan",
        "NgayHenTra", "TrangThaiHoSo", "NgayTra", "HinhThuc", "NgayKetThucXuLy", "DonViXuLy",
        "KenhThucHien", "DanhSachHoSoBoSung", "HoSoBoSungId", "NgayBoSung", "NgayTiepNhanBoSung",
        "NgayHenTraTruoc", "NgayHenTraMoi", "ThoiDiemXuLy", "PhongBanXuLy", "TrangThai",
    )
)  # fmt: skip
"""Fields that are read and say nothing of the applicant."""
_READ = _IMPERSONAL | {
    name.lower()
    for name in ("ChuHoSo", "SoDienThoai", "Email", "NoiDungBoSung", "NoiDungXuLy", "NguoiXuLy")
}
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]+")
_SURROGATE = re.compile("[\ud800-\udfff]")
_DATE = re.compile(r"[0-9]{14}")
_PROCEDURE = re.compile(r"\w[\w.:/+\-]{0,63}")


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing to mend: where, what kind of value stood there (never the value), and how."""

    field: str
    code: str
    kind: str
    message: str

    def as_dict(self) -> dict[str, str]:
        return {
            "field": self.field,
            "code": self.code,
            "kind": self.kind,
            "message": self.message,
        }


@dataclass(frozen=True, slots=True)
class Supplement:
    """A request to the citizen for what was missing, and its answer."""

    key: str
    text: str | None
    requested_at: datetime | None
    resumed_at: datetime | None
    old_due: datetime | None
    new_due: datetime | None


@dataclass(frozen=True, slots=True)
class Sync:
    """A dossier as `DongBoHoSoMC` states it. `status` is the national code."""

    code: str
    procedure: str | None
    field: str | None
    name: str | None
    phone: str | None
    email: str | None
    kind: str | None
    filed_at: datetime | None
    due_at: datetime | None
    status: int | None
    finished_at: datetime | None
    returned_at: datetime | None
    return_by: str | None
    channel: str
    assumed: tuple[str, ...]
    """Which of these the call did not say: `channel`."""
    office: str | None
    """`DonViXuLy`: a name, as sent."""
    supplements: tuple[Supplement, ...]
    missing: tuple[Flaw, ...]
    """What a dossier needs that is not yet known."""
    notes: tuple[Flaw, ...]
    """What was assumed or left unused: told to the sender, no reason to refuse."""


@dataclass(frozen=True, slots=True)
class Progress:
    """An entry of `CapNhatTienDoHoSoMC`. `status` is the national code."""

    code: str
    status: int
    at: datetime | None
    department: str | None
    text: str | None
    officer: str | None


@dataclass(slots=True)
class _Reader:
    """The fields of one object, looked up whatever their case."""

    fields: Mapping[str, tuple[str, Any]]
    prefix: str = ""
    flaws: list[Flaw] = field(default_factory=list)

    @classmethod
    def of(cls, raw: Mapping[str, Any], prefix: str = "") -> "_Reader":
        return cls({str(name).lower(): (str(name), value) for name, value in raw.items()}, prefix)

    def name(self, name: str) -> str:
        """The name of a field as it was sent."""
        return self.prefix + self.fields.get(name.lower(), (name, None))[0]

    def raw(self, name: str) -> Any:
        return self.fields.get(name.lower(), (name, None))[1]

    def flaw(self, name: str, code: str, message: str) -> None:
        self.flaws.append(Flaw(self.name(name), code, kind_of(self.raw(name)), message))

    def text(self, name: str, longest: int = LONGEST_TEXT) -> str | None:
        """A text without outer blanks and control characters, cut where it is too long."""
        value = self.raw(name)
        if value is None or isinstance(value, bool):
            return None
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, list | dict):
            if value:
                self.flaw(name, "wrong_type", "Hãy gửi một chuỗi ký tự.")
            return None
        text = _CONTROL.sub(" ", _SURROGATE.sub("", unicodedata.normalize("NFC", str(value))))
        return text.strip()[:longest].strip() or None

    def instant(self, name: str) -> datetime | None:
        """An instant, or null where it is absent; a flaw where it is none."""
        text = self.text(name)
        if text is None or text in NO_DATES or not text.strip("0"):
            return None
        if _DATE.fullmatch(text):
            try:
                moment = datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=VN)
            except ValueError:
                self.flaw(name, "bad_date", "Ngày giờ này không có thật; hãy sửa rồi gửi lại.")
                return None
            if FIRST_YEAR <= moment.year <= LAST_YEAR:
                return moment
            message = f"Hãy gửi năm từ {FIRST_YEAR} đến {LAST_YEAR}."
            self.flaw(name, "date_out_of_range", message)
            return None
        message = "Hãy gửi ngày giờ dạng yyyyMMddHHmmss (14 chữ số), hoặc để trống."
        self.flaw(name, "bad_date", message)
        return None

    def status(self, name: str) -> int | None:
        """A national status code, or null where it is absent."""
        text = self.text(name)
        if text is None:
            return None
        if text.isascii() and text.isdigit() and len(text) <= 2 and 1 <= int(text) <= 10:
            return int(text)
        self.flaw(name, "bad_status", "Hãy gửi mã trạng thái từ 1 đến 10.")
        return None

    def dossier_code(self) -> str | None:
        text = self.text("MaHoSo", LONGEST_CODE + 1)
        if text is None:
            self.flaw("MaHoSo", "missing", "Hãy gửi mã hồ sơ.")
        elif len(text) > LONGEST_CODE:
            self.flaw("MaHoSo", "too_long", f"Mã hồ sơ dài tối đa {LONGEST_CODE} ký tự.")
        elif re.search(r"\s", text):
            self.flaw("MaHoSo", "bad_code", "Hãy bỏ khoảng trắng và ký tự điều khiển trong mã.")
        else:
            return text
        return None


def read_sync(raw: object) -> tuple[Sync | None, list[Flaw]]:
    """The dossier in an item of `DongBoHoSoMC`, or everything that is wrong with it."""
    if not isinstance(raw, dict):
        return None, [_not_an_object(raw)]
    reader = _Reader.of(raw)
    code = reader.dossier_code()
    procedure = reader.text("MaTTHC", LONGEST_CODE)
    if procedure is not None and not _PROCEDURE.fullmatch(procedure):
        message = "Hãy gửi mã thủ tục không có khoảng trắng, tối đa 64 ký tự."
        reader.flaw("MaTTHC", "bad_code", message)
    field_name = reader.text("TenLinhVuc", LONGEST_NAME) or reader.text("MaLinhVuc", LONGEST_NAME)
    filed_at, due_at = reader.instant("NgayTiepNhan"), reader.instant("NgayHenTra")
    finished_at, returned_at = reader.instant("NgayKetThucXuLy"), reader.instant("NgayTra")
    status = reader.status("TrangThaiHoSo")
    notes: list[Flaw] = []
    channel = reader.text("KenhThucHien")
    if channel is None:
        message = "Không có kênh nộp: tính là nộp trực tiếp."
        notes.append(Flaw(reader.name("KenhThucHien"), "assumed_counter", "empty", message))
    elif channel not in CHANNELS:
        reader.flaw(
            "KenhThucHien", "bad_code", "Hãy gửi 1 (trực tiếp), 2 (trực tuyến), 3 (bưu chính)."
        )
    supplements = _read_supplements(reader)
    name, phone = reader.text("ChuHoSo", LONGEST_NAME), reader.text("SoDienThoai", LONGEST_NAME)
    email, office = reader.text("Email", LONGEST_NAME), reader.text("DonViXuLy", LONGEST_NAME)
    office = scrub(office) if office else None
    kind = _optional_code(reader, "LoaiDoiTuong", KINDS, notes)
    return_by = _optional_code(reader, "HinhThuc", RETURNS, notes)
    if status is not None and status < 9 and status not in (3, 7, 8):
        for given, value in (("NgayKetThucXuLy", finished_at), ("NgayTra", returned_at)):
            if value is not None:
                message = "Không dùng: trạng thái hồ sơ cho biết chưa có kết quả."
                notes.append(Flaw(reader.name(given), "unused_date", "date", message))
    needed = (
        ("MaTTHC", procedure, "Hãy gửi mã thủ tục."),
        ("TenLinhVuc", field_name, "Hãy gửi tên hoặc mã lĩnh vực."),
        ("NgayTiepNhan", filed_at, "Hãy gửi ngày tiếp nhận."),
    )
    told = {flaw.field for flaw in reader.flaws}
    missing = tuple(
        Flaw(reader.name(each), "missing", "empty", message)
        for each, value, message in needed
        if value is None and reader.name(each) not in told
    )
    if reader.flaws or code is None:
        return None, [*reader.flaws, *(missing if reader.flaws else ())]
    sync = Sync(
        code=code,
        procedure=procedure,
        field=field_name,
        name=name,
        phone=phone,
        email=email,
        kind=kind,
        filed_at=filed_at,
        due_at=due_at,
        status=status,
        finished_at=finished_at,
        returned_at=returned_at,
        return_by=return_by,
        channel=CHANNELS.get(channel or "1", "counter"),
        assumed=() if channel else ("channel",),
        office=office,
        supplements=supplements,
        missing=missing,
        notes=tuple(notes),
    )
    return sync, []


def read_progress(raw: object) -> tuple[Progress | None, list[Flaw]]:
    """The entry in an item of `CapNhatTienDoHoSoMC`, or everything that is wrong with it."""
    if not isinstance(raw, dict):
        return None, [_not_an_object(raw)]
    reader = _Reader.of(raw)
    code = reader.dossier_code()
    status = reader.status("TrangThai")
    if status is None and not any(flaw.code == "bad_status" for flaw in reader.flaws):
        reader.flaw("TrangThai", "missing", "Hãy gửi mã trạng thái từ 1 đến 10.")
    at = reader.instant("ThoiDiemXuLy")
    department, text = reader.text("PhongBanXuLy", LONGEST_NAME), reader.text("NoiDungXuLy")
    officer = reader.text("NguoiXuLy", LONGEST_NAME)
    if reader.flaws or code is None or status is None:
        return None, reader.flaws
    return Progress(code, status, at, department, text, officer), []


def code_in(raw: object) -> str | None:
    """The dossier's code in an item, however faulty the rest of it is."""
    return _Reader.of(raw).dossier_code() if isinstance(raw, dict) else None


def strip_applicant(raw: object) -> object:
    """An item with nothing in it of what tells who applied."""
    return _only(raw, _IMPERSONAL)


def strip_unread(raw: object) -> object:
    """An item with no more than what is read of it."""
    return _only(raw, _READ)


def _only(raw: object, names: frozenset[str]) -> object:
    """Of an object the plain values, and the supplements, of some fields."""
    if not isinstance(raw, dict):
        return raw
    kept: dict[str, Any] = {}
    for name, value in raw.items():
        if str(name).lower() not in names:
            continue
        if isinstance(value, dict) and name.lower() == _SUPPLEMENTS:
            kept[name] = _only(value, names)
        elif isinstance(value, list) and name.lower() == _SUPPLEMENTS:
            kept[name] = [_only(each, names) for each in value]
        elif not isinstance(value, list | dict):
            kept[name] = value
    return kept


def kind_of(value: Any) -> str:
    """What kind of value it is, in words that hold nothing of it."""
    if value is None or value == "":
        return "empty"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, list):
        return f"list of {len(value)}"
    if isinstance(value, dict):
        return "object"
    digits = value.isascii() and value.isdigit()
    return f"text of {len(value)} {'digits' if digits else 'characters'}"


def _not_an_object(raw: object) -> Flaw:
    return Flaw("", "wrong_type", kind_of(raw), "Mỗi phần tử của data phải là một đối tượng JSON.")


def _optional_code(
    reader: _Reader, name: str, table: Mapping[str, str], notes: list[Flaw]
) -> str | None:
    """What a code stands for; one that is not listed is left out and noted."""
    text = reader.text(name)
    if text is None:
        return None
    if text not in table:
        message = f"Không rõ mã này; các mã có: {', '.join(table)}."
        notes.append(Flaw(reader.name(name), "unknown_code", kind_of(reader.raw(name)), message))
    return table.get(text)


def _read_supplements(reader: _Reader) -> tuple[Supplement, ...]:
    name = "DanhSachHoSoBoSung"
    value = reader.raw(name)
    if value is None or value == "":
        return ()
    items = [value] if isinstance(value, dict) else value
    if not isinstance(items, list):
        reader.flaw(name, "wrong_type", "Hãy gửi một danh sách.")
        return ()
    if len(items) > MOST_SUPPLEMENTS:
        reader.flaw(name, "too_many", f"Hãy gửi tối đa {MOST_SUPPLEMENTS} lần bổ sung.")
        return ()
    found: dict[str, Supplement] = {}
    for number, item in enumerate(items):
        prefix = f"{reader.name(name)}/{number}/"
        if not isinstance(item, dict):
            message = "Mỗi lần bổ sung phải là một đối tượng JSON."
            reader.flaws.append(Flaw(prefix.rstrip("/"), "wrong_type", kind_of(item), message))
            continue
        inner = _Reader.of(item, prefix)
        key = inner.text("HoSoBoSungId", LONGEST_CODE) or f"#{number}"
        found[key] = Supplement(
            key=key,
            text=inner.text("NoiDungBoSung"),
            requested_at=inner.instant("NgayBoSung"),
            resumed_at=inner.instant("NgayTiepNhanBoSung"),
            old_due=inner.instant("NgayHenTraTruoc"),
            new_due=inner.instant("NgayHenTraMoi"),
        )
        reader.flaws += inner.flaws
    return tuple(found.values())


Service = Literal["DongBoHoSoMC", "CapNhatTienDoHoSoMC", "TraCuuHoSo"]
SYNC, PROGRESS, LOOK_UP = "DongBoHoSoMC", "CapNhatTienDoHoSoMC", "TraCuuHoSo"
