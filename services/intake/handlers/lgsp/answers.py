"""How the answer to a call is put: by item, in the words and the fields of the sender."""

from collections.abc import Sequence

from services.intake.handlers.admission import Result
from services.intake.handlers.lgsp.items import Call, Item, Outcome, Telling
from services.intake.rules.lgsp_fields import Flaw
from shared import events

FIELDS = {
    "/id": "MaHoSo",
    "/source": "madonvi",
    "/time": "NgayTiepNhan",
    "/data/code": "MaHoSo",
    "/data/procedure": "MaTTHC",
    "/data/field": "TenLinhVuc",
    "/data/unit": "DonViXuLy",
    "/data/of_id": "MaHoSo",
}
MENDS = {
    "unit_not_allowed": "Khóa này không được gửi thay đơn vị này.",
    "source_not_allowed": "Khóa này không được gửi với madonvi này.",
    "unit_not_valid": "Đơn vị này không tồn tại vào thời điểm của hồ sơ.",
    "personal_data": "Hãy bỏ số điện thoại, email ra khỏi mã.",
    "control_character": "Hãy bỏ ký tự điều khiển.",
    "no_level": "Đơn vị này không thuộc cấp nào (tỉnh, huyện, xã).",
}
TAKEN = "Đã nhận."
REPEATED = "Đã có từ trước, không thay đổi."
REFUSED = "Bị từ chối; hãy sửa các trường được nêu rồi gửi lại."
HELD = "Đã nhận và đang giữ: chưa biết đơn vị này ứng với đơn vị nào; không cần gửi lại."


def taken(telling: Telling, ids: Sequence[str]) -> list[Outcome]:
    """What became of a group whose events were accepted; `ids` are theirs."""
    group = telling.group
    if group.sync is not None:
        status, message = ("accepted", TAKEN) if telling.fresh else ("duplicate", REPEATED)
        index, notes = group.items[0].index, group.sync.notes
        return [Outcome(index, group.code, status, message, notes=notes, events=list(ids))]
    told = dict(zip(sorted(telling.fresh), ids, strict=True))
    return [
        Outcome(item.index, group.code, "accepted", TAKEN, events=[told[position]])
        if position in told
        else Outcome(item.index, group.code, "duplicate", REPEATED)
        for position, item in enumerate(group.items)
    ]


def flaws_of(faulty: Sequence[Result]) -> list[Flaw]:
    """The faults of refused events by the fields of the call that they came of."""
    flaws: dict[tuple[str, str], Flaw] = {}
    for result in faulty:
        for fault in result.errors:
            name = FIELDS.get(fault.pointer, fault.pointer.rpartition("/")[2])
            message = MENDS.get(fault.code, "Hãy sửa trường này theo tài liệu kết nối.")
            flaws.setdefault((name, fault.code), Flaw(name, fault.code, "value", message))
    return list(flaws.values())


def item_id(service: str, code: str | None) -> str | None:
    """What a refused item is known by."""
    return f"{service}:{code}" if code is not None else None


def settled(call: Call, items: Sequence[Item], outcomes: Sequence[Outcome]) -> list[bytes]:
    """What tells the items that are in now from others, where they had been refused before."""
    services = {item.index: item.service for item in items}
    ids = {
        item_id(services[outcome.index], outcome.code)
        for outcome in outcomes
        if outcome.status in ("accepted", "duplicate")
    }
    return [events.uid(call.source, each) for each in sorted(filter(None, ids))]
