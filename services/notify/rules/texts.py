"""What texts exist, what they may say, and how long they are on a phone."""

import re
import unicodedata
from collections.abc import Mapping

import smsutil
from anyascii import anyascii

LANGUAGES = ("vi", "en")
"""The languages of texts; the first is that of whoever chose none."""

KINDS: Mapping[str, str] = {
    "registered": "citizen",
    "received": "citizen",
    "in_process": "citizen",
    "supplement_requested": "citizen",
    "payment_requested": "citizen",
    "stopped": "citizen",
    "consulting": "citizen",
    "resumed": "citizen",
    "refused": "citizen",
    "withdrawn": "citizen",
    "result_ready": "citizen",
    "result_posted": "citizen",
    "returned": "citizen",
    "late": "citizen",
    "rescheduled": "citizen",
    "due_earlier": "citizen",
    "due_later": "citizen",
    "due_today": "citizen",
    "appointment_soon": "citizen",
    "dossier_approaching": "officer",
    "dossier_due_today": "officer",
    "dossier_slipped": "officer",
    "dossier_overdue": "officer",
    "dossier_rescheduled": "officer",
    "deadline_approaching": "officer",
    "deadline_due_today": "officer",
    "obligation_slipped": "officer",
    "obligation_escalated": "officer",
    "obligation_met": "officer",
    "obligation_extended": "officer",
    "obligation_waived": "officer",
    "obligation_makeup": "officer",
    "quota_reached": "officer",
    "quota_fell_behind": "officer",
    "stipend_earned": "officer",
    "report_published": "officer",
    "report_revised": "officer",
    "report_withdrawn": "officer",
    "report_scheduled": "officer",
    "calendar_missing": "officer",
    "digest": "officer",
    "budget_low": "officer",
}
"""Every kind of notice, and who reads it."""

_CITIZEN = frozenset({"office", "office_phone", "link", "code", "procedure", "name"})
_DOSSIER = _CITIZEN | {"on", "due", "department", "reason", "return_by", "filed"}
_MOVED = _CITIZEN | {"on", "department", "reason", "old_due", "new_due"}
_DUTY = frozenset({"office", "obligation", "plan", "period", "contact", "name"})
_FIGURE = frozenset({"office", "owing", "indicator", "plan", "period", "contact", "name"})
_PUBLISHED = frozenset({"office", "report", "address", "name"})
VARIABLES: Mapping[str, frozenset[str]] = {
    "registered": _DOSSIER,
    "received": _DOSSIER,
    "in_process": _DOSSIER,
    "supplement_requested": _DOSSIER,
    "payment_requested": _DOSSIER,
    "stopped": _DOSSIER,
    "consulting": _DOSSIER,
    "resumed": _DOSSIER,
    "refused": _DOSSIER,
    "withdrawn": _DOSSIER,
    "result_ready": _DOSSIER,
    "result_posted": _DOSSIER,
    "returned": _DOSSIER,
    "late": _DOSSIER | {"old_due", "new_due"},
    "rescheduled": _MOVED,
    "due_earlier": _MOVED,
    "due_later": _MOVED,
    "due_today": _CITIZEN | {"due", "time", "department"},
    "appointment_soon": _CITIZEN | {"due", "time", "department"},
    "dossier_approaching": frozenset({"office", "code", "procedure", "due", "department", "name"}),
    "dossier_due_today": frozenset({"office", "code", "procedure", "due", "department", "name"}),
    "dossier_overdue": frozenset(
        {"office", "owing", "code", "procedure", "old_due", "days", "department", "name"}
    ),
    "dossier_rescheduled": frozenset(
        {"office", "code", "procedure", "old_due", "new_due", "times", "department", "name"}
    ),
    "dossier_slipped": frozenset({"office", "code", "procedure", "old_due", "department", "name"}),
    "deadline_approaching": _DUTY | {"owing", "due"},
    "deadline_due_today": _DUTY | {"owing", "due"},
    "obligation_slipped": _DUTY | {"old_due"},
    "obligation_escalated": _DUTY | {"owing", "old_due"},
    "obligation_met": _DUTY | {"owing", "on"},
    "obligation_extended": _DUTY | {"due", "document"},
    "obligation_waived": _DUTY | {"document"},
    "obligation_makeup": _DUTY | {"due", "document"},
    "quota_reached": _FIGURE | {"actual", "target"},
    "quota_fell_behind": _FIGURE | {"actual", "target"},
    "stipend_earned": _FIGURE | {"amount"},
    "report_published": _PUBLISHED,
    "report_revised": _PUBLISHED | {"reason"},
    "report_withdrawn": _PUBLISHED | {"reason"},
    "report_scheduled": _PUBLISHED | {"file", "due", "late"},
    "calendar_missing": frozenset({"office", "year", "name"}),
    "digest": frozenset({"office", "count", "summary", "items", "page", "name"}),
    "budget_low": frozenset({"office", "owing", "month", "amount", "actual", "percent", "name"}),
}
"""What a text of each kind may mention. Days read ``dd/mm/yyyy``; absent values are null.

``office`` is the reader's unit, ``owing`` the unit that the text is about; ``due`` of a duty says
by when in words, such as ``trước ngày 08/08/2019``. In a citizen's text ``office`` is the office
that took the dossier in, ``office_phone`` where it is asked, ``link`` the page of the dossier,
``filed`` how it came in (``online``, ``counter``, ``post``), ``time`` the hour of an appointment.
"""

