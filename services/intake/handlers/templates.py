"""Lists to fill in."""

from services.intake.rules.lists.kinds import Kind
from shared.sheets import writing

VALUES = {
    "unit": "mã hoặc tên đơn vị",
    "text": "chữ",
    "name": "họ tên",
    "phone": "số điện thoại",
    "citizen": "số điện thoại hoặc mã",
    "email": "email",
    "instant": "ngày, có thể kèm giờ",
    "due": "ngày, có thể kèm giờ",
    "day": "ngày",
    "month": "tháng",
    "period": "kỳ",
    "whole": "số nguyên",
    "choice": "chọn một",
    "code": "mã",
    "reference": "mã bất kỳ",
}
"""What a column holds, in words."""


def write_template(kind: Kind) -> bytes:
    """A workbook with the headings, an example of invented data, and a sheet about the columns."""
    shown = [column for column in kind.columns.values() if column.value != "ignored"]
    about = [("Cột", "Phải có", "Ghi gì", "Dạng", "Chỉ nhận", "Cũng hiểu các tiêu đề")]
    for column in shown:
        about.append(
            (
                column.heading,
                "có" if column.needed else "",
                column.meaning,
                VALUES[column.value],
                ", ".join(column.words),
                ", ".join(column.aliases),
            )
        )
    headings = [(column.heading, column.needed, column.example) for column in shown]
    if kind.answers:
        headings.append(("c1", True, "8"))
        about.append(
            ("c1, c2, ...", "có", "Câu trả lời; tên cột là mã câu hỏi.", "số, chữ", "", "")
        )
    words = {at: column.words for at, column in enumerate(shown) if column.words}
    return writing.write_template(f"{kind.title} ({kind.name})", headings, about, words)
