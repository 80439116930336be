"""What a dossier's page says, in Vietnamese first and in English."""

from services.notify.api.words import LANGUAGES

TEXT_VERSION = "status-page/1"
"""Which words people agreed to; to be raised whenever what they read at the choice changes."""

WORDS: dict[str, tuple[str, str]] = {
    "title": ("Hồ sơ", "File"),
    "none": ("Không có trang này", "There is no such page"),
    "none.more": (
        "Xin xem lại địa chỉ trong tin nhắn, hoặc hỏi cơ quan đã nhận hồ sơ.",
        "Please check the address in the message, or ask the office that took the file.",
    ),
    "busy": ("Xin thử lại sau ít phút", "Please try again in some minutes"),
    "due": ("Hẹn trả kết quả", "Result due"),
    "late": ("(quá hẹn {days} ngày; cơ quan xin lỗi)", "({days} days late; we apologise)"),
    "ask": ("Hỏi thêm", "Questions"),
    "steps": ("Diễn biến", "What has happened"),
    "return.counter": ("Nhận kết quả tại quầy.", "The result is to be collected."),
    "return.post": (
        "Kết quả gửi qua bưu chính đến địa chỉ đã đăng ký.",
        "The result goes by post to the registered address.",
    ),
    "state.waiting": ("Chờ tiếp nhận", "Awaiting acceptance"),
    "state.working": ("Đang giải quyết", "In progress"),
    "state.paused": ("Đang tạm dừng, chờ bên khác", "Halted, awaiting somebody else"),
    "state.closed": ("Đã giải quyết xong", "Done"),
    "how": ("Nhận tin về hồ sơ này", "Messages about this file"),
    "channel.sms": ("Tin nhắn SMS", "By SMS"),
    "channel.email": ("Email (nếu đã để lại)", "By email (if one was given)"),
    "channel.both": ("Cả SMS và email", "By both"),
    "channel.none": ("Không nhận tin nào", "No messages"),
    "language": ("Ngôn ngữ của tin", "Language of messages"),
    "how.proof": (
        "Lựa chọn có hiệu lực ngay, chỉ cho hồ sơ này, được ghi lại làm bằng chứng, và đổi lại được"
        " bất cứ lúc nào tại đây.",
        "Your choice holds at once, for this file only, is kept as a proof, and can be changed here"
        " at any time.",
    ),
    "how.save": ("Lưu lựa chọn", "Save"),
    "wrong": ("Tin gửi nhầm?", "Not for you?"),
    "wrong.more": (
        "Nếu ông/bà không nộp hồ sơ này, hãy báo để chúng tôi ngừng gửi.",
        "If this file is not yours, tell us and we stop.",
    ),
    "wrong.which": ("Tin đến nhầm", "What is not the applicant's"),
    "wrong.sms": ("số điện thoại của tôi", "my phone number"),
    "wrong.email": ("email của tôi", "my email address"),
    "wrong.everywhere": (
        "Ngừng mọi tin về mọi hồ sơ ghi số hoặc địa chỉ này",
        "Stop messages about all files that name it",
    ),
    "wrong.save": ("Báo không phải của tôi", "Not mine: stop"),
    "done.choose": ("Đã lưu lựa chọn.", "Your choice is saved."),
    "done.none": (
        "Đã ngừng gửi tin về hồ sơ này. Ông/bà vẫn xem được hồ sơ tại đây.",
        "No more messages about this file. You can still follow it here.",
    ),
    "done.again": (
        "Từ nay ông/bà lại nhận tin về hồ sơ này.",
        "From now on you are told about this file again.",
    ),
    "done.barred": (
        "Đã lưu, nhưng số hoặc địa chỉ này từng được báo là của người khác nên chưa gửi tin đến đó."
        " Xin mang giấy hẹn đến cơ quan đã nhận hồ sơ để mở lại.",
        "Saved, but this number or address was said to be somebody else's, so nothing is sent to it."
        " Please bring your receipt to the office that took the file.",
    ),
    "again": ("Nhận lại tin?", "Be told again?"),
    "again.more": (
        "Ông/bà đã chọn không nhận tin về hồ sơ này. Nếu đồng ý nhận lại, từ nay tin được gửi qua:",
        "You chose to have no messages about this file. If you agree to have them again, they come:",
    ),
    "again.save": ("Đồng ý nhận lại", "I agree"),
    "again.back": ("Không, quay lại", "No, go back"),
    "done.wrong": ("Cảm ơn. Chúng tôi đã ngừng gửi.", "Thank you. We have stopped."),
    "fault.form": (
        "Chưa lưu được. Xin chọn lại trên trang này rồi gửi.",
        "Nothing was saved. Please choose on this page and send again.",
    ),
    "step.filed_online": ("Nộp trực tuyến", "Sent online"),
    "step.filed_counter": ("Nộp tại quầy", "Handed in at the counter"),
    "step.filed_post": ("Nộp qua bưu chính", "Sent by post"),
    "step.registered": ("Nộp trực tuyến, chờ tiếp nhận", "Sent online, awaiting acceptance"),
    "step.received": ("Đã tiếp nhận", "Accepted"),
    "step.in_process": ("Chuyển xử lý", "Passed on"),
    "step.supplement_requested": (
        "Yêu cầu bổ sung giấy tờ, thời hạn tạm dừng",
        "More papers needed, the time stands still",
    ),
    "step.payment_requested": (
        "Yêu cầu nghĩa vụ tài chính, thời hạn tạm dừng",
        "Payment needed, the time stands still",
    ),
    "step.stopped": ("Tạm dừng xử lý", "Halted"),
    "step.consulting": (
        "Chờ ý kiến cơ quan khác, thời hạn tạm dừng",
        "Awaiting another agency, the time stands still",
    ),
    "step.resumed": ("Xử lý tiếp", "Work goes on"),
    "step.refused": ("Chưa được tiếp nhận", "Not accepted"),
    "step.withdrawn": ("Đã rút theo yêu cầu", "Withdrawn"),
    "step.result_ready": ("Có kết quả", "Result ready"),
    "step.result_posted": ("Có kết quả, gửi qua bưu chính", "Result ready, goes by post"),
    "step.returned": ("Đã trả kết quả", "Result handed over"),
    "step.moved": ("Đổi ngày hẹn trả: {old} thành {new}", "Date changed from {old} to {new}"),
}


def word(name: str, language: str, **given: str | int) -> str:
    """A text by its name, filled in."""
    text = WORDS[name][LANGUAGES.index(language)]
    return text.format(**given) if given else text
