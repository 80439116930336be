"""What the printed slip and the letter of apology say, in Vietnamese first and in English."""

from services.notify.api.words import LANGUAGES

WORDS: dict[str, tuple[str, str]] = {
    "receipt": ("Giấy tiếp nhận hồ sơ và hẹn trả kết quả", "Receipt of a file"),
    "code": ("Mã hồ sơ", "File"),
    "procedure": ("Mã thủ tục", "Procedure"),
    "filed": ("Cách nộp", "Handed in"),
    "filed.online": ("trực tuyến", "online"),
    "filed.counter": ("tại quầy", "at the counter"),
    "filed.post": ("qua bưu chính", "by post"),
    "received": ("Ngày tiếp nhận", "Accepted on"),
    "sent": ("Ngày nộp", "Sent on"),
    "due": ("Ngày hẹn trả kết quả", "Result due on"),
    "no_due": ("sẽ báo sau", "to be told"),
    "return": ("Nhận kết quả", "Result"),
    "return.counter": ("tại quầy", "to be collected"),
    "return.post": (
        "qua bưu chính, đến địa chỉ đã đăng ký",
        "by post, to the registered address",
    ),
    "phone": ("Điện thoại", "Phone"),
    "address": ("Địa chỉ", "Address"),
    "hours": ("Giờ tiếp dân", "Hours"),
    "follow": ("Quét mã để xem hồ sơ", "Scan to follow the file"),
    "link": ("Xem hồ sơ, chọn cách nhận tin", "Follow the file, choose how you are told"),
    "note": (
        "Trang trên mạng không nêu họ tên, số điện thoại. Ai có địa chỉ này thì xem được tiến độ hồ sơ.",
        "The page shows neither name nor number. Whoever has this address sees how far the file is.",
    ),
    "number": ("Số: ........./PXL", "No. ........"),
    "nation": ("CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "SOCIALIST REPUBLIC OF VIET NAM"),
    "motto": ("Độc lập - Tự do - Hạnh phúc", "Independence - Freedom - Happiness"),
    "day": ("Ngày {day:02} tháng {month:02} năm {year}", "{day:02}/{month:02}/{year}"),
    "apology": ("Phiếu xin lỗi", "Letter of apology"),
    "apology.again": (
        "và hẹn lại ngày trả kết quả",
        "and a new date for the result",
    ),
    "apology.alone": ("về việc chậm trả kết quả", "for a late result"),
    "to": ("Kính gửi: Ông/Bà {who}", "To: {who}"),
    "blank": ("." * 40, "." * 40),
    "p.what": (
        "Ngày {received}, {office} tiếp nhận hồ sơ mã số {code} của Ông/Bà, hẹn trả kết quả ngày {old}."
        " Đến nay hồ sơ chưa có kết quả đúng hẹn.",
        "On {received} {office} accepted your file {code}, to be done by {old}. It was not done in time.",
    ),
    "p.reason": ("Lý do: {reason}.", "Reason: {reason}."),
    "p.no_reason": (
        "Lý do: " + "." * 60,
        "Reason: " + "." * 60,
    ),
    "p.sorry": (
        "{office} xin lỗi Ông/Bà về sự chậm trễ này.",
        "{office} apologises for the delay.",
    ),
    "p.new": ("Ngày hẹn trả kết quả mới: {new}.", "The new date is {new}."),
    "p.none": (
        "Ngày hẹn trả kết quả mới: ngày ..... tháng ..... năm .......",
        "The new date is ....................",
    ),
    "p.ask": (
        "Rất mong nhận được sự thông cảm của Ông/Bà.",
        "We ask for your understanding.",
    ),
    "contact": ("Hỏi thêm: {phone}", "Questions: {phone}"),
    "signer": ("Thủ trưởng đơn vị", "Head of the office"),
    "sign": ("(Ký, ghi rõ họ tên, đóng dấu)", "(signature, name, seal)"),
    "unknown": ("........", "........"),
}


def word(name: str, language: str, **given: str | int) -> str:
    """A text by its name, filled in."""
    text = WORDS[name][LANGUAGES.index(language)]
    return text.format(**given) if given else text