TITLES = frozenset(
    {
        "obligation",
        "indicator",
        "plan",
        "department",
        "reason",
        "owing",
        "contact",
        "report",
        "summary",
    }
)
"""What may be cut short in an SMS so that it fits one segment; an email has it whole."""

LENGTHS = (60, 45, 36, 28, 20)
"""To how many characters titles are cut, one after another, until the SMS fits."""

SAMPLES: Mapping[str, str] = {
    "office": "Trung tâm Phục vụ hành chính công tỉnh Quảng Trị",
    "office_short": "TTPVHCC tỉnh Quảng Trị",
    "office_phone": "0900000010",
    "link": "https://mc.example.vn/s/k7m2pqrstuvwx",
    "filed": "online",
    "time": "17:00",
    "code": "000.00.24.H50-261012-0012",
    "procedure": "1.005129",
    "on": "12/10/2026",
    "due": "26/10/2026",
    "old_due": "26/10/2026",
    "new_due": "30/10/2026",
    "department": "Phòng Tài nguyên và Môi trường",
    "reason": "Thiếu bản sao giấy chứng nhận",
    "return_by": "counter",
    "name": "Người Nộp Hồ Sơ Mẫu",
    "obligation": "Báo cáo tháng về số máy đã cài",
    "plan": "Cài đặt ứng dụng cho người dân",
    "period": "2026-09",
    "contact": "Văn phòng UBND tỉnh",
    "owing": "Trung tâm Y tế huyện Vĩnh Linh",
    "document": "43/HĐND-TH",
    "indicator": "Số hồ sơ được hỗ trợ nộp trực tuyến",
    "actual": "95",
    "target": "100",
    "amount": "30.000 VND",
    "report": "Biểu 06: tình hình giải quyết hồ sơ (01/09/2026 - 30/09/2026)",
    "file": "bieu-06_2026-09-01_2026-09-30.xlsx",
    "late": "18:20 ngày 25/09/2026",
    "address": "https://motcua.example.vn/p/bieu-06-2026-09",
    "days": "7",
    "times": "1",
    "count": "3",
    "month": "11/2026",
    "percent": "80",
    "summary": "2 hồ sơ quá hạn, 1 hồ sơ sắp đến hạn",
    "items": "Hồ sơ quá hạn (1):\n- 000.00.24.H50-261012-0012; hạn 26/10/2026; trễ 2 ngày",
    "page": "https://motcua.example.vn/overdue",
    "year": "2027",
}
"""Invented values, as long as real ones, with which a text is tried."""

ABSENT: Mapping[str, frozenset[str]] = {"late": frozenset({"new_due"})}
"""Values that a kind may mention, for texts written earlier, and never has."""


def samples_of(kind: str) -> dict[str, str | None]:
    """The values with which the texts of a kind are tried."""
    return {**SAMPLES, **dict.fromkeys(ABSENT.get(kind, ()))}


LONGEST: Mapping[str, int] = {"name": 120, "link": 500, "reason": 1000}
LINES = frozenset({"items"})
"""Values of several lines: lists that we made ourselves."""

LONGEST_ELSE = 300
"""How many characters of a value a text takes at most."""

HIDDEN = "***"
_SIGNS = str.maketrans({"₫": "VND", "`": "'"})
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def plain(text: str) -> str:
    """A text without accents, as status SMS are customarily written; the dong sign reads VND."""
    return anyascii(unicodedata.normalize("NFC", text).translate(_SIGNS))


def clean(name: str, value: str) -> str:
    """A value as a text takes it: one line, composed, without what cannot be seen (control signs,
    marks that turn the direction of writing), and no longer than a value may be."""
    composed = unicodedata.normalize("NFC", value)
    seen = "".join(
        " " if unicodedata.category(sign) in _UNSEEN and sign != "\u200d" else sign
        for sign in composed
    )
    return shorten(" ".join(seen.split()), LONGEST.get(name, LONGEST_ELSE))


def clean_lines(value: str) -> str:
    """A list that we made, line by line."""
    return "\n".join(clean("", line) for line in value.split("\n"))


def without(text: str, name: str) -> str:
    """A text in which a name, with its accents or without, reads ``***``."""
    words = (unicodedata.normalize("NFC", name), plain(name))
    patterns = (r"\s+".join(map(re.escape, each.split())) for each in words if each.strip())
    hidden = "|".join(dict.fromkeys(patterns))
    return (
        re.sub(rf"(?<!\w)(?:{hidden})(?!\w)", HIDDEN, text, flags=re.IGNORECASE) if hidden else text
    )


def shorten(text: str, length: int) -> str:
    """A title cut at a word's end, with dots that show it."""
    if len(text) <= length:
        return text
    head = text[: length - 3]
    if text[length - 3] != " ":
        head = head.rpartition(" ")[0] or head
    return head.rstrip(" ,;:(") + "..."


def segments(text: str) -> int:
    """How many SMS a text takes: 160 or 153 characters each in GSM-7, 70 or 67 in UCS-2."""
    return len(smsutil.split(unicodedata.normalize("NFC", text)).parts)


def fits_gsm7(text: str) -> bool:
    """Whether a text needs nothing but the GSM 03.38 alphabet."""
    return smsutil.is_valid_gsm(text)
