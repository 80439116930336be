"""What texts exist, what they may say, and how long they are on a phone."""

import re
import unicodedata
from collections.abc import Mapping

import smsutil
from anyascii import anyascii

KINDS: Mapping[str, str] = {
    "received": "citizen",
    "in_process": "citizen",
    "supplement_requested": "citizen",
    "result_ready": "citizen",
    "returned": "citizen",
    "late": "citizen",
    "dossier_slipped": "officer",
    "obligation_slipped": "officer",
}
"""Every kind of notice, and who reads it."""

_DOSSIER = frozenset(
    {"office", "code", "procedure", "on", "due", "department", "reason", "return_by", "name"}
)
VARIABLES: Mapping[str, frozenset[str]] = {
    "received": _DOSSIER,
    "in_process": _DOSSIER,
    "supplement_requested": _DOSSIER,
    "result_ready": _DOSSIER,
    "returned": _DOSSIER,
    "late": _DOSSIER | {"old_due", "new_due"},
    "dossier_slipped": frozenset({"office", "code", "procedure", "old_due", "department", "name"}),
    "obligation_slipped": frozenset(
        {"office", "obligation", "plan", "period", "old_due", "contact", "name"}
    ),
}
"""What a text of each kind may mention. Days read ``dd/mm/yyyy``; absent values are null."""

SAMPLES: Mapping[str, str] = {
    "office": "Trung tâm Phục vụ hành chính công tỉnh Quảng Trị",
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
}
"""Invented values, as long as real ones, with which a text is tried."""

HIDDEN = "***"
_SIGNS = str.maketrans({"₫": "VND", "`": "'"})


def plain(text: str) -> str:
    """A text without accents, as status SMS are customarily written; the dong sign reads VND."""
    return anyascii(unicodedata.normalize("NFC", text).translate(_SIGNS))


def without(text: str, name: str) -> str:
    """A text in which a name, with its accents or without, reads ``***``."""
    words = (unicodedata.normalize("NFC", name), plain(name))
    patterns = (r"\s+".join(map(re.escape, each.split())) for each in words if each.strip())
    hidden = "|".join(dict.fromkeys(patterns))
    return (
        re.sub(rf"(?<!\w)(?:{hidden})(?!\w)", HIDDEN, text, flags=re.IGNORECASE) if hidden else text
    )


def segments(text: str) -> int:
    """How many SMS a text takes: 160 or 153 characters each in GSM-7, 70 or 67 in UCS-2."""
    return len(smsutil.split(unicodedata.normalize("NFC", text)).parts)


def fits_gsm7(text: str) -> bool:
    """Whether a text needs nothing but the GSM 03.38 alphabet."""
    return smsutil.is_valid_gsm(text)
