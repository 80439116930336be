"""A closed month as a sheet that people sign."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shared.printing import to_csv, to_pdf, to_xlsx

TEMPLATE = Path(__file__).parent.parent / "pages" / "payroll.typ"
COLUMNS = ("unit", "unit_name", "installer", "name", "installs", "amount", "currency")
HEADINGS = ("STT", "Họ và tên", "Mã", "Đơn vị", "Số máy", "Thành tiền", "Ký nhận")
SIGNATURES = ("Người lập biểu", "Kế toán", "Thủ trưởng đơn vị")
UNNAMED = "(chưa có trong danh sách)"


def payroll_csv(run: Mapping[str, Any]) -> bytes:
    """Who is paid how much, for programs: English keys as headings."""
    return to_csv(run["payments"], COLUMNS)


def payroll_xlsx(run: Mapping[str, Any]) -> bytes:
    """Who is paid how much, for people, with a column to sign."""
    rows = [
        [number, _name(row), row["installer"], row["unit_name"], row["installs"], row["amount"], ""]
        for number, row in enumerate(run["payments"], 1)
    ]
    total = run["total"]
    foot = [None, "Tổng cộng", None, None, total["installs"], total["amount"], None]
    lines = [
        "Bảng thanh toán tiền hỗ trợ",
        run["title"],
        _month(run),
        f"Bằng chữ: {total['amount_in_words']}",
    ]
    return to_xlsx(lines, HEADINGS, rows, foot)


def payroll_pdf(run: Mapping[str, Any]) -> bytes:
    """The same to print and sign, with the total in words."""
    total = run["total"]
    content = {
        "heading": "Bảng thanh toán tiền hỗ trợ",
        "title": run["title"],
        "month": _month(run),
        "headings": list(HEADINGS),
        "rows": [
            [
                str(number),
                _name(row),
                row["installer"] or "",
                row["unit_name"],
                _dotted(row["installs"]),
                _dotted(row["amount"]),
                "",
            ]
            for number, row in enumerate(run["payments"], 1)
        ],
        "total": {
            "label": "Tổng cộng",
            "installs": _dotted(total["installs"]),
            "amount": _dotted(total["amount"]),
        },
        "words": {"label": "Số tiền bằng chữ:", "text": _sentence(total["amount_in_words"])},
        "place": "..............., ngày ...... tháng ...... năm ..........",
        "signatures": list(SIGNATURES),
        "sign": "(Ký, ghi rõ họ tên)",
    }
    return to_pdf(TEMPLATE, content)


def _name(row: Mapping[str, Any]) -> str:
    return row["name"] or UNNAMED


def _month(run: Mapping[str, Any]) -> str:
    year, month = run["month"].split("-")
    return f"Tháng {month} năm {year}"


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."


def _dotted(value: int) -> str:
    return f"{value:,}".replace(",", ".")
