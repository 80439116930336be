"""What is said about a file and its rows: faults, remarks, repairs; never a value of a cell."""

from typing import NamedTuple


class FileFault(NamedTuple):
    """Something wrong with the file as a whole. ``column`` is a heading, or empty."""

    code: str
    column: str
    message: str


class Note(NamedTuple):
    """Something about one cell of a row.

    ``column`` is the name of a column of the kind, or of an answer; ``hint`` completes the words:
    what is allowed, which row is the same. It never repeats what the cell holds.
    """

    column: str
    code: str
    hint: str = ""


FAULTS: dict[str, str] = {
    "missing": "chưa điền",
    "missing_one": "cần điền ít nhất một trong: {hint}",
    "no_answers": "không có câu trả lời nào",
    "invalid_date": "không phải ngày (viết như 31/12/2020)",
    "date_out_of_range": "ngày ngoài khoảng 1990 đến 2100",
    "invalid_month": "không phải tháng (viết như 01/2020)",
    "invalid_period": "không phải kỳ (viết như 2020, quý 1/2020, 01/2020, 31/01/2020)",
    "invalid_number": "không phải số nguyên từ 0",
    "not_allowed": "chỉ nhận: {hint}",
    "unknown_unit": "không xác định được đơn vị, hãy ghi mã{hint}",
    "unit_not_valid": "đơn vị chưa có hoặc đã hết hiệu lực vào ngày của dòng",
    "unit_not_allowed": "khoá gửi không được gửi thay đơn vị này",
    "source_not_allowed": "khoá gửi không được gửi dưới tên nguồn này",
    "invalid_code": "mã chỉ gồm chữ, số và . _ - : / +, không có dấu cách",
    "personal_data": "ghi mã, không ghi số điện thoại, email hay số định danh",
    "too_long": "quá dài",
    "control_character": "có ký tự điều khiển",
    "invalid_unicode": "có ký tự hỏng",
    "no_mobile": "không phải số di động Việt Nam",
    "invalid_email": "không phải địa chỉ email",
    "order": "phải sau “{hint}”",
    "no_status_date": "trạng thái này cần ngày: điền “{hint}”",
    "too_large": "dòng quá lớn",
    "conflict": "trái với điều đã ghi nhận; huỷ bản ghi cũ rồi gửi lại",
    "refused": "không được nhận{hint}",
}
"""Why a row is not taken."""

REMARKS: dict[str, str] = {
    "no_name": "thiếu họ tên: không đủ điều kiện phỏng vấn",
    "no_phone": "thiếu số điện thoại: không nhắn tin, không phỏng vấn được",
    "bad_phone": "số điện thoại không hợp lệ: không nhắn tin, không phỏng vấn được",
    "fixed_phone": "số máy bàn: không nhắn tin được",
    "bad_name": "họ tên không hợp lệ",
    "bad_email": "email không hợp lệ",
    "no_return_date": "đã trả mà không có ngày trả thực tế",
    "unit_ended": "đơn vị đã kết thúc: danh sách tính vào ngày cuối của đơn vị",
    "same_row": "trùng hoàn toàn với dòng {hint}: chỉ tính một lần",
}
"""What is amiss with a row that is taken all the same."""

REPAIRS: dict[str, str] = {
    "phone_number": "số điện thoại lưu dạng số",
    "phone_separators": "số điện thoại có dấu chấm, cách",
    "phone_first": "nhiều số trong một ô: lấy số di động đầu tiên",
    "phone_prefix": "đầu số 11 số cũ",
    "phone_zero": "thiếu số 0 đầu",
    "phone_letter": "chữ O thay số 0",
    "phone_digits": "chữ số lạ",
    "phone_country": "mã quốc gia 84",
    "date_serial": "ngày lưu dạng số của bảng tính",
    "date_short_year": "năm viết hai chữ số",
    "date_text": "ngày viết bằng chữ hoặc viết liền",
    "date_assumed": "ngày lấy theo ngày nộp",
    "name_capitals": "họ tên viết toàn chữ hoa hoặc chữ thường",
    "name_composed": "dấu tiếng Việt rời (NFD)",
    "name_spaces": "thừa dấu cách",
    "text_composed": "dấu tiếng Việt rời (NFD)",
    "number_text": "số lưu dạng chữ",
    "code_number": "mã lưu dạng số",
    "unit_name": "tên đơn vị đổi thành mã",
    "choice_word": "từ gần đúng",
    "channel_assumed": "trống: coi là nộp trực tiếp",
    "authority_assumed": "trống: lấy cấp của đơn vị",
}
"""What was mended by itself."""


def words(note: Note) -> str:
    """A note in Vietnamese, without the column."""
    text = FAULTS.get(note.code) or REMARKS.get(note.code) or REPAIRS.get(note.code) or note.code
    return text.replace("{hint}", note.hint)
