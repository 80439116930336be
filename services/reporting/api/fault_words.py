"""What is wrong, as people read it on a page: programs get it in English, people in their language."""

from collections.abc import Mapping

from services.reporting.api.words import word

_FAULTS: Mapping[str, tuple[str, str]] = {
    "missing": ("Cần điền.", "Fill this in."),
    "empty": ("Cần điền, không để trống.", "Fill this in: it must not be empty."),
    "wrong_type": ("Sai dạng dữ liệu.", "This has the wrong form."),
    "text": ("Cần ghi bằng chữ.", "Write a text."),
    "invalid": ("Giá trị không hợp lệ.", "This value is not valid."),
    "invalid_code": (
        "Mã chỉ gồm chữ, số và các dấu . : / + - _.",
        "Use letters, digits and . : / + - _ alone.",
    ),
    "invalid_period": (
        "Ghi kỳ như 2025, 2025-Q1, 2025-01 hoặc 2025-01-31.",
        "Write 2025, 2025-Q1, 2025-01 or 2025-01-31.",
    ),
    "not_allowed": ("Chọn một giá trị có trong danh sách.", "Use one of the listed values."),
    "not_rfc3339": ("Ghi ngày giờ cho đúng.", "Write a date and time."),
    "missing_zone": ("Ngày giờ thiếu múi giờ.", "The time has no zone."),
    "date_out_of_range": ("Ngày ngoài khoảng cho phép.", "The date is out of range."),
    "not_a_date": ("Ghi ngày dạng NĂM-THÁNG-NGÀY.", "Write a day as YYYY-MM-DD."),
    "not_a_month": ("Ghi tháng dạng NĂM-THÁNG.", "Write a month as YYYY-MM."),
    "not_begun": ("Kỳ này chưa bắt đầu.", "The period has not begun."),
    "not_over": ("Kỳ này chưa kết thúc.", "The period is not over."),
    "whole_month": ("Chỉ khóa được trọn một tháng.", "Only a whole month can be locked."),
    "negative": ("Không nhỏ hơn 0.", "Give 0 or more."),
    "too_large": ("Số quá lớn.", "The number is too large."),
    "too_small": ("Số quá nhỏ.", "The number is too small."),
    "too_long": ("Quá dài: hãy rút ngắn.", "Shorten this."),
    "out_of_range": ("Số ngoài khoảng cho phép.", "The number is out of range."),
    "range": ("Ngày cuối trước ngày đầu.", "The last day lies before the first."),
    "control_character": ("Có ký tự không hợp lệ.", "Remove the control characters."),
    "unknown": ("Không có giá trị này.", "There is no such value."),
    "unknown_unit": ("Không có đơn vị này.", "There is no such unit."),
    "unknown_plan": ("Không có kế hoạch này.", "There is no such plan."),
    "unknown_indicator": ("Không có chỉ tiêu này.", "There is no such indicator."),
    "unknown_obligation": ("Không có việc phải nộp này.", "There is no such obligation."),
    "unknown_event": ("Hồ sơ không có sự kiện này.", "The dossier has no such event."),
    "unit_not_valid": (
        "Đơn vị không tồn tại vào thời điểm đó.",
        "The unit did not exist at that time.",
    ),
    "unit_not_allowed": ("Không được ghi cho đơn vị này.", "You may not write for this unit."),
    "source_not_allowed": ("Không được ghi từ nguồn này.", "You may not write from this source."),
    "beyond_key": ("Ngoài phạm vi được xem.", "This lies beyond what you may see."),
    "personal_data": ("Không ghi số điện thoại, thư điện tử.", "Write no phone number or e-mail."),
    "not_public": ("Báo cáo này không để công bố.", "This report is not for publication."),
    "leads_nowhere": ("Ô này không dẫn đến dòng nào.", "This cell leads to no rows."),
    "fixed": ("Mục này không sửa ở đây được.", "This cannot be corrected here."),
    "nothing_changed": ("Chưa sửa gì.", "Nothing is changed."),
    "too_many_rows": (
        "Quá nhiều dòng cho PDF: hãy tải Excel hoặc CSV, hoặc lọc bớt.",
        "Too many rows for PDF: take Excel or CSV, or filter.",
    ),
}
"""Code of a fault -> what people read."""

_DETAILS: tuple[tuple[str, str], ...] = (
    ("There is a user of that name.", "Đã có người dùng tên này."),
    ("There is no such user.", "Không có người dùng này."),
    ("There is no such sample.", "Không có mẫu khảo sát này."),
    ("There is no such event.", "Không có sự kiện này trong phạm vi được xem."),
    ("There is no such dossier.", "Không có hồ sơ này trong phạm vi được xem."),
    ("There is no such publication.", "Không có bản công bố này."),
    ("There is no such schedule.", "Không có lịch báo cáo này."),
    ("There is no such file.", "Không có tệp này."),
    ("There is no such export.", "Không có tệp xuất này."),
    ("There is no report of that name", "Không có báo cáo này."),
    ("There is no file: the export is", "Tệp chưa có hoặc không còn."),
    ("This needs the scope events:write", "Cần quyền ghi sự kiện, hoặc tài khoản được quyền ghi."),
    ("This event is withdrawn already.", "Sự kiện này đã được thu hồi."),
    ("This event was corrected otherwise", "Sự kiện này đã được đính chính khác."),
    ("Only who came with a key", "Chỉ người đăng nhập bằng khóa mới làm được việc này ở đây."),
    ("The key does not reach", "Không được xem, ghi cho đơn vị này."),
    ("The key is bound to", "Khóa chỉ dùng cho đơn vị, nguồn khác."),
    ("Intake does not answer.", "Dịch vụ tiếp nhận chưa trả lời. Hãy thử lại sau."),
    ("The month is locked as published under", "Tháng này đã khóa sổ, công bố tại"),
    ("This publication was withdrawn.", "Bản công bố này đã thu hồi."),
    ("Only who made a schedule", "Chỉ người lập lịch và quản trị viên được sửa."),
    ("A key that is bound to units", "Khóa gắn với đơn vị không tạo được người dùng."),
    ("A log-in in a browser serves only", "Phiên đăng nhập chỉ dùng cho trang của hệ thống này."),
    ("This form was not made for", "Biểu mẫu đã cũ: hãy tải lại trang rồi gửi lại."),
    ("Too many are listening.", "Đang có quá nhiều người xem trực tiếp. Hãy thử lại sau."),
)
"""How a detail begins in English -> the same in Vietnamese."""
_KEEPS_REST = ("The month is locked as published under",)


def detail_in(detail: str | None, language: str) -> str | None:
    """A problem's detail in the reader's language; one that is not known stays as it is."""
    if detail is None or language != "vi":
        return detail
    for english, vietnamese in _DETAILS:
        if detail.startswith(english):
            rest = detail.removeprefix(english) if english in _KEEPS_REST else ""
            return vietnamese + rest
    return detail


def fault_in(error: Mapping[str, str], language: str) -> tuple[str, str]:
    """(what it is about, what is wrong) of an error, in the reader's language."""
    name = error["pointer"].removeprefix("/data").strip("/").removeprefix("row.")
    about = next(
        (
            said
            for key in (f"field.{name}", f"column.{name}", name)
            if name and (said := word(key, language)) != key.rpartition(".")[2]
        ),
        name,
    )
    known = _FAULTS.get(error["code"])
    if known is None or (language == "en" and error.get("message")):
        return about, error.get("message", error["code"])
    return about, known[0] if language == "vi" else known[1]


__all__ = ["detail_in", "fault_in"]
