"""Why a file cannot be read as a list, said so that its owner can mend it."""


class Unreadable(Exception):
    """A file that is no list. ``code`` is stable; ``message`` is Vietnamese, without contents.

    ``status`` is the HTTP answer it gets where it is seen at once.
    """

    def __init__(self, code: str, message: str, status: int = 422) -> None:
        super().__init__(code)
        self.code, self.message, self.status = code, message, status


EMPTY_FILE = ("empty_file", "Tệp rỗng: hãy chọn lại tệp.", 422)
EMPTY_SHEET = ("empty_sheet", "Tệp không có ô nào có dữ liệu.", 422)
NO_LIST = (
    "not_a_list",
    "Không đọc được tệp này: hãy lưu danh sách dưới dạng .xlsx, .xls, .ods hoặc .csv rồi gửi lại.",
    415,
)
PDF = (
    "not_a_list",
    "Đây là tệp PDF dù tên tệp nói khác: hãy gửi bảng tính gốc (.xlsx, .xls, .ods, .csv).",
    415,
)
HTML = (
    "not_a_list",
    "Đây là trang web hoặc XML mang tên bảng tính: hãy mở bằng Excel, lưu thành .xlsx rồi gửi lại.",
    415,
)
ENCRYPTED = (
    "encrypted",
    "Tệp được đặt mật khẩu: hãy bỏ mật khẩu (Tệp > Thông tin > Bảo vệ) rồi gửi lại.",
    422,
)
DAMAGED = (
    "damaged",
    "Tệp bị hỏng: hãy mở bằng Excel, lưu lại thành .xlsx rồi gửi lại.",
    422,
)
UNPACKS_TOO_LARGE = (
    "unpacks_too_large",
    "Tệp khi giải nén quá lớn để là một danh sách: hãy chia nhỏ hoặc chép dữ liệu sang tệp mới.",
    413,
)
TOO_MANY_ROWS = (
    "too_many_rows",
    "Quá nhiều dòng: hãy chia thành nhiều tệp, mỗi tệp không quá {rows} dòng.",
    413,
)
TOO_MANY_COLUMNS = (
    "too_many_columns",
    "Quá nhiều cột: hãy bỏ bớt, không quá {columns} cột.",
    413,
)
TOO_MUCH = (
    "too_large_to_read",
    "Bảng tính quá rộng để đọc (có thể có ô ở rất xa): hãy chép dữ liệu sang tệp mới rồi gửi lại.",
    413,
)
NO_SHEET = ("no_such_sheet", "Không có trang tính này; tệp có: {sheets}.", 422)


def unreadable(fault: tuple[str, str, int], **values: object) -> Unreadable:
    """One of the faults above, with its figures filled in."""
    code, message, status = fault
    return Unreadable(code, message.format(**values), status)
