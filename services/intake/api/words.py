"""What people read on intake's pages, in Vietnamese and in English."""

from collections.abc import Mapping

LANGUAGES = ("vi", "en")

_WORDS: Mapping[str, tuple[str, str]] = {
    "title": ("Nhập liệu một cửa", "One-stop shop entry"),
    "skip": ("Đến nội dung chính", "Skip to content"),
    "language": ("Ngôn ngữ", "Language"),
    "log_in": ("Đăng nhập", "Log in"),
    "log_out": ("Đăng xuất", "Log out"),
    "key": ("Khóa truy cập", "Access key"),
    "key_hint": (
        "Khóa có quyền gửi sự kiện (events:write). Quản trị viên tạo bằng lệnh motcua key create.",
        "A key that may send events (events:write). Made with: motcua key create.",
    ),
    "bad_key": (
        "Khóa không đúng, đã bị thu hồi hoặc không có quyền gửi sự kiện.",
        "The key is wrong, revoked, or may not send events.",
    ),
    "no_script": (
        "Các biểu mẫu cần JavaScript: hãy bật JavaScript trong trình duyệt.",
        "The forms need JavaScript: please allow it in your browser.",
    ),
    "sandbox": (
        "Khóa thử nghiệm: mọi dòng được kiểm tra như thật nhưng không được tính vào đâu.",
        "A sandbox key: rows are checked as in earnest, and count nowhere.",
    ),
    "start": ("Trang đầu", "Start"),
    "hello": ("Hôm nay cần ghi việc gì?", "What is there to record?"),
    "optional": ("không bắt buộc", "optional"),
    "choose": ("Chọn", "Choose"),
    "send": ("Gửi", "Send"),
    "send_again": ("Sửa và gửi lại", "Send the correction"),
    "here": ("Trên máy này", "On this device"),
    "here_hint": (
        "Dòng chưa gửi nằm trên máy này và tự gửi khi có mạng; gửi xong thì được xóa khỏi máy.",
        "Unsent rows stay on this device and go out by themselves once there is a signal; what "
        "was taken is removed from it.",
    ),
    "unit": ("Đơn vị", "Unit"),
    "unit_hint": (
        "Gõ tên hoặc mã, không cần dấu, rồi chọn.",
        "Type a name or a code, accents or not, and choose.",
    ),
    "at": ("Thời điểm", "When"),
    "at_hint": ("Giờ Việt Nam.", "Time in Viet Nam."),
    # -- one install
    "install": ("Một lượt cài ứng dụng", "One app install"),
    "install.about": (
        "Ghi một lần cài ứng dụng trên một điện thoại.",
        "One installation of the app on one phone.",
    ),
    "app": ("Ứng dụng", "App"),
    "app_hint": ("Ví dụ: rtHome.", "For example rtHome."),
    "installer": ("Mã người cài", "Installer's code"),
    "installer_hint": (
        "Mã trong danh sách người cài, ví dụ 461-03. Không ghi số điện thoại.",
        "The code in the installers' register, such as 461-03. Never a phone number.",
    ),
    "citizen": ("Số điện thoại của người dân", "The citizen's phone number"),
    "citizen_hint": (
        "Chỉ dùng để không đếm hai lần; hệ thống thay bằng một mã băm.",
        "Only so that nobody is counted twice; it is replaced by a hash.",
    ),
    "device": ("Mã máy", "Device"),
    "device_hint": ("Số máy hoặc mã do ứng dụng hiện.", "The number that the app shows."),
    "place": ("Nơi cài", "Place"),
    "place.one_stop": ("Bộ phận một cửa", "One-stop office"),
    "place.home": ("Nhà người dân", "Citizen's home"),
    "place.public": ("Nơi công cộng", "Public place"),
    "place.other": ("Nơi khác", "Elsewhere"),
    "result": ("Kết quả", "Result"),
    "result.succeeded": ("Thành công", "Succeeded"),
    "result.failed": ("Không thành công", "Failed"),
    "reason": ("Lý do không cài được", "Why it failed"),
    # -- a difficulty
    "difficulty": ("Khó khăn, vướng mắc", "A difficulty"),
    "difficulty.about": (
        "Báo một khó khăn, hoặc báo đã giải quyết xong.",
        "Raise a difficulty, or say that one is resolved.",
    ),
    "happening": ("Việc cần ghi", "What happened"),
    "happening.raised": ("Gặp khó khăn", "Raised"),
    "happening.resolved": ("Đã giải quyết", "Resolved"),
    "difficulty_id": ("Khó khăn nào", "Which difficulty"),
    "difficulty_id_hint": (
        "Chọn khó khăn đã báo, hoặc gõ mã của nó.",
        "Choose one that was raised, or type its code.",
    ),
    "category": ("Nhóm", "Category"),
    "category.connectivity": ("Mạng, sóng", "Connectivity"),
    "category.device": ("Thiết bị", "Device"),
    "category.awareness": ("Người dân chưa biết", "Awareness"),
    "category.staffing": ("Nhân lực", "Staffing"),
    "category.data": ("Dữ liệu", "Data"),
    "category.other": ("Việc khác", "Other"),
    "text": ("Nội dung", "What it is about"),
    "text_hint": (
        "Không ghi tên, số điện thoại hay số giấy tờ của người dân.",
        "No names, phone numbers or identity numbers of citizens.",
    ),
    # -- the day's counts
    "activity": ("Số liệu trong ngày", "The day's counts"),
    "activity.about": (
        "Lượt người đội hình đã gặp, hướng dẫn, hỗ trợ trong một ngày.",
        "Visits reached, guided and supported by a team in one day.",
    ),
    "day": ("Ngày", "Day"),
    "team": ("Mã đội hình", "Team's code"),
    "member": ("Mã thành viên", "Member's code"),
    "people_code_hint": (
        "Mã trong danh sách, không ghi tên.",
        "The code in the register, no name.",
    ),
    "counts": ("Lượt người", "Visits"),
    "counts_hint": (
        "Để trống mục không có. Mỗi mục là một dòng riêng.",
        "Leave empty what there was none of. Each kind is a record of its own.",
    ),
    "kind.reached": ("Tiếp cận", "Reached"),
    "kind.guided": ("Hướng dẫn", "Guided"),
    "kind.supported": ("Hỗ trợ nộp hồ sơ", "Supported"),
    "kind.trained": ("Tập huấn", "Trained"),
    "kind.core": ("Nòng cốt", "Core members"),
    "kind.account_created": ("Lập tài khoản", "Accounts created"),
    "kind.duty": ("Buổi trực", "On duty"),
    # -- a survey
    "survey": ("Phiếu khảo sát", "A survey"),
    "survey.about": (
        "Ghi câu trả lời của một người đã làm xong thủ tục hoặc khám bệnh.",
        "The answers of one person whose dossier or treatment is finished.",
    ),
    "questionnaire": ("Bảng hỏi", "Questionnaire"),
    "mode": ("Cách hỏi", "Mode"),
    "mode.phone": ("Điện thoại", "Phone"),
    "mode.tablet": ("Máy tính bảng", "Tablet"),
    "dossier": ("Mã hồ sơ", "Dossier's code"),
    "questions": ("Câu hỏi", "Questions"),
    "points_hint": ("1 là kém nhất, 10 là tốt nhất.", "1 is worst, 10 is best."),
    "level.very_dissatisfied": ("Rất không hài lòng", "Very dissatisfied"),
    "level.dissatisfied": ("Không hài lòng", "Dissatisfied"),
    "level.neutral": ("Bình thường", "Neutral"),
    "level.satisfied": ("Hài lòng", "Satisfied"),
    "level.very_satisfied": ("Rất hài lòng", "Very satisfied"),
    "answer.yes": ("Có", "Yes"),
    "answer.no": ("Không", "No"),
    # -- a report filed
    "report": ("Nộp báo cáo", "A report filed"),
    "report.about": (
        "Ghi rằng đơn vị đã nộp báo cáo của một kỳ.",
        "Say that a unit has filed its report for a period.",
    ),
    "plan": ("Kế hoạch", "Plan"),
    "obligation": ("Việc phải nộp", "What is owed"),
    "period": ("Kỳ", "Period"),
    "period_hint": (
        "Ví dụ 2020-03 (tháng), 2020-03-16 (ngày), 2020, once (một lần).",
        "Such as 2020-03 (month), 2020-03-16 (day), 2020, once.",
    ),
    "plan_hint": ("Chọn trong danh sách, hoặc gõ mã.", "Choose from the list, or type the code."),
    "document": ("Số văn bản", "Document number"),
    "figures": ("Số liệu để đối chiếu", "Figures to check against"),
    "figures_hint": (
        "Số liệu hệ thống đang có của đơn vị trong kế hoạch này; không gửi kèm báo cáo.",
        "What the system has for the unit under this plan; not sent with the report.",
    ),
    # -- own entries, voids
    "entries": ("Dòng đã gửi", "Sent entries"),
    "entries.about": (
        "Xem những dòng khóa này đã gửi và thu hồi dòng ghi nhầm.",
        "See what this key has sent, and void what was wrong.",
    ),
    "entries_hint": (
        "Thu hồi rút dòng đó khỏi mọi số đếm và báo cáo. Muốn sửa: thu hồi rồi ghi dòng mới.",
        "A void takes the entry out of every count and report. To correct: void, and record anew.",
    ),
    "no_entries": ("Khóa này chưa gửi dòng nào.", "This key has sent nothing yet."),
    "void": ("Thu hồi", "Void"),
    "voided": ("Đã thu hồi", "Voided"),
    "void_title": ("Thu hồi dòng ghi nhầm", "Void a wrong entry"),
    "void_reason": ("Lý do thu hồi", "Why it is voided"),
    "cancel": ("Thôi", "Cancel"),
    "entry.kind": ("Loại", "Kind"),
    "entry.unit": ("Đơn vị", "Unit"),
    "entry.at": ("Xảy ra lúc", "Happened"),
    "entry.received": ("Nhận lúc", "Received"),
    "entry.details": ("Nội dung", "Details"),
    "entry.action": ("Thu hồi", "Void"),
    "type.install.recorded": ("Cài ứng dụng", "Install"),
    "type.dossier.submitted": ("Nộp hồ sơ", "Dossier submitted"),
    "type.dossier.status_changed": ("Trạng thái hồ sơ", "Dossier status"),
    "type.survey.completed": ("Khảo sát", "Survey"),
    "type.list.delivered": ("Nộp danh sách", "List delivered"),
    "type.report.filed": ("Nộp báo cáo", "Report filed"),
    "type.activity.recorded": ("Hoạt động", "Activity"),
    "type.difficulty.raised": ("Khó khăn", "Difficulty raised"),
    "type.difficulty.resolved": ("Đã giải quyết khó khăn", "Difficulty resolved"),
    "type.total.recorded": ("Số đầu kỳ", "Opening total"),
    "type.record.voided": ("Thu hồi", "Void"),
    # -- lists
    "lists": ("Nộp danh sách từ tệp", "A list from a file"),
    "lists.about": (
        "Tải lên tệp Excel hoặc CSV, xem tiến độ, tải về dòng lỗi.",
        "Upload an Excel or CSV file, watch it, download what is wrong.",
    ),
    "list_period": ("Kỳ của danh sách", "The list's period"),
    "list_kind": ("Loại danh sách", "Kind of list"),
    "list.installs": ("Lượt cài ứng dụng", "App installs"),
    "list.dossiers": ("Hồ sơ", "Dossiers"),
    "list.patients": ("Người bệnh", "Patients"),
    "list.clients": ("Người, tổ chức đã phục vụ", "Clients served"),
    "list.installers": ("Người cài đặt", "Installers"),
    "list.officers": ("Cán bộ", "Officers"),
    "list.surveys": ("Phiếu khảo sát", "Surveys"),
    "list.activities": ("Hoạt động", "Activities"),
    "list.reports": ("Báo cáo đã nộp", "Reports filed"),
    "list.totals": ("Số đầu kỳ", "Opening totals"),
    "file": ("Tệp", "File"),
    "file_hint": (
        "Excel (xlsx, xls), ODS hoặc CSV. Kéo thả vào đây cũng được.",
        "Excel (xlsx, xls), ODS or CSV. You may also drop it here.",
    ),
    "list_unit_hint": (
        "Dùng cho dòng không ghi đơn vị trong tệp.",
        "For rows that name no unit in the file.",
    ),
    "list_period_hint": (
        "Tháng của danh sách, ví dụ 2020-03.",
        "The list's month, such as 2020-03.",
    ),
    "template": ("Tải tệp mẫu", "Download a template"),
    "upload": ("Tải lên", "Upload"),
    "progress": ("Tiến độ", "Progress"),
    "rows_read": ("Số dòng", "Rows"),
    "accepted": ("Đã nhận", "Accepted"),
    "duplicate": ("Đã có từ trước", "Already there"),
    "refused": ("Bị từ chối", "Refused"),
    "errors_sheet": ("Tải tệp ghi lỗi từng dòng", "Download the sheet with each row's faults"),
    "mapping": ("Ghép mã đơn vị", "Map unit codes"),
    "mapping.about": (
        "Ghép mã, tên đơn vị của phần mềm nguồn với đơn vị của hệ thống.",
        "Map the source software's unit codes and names to units.",
    ),
}

_SCRIPT_WORDS: Mapping[str, tuple[str, str]] = {
    "online": ("Có mạng", "Online"),
    "offline": ("Mất mạng", "No signal"),
    "nothing_waits": ("không có dòng chờ gửi", "nothing waits"),
    "waiting": ("{n} dòng chờ gửi", "{n} waiting"),
    "refused": ("{n} dòng bị từ chối", "{n} refused"),
    "sending": ("đang gửi", "sending"),
    "log_in_again": (
        "Phiên đăng nhập đã hết: đăng nhập lại để gửi các dòng đang chờ.",
        "The session has ended: log in again to send what waits.",
    ),
    "log_in": ("Đăng nhập", "Log in"),
    "not_allowed_here": (
        "Khóa này không được gửi: hỏi quản trị viên.",
        "This key may not send: ask the administrator.",
    ),
    "taken": ("Đã ghi nhận.", "Taken."),
    "difficulty_code": ("Mã khó khăn: {id}.", "The difficulty's code: {id}."),
    "kept": (
        "Đã giữ trên máy này, sẽ tự gửi khi có mạng.",
        "Kept on this device; it goes out once there is a signal.",
    ),
    "refused_now": ("Chưa ghi nhận được: xem chỗ báo lỗi.", "Not taken: see what is marked."),
    "mend_first": ("Còn chỗ chưa đúng: xem chỗ báo lỗi.", "Something is not right: see the marks."),
    "nothing_here": ("Không có dòng nào đang chờ.", "Nothing waits here."),
    "state_waiting": ("Chờ gửi", "Waiting"),
    "state_tried": ("Đã thử gửi, chưa có trả lời", "Tried, no answer yet"),
    "state_refused": ("Bị từ chối", "Refused"),
    "state_taken": ("Đã ghi nhận", "Taken"),
    "correct": ("Sửa", "Correct"),
    "correct_row": ("Sửa dòng: {row}", "Correct: {row}"),
    "discard": ("Bỏ", "Discard"),
    "discard_row": ("Bỏ dòng: {row}", "Discard: {row}"),
    "sure_discard": (
        "Bỏ dòng này? Nội dung sẽ mất hẳn.",
        "Discard this row? It will be gone for good.",
    ),
    "sure_discard_tried": (
        "Dòng này đã thử gửi, có thể đã được ghi nhận. Bỏ thì không gửi nữa; nếu đã ghi nhận, hãy"
        " thu hồi ở mục Dòng đã gửi. Bỏ?",
        "This row was tried and may have been taken. Discarded, it is not sent again; if it was"
        " taken, void it under Sent entries. Discard?",
    ),
    "others": (
        "{n} dòng của khóa khác đang chờ trên máy này; đăng nhập bằng khóa đó để gửi.",
        "{n} rows of another key wait on this device; log in with it to send them.",
    ),
    "sure_log_out": (
        "Còn {n} dòng chưa gửi. Chúng nằm lại trên máy này đến khi đăng nhập bằng chính khóa này."
        " Đăng xuất?",
        "{n} rows are unsent. They stay on this device until you log in with this very key."
        " Log out?",
    ),
    "send_now": ("Gửi ngay", "Send now"),
    "not_kept": (
        "Máy này hết chỗ, chưa giữ được dòng vừa nhập. Xóa bớt dữ liệu rồi gửi lại.",
        "This device has no room left; the row was not kept. Free some room and send it again.",
    ),
    "no_store": (
        "Trình duyệt này không giữ được dòng chưa gửi: đừng đóng trang trước khi gửi xong.",
        "This browser cannot keep unsent rows: do not close the page before they are sent.",
    ),
    "no_units": ("Chưa tải được danh sách đơn vị.", "The list of units could not be loaded."),
    "no_match": ("Không có mục nào khớp.", "Nothing matches."),
    "more_matches": ("còn {n} mục nữa, gõ thêm để thu hẹp", "{n} more, type on to narrow it down"),
    "editing": ("Đang sửa một dòng bị từ chối.", "Correcting a refused row."),
    "difficulties_open": ("Khó khăn chưa giải quyết", "Open difficulties"),
    "difficulties_resolved": ("Khó khăn đã giải quyết", "Resolved difficulties"),
    "no_figures": (
        "Chưa lấy được số liệu; vẫn nộp báo cáo bình thường.",
        "No figures can be had now; the report can be filed all the same.",
    ),
    "indicator": ("Chỉ tiêu", "Indicator"),
    "actual": ("Đã đạt", "Actual"),
    "target": ("Mục tiêu", "Target"),
    "figures_period": ("Kỳ", "Period"),
    "owed": ("Tình trạng nộp", "How it stands"),
    "state.on_time": ("Đã nộp đúng hạn", "Filed on time"),
    "state.late": ("Đã nộp trễ", "Filed late"),
    "state.incomplete": ("Chưa đầy đủ", "Incomplete"),
    "state.missing": ("Quá hạn, chưa nộp", "Overdue"),
    "state.excused": ("Được miễn", "Excused"),
    "state.not_due": ("Chưa đến hạn", "Not due yet"),
    "void_done": ("Đã thu hồi.", "Voided."),
    "uploading": ("Đang tải lên: {n}%", "Uploading: {n}%"),
    "working": ("Đang xử lý: {n} dòng", "Working: {n} rows"),
    "finished": ("Xong.", "Done."),
    "import_failed": (
        "Không đọc được tệp này: xem chỗ báo lỗi, sửa rồi tải lên lại.",
        "The file could not be read: see the fault, mend it and upload it again.",
    ),
    "upload_lost": (
        "Mất mạng khi đang tải lên. Hãy tải lên lại: dòng nào đã có sẽ không bị tính hai lần.",
        "The signal was lost while uploading. Upload it again: no row is counted twice.",
    ),
    "watching_lost": ("Chưa hỏi được tiến độ, đang thử lại.", "No news of it; asking again."),
    "fault.missing": ("Cần điền mục này.", "Fill this in."),
    "fault.empty": ("Cần điền mục này.", "Fill this in."),
    "fault.choose": ("Chọn một mục trong danh sách.", "Choose one from the list."),
    "fault.no_counts": ("Ghi ít nhất một số.", "Give at least one count."),
    "fault.wrong_type": ("Giá trị chưa đúng kiểu.", "This is not the right kind of value."),
    "fault.too_long": ("Dài quá, hãy viết ngắn lại.", "Too long: shorten it."),
    "fault.too_large": ("Số quá lớn.", "The number is too large."),
    "fault.negative": ("Số phải từ 0 trở lên.", "Give 0 or more."),
    "fault.invalid_phone": (
        "Số điện thoại chưa đúng: kiểm tra lại từng chữ số.",
        "This is no phone number: check its digits.",
    ),
    "fault.no_machine": (
        "Ghi số điện thoại hoặc mã máy: mỗi máy chỉ được tính một lần.",
        "Give the phone number or the device: each machine counts once.",
    ),
    "fault.number": ("Ghi một số nguyên từ 0 trở lên.", "Give a whole number, 0 or more."),
    "fault.invalid_code": (
        "Mã chỉ gồm chữ, số và . _ - : / +, không có dấu cách.",
        "A code has letters, digits and . _ - : / + only, no blanks.",
    ),
    "fault.invalid_period": (
        "Viết kỳ dạng 2020, 2020-03, 2020-03-16, 2020-Q1 hoặc once.",
        "Write 2020, 2020-03, 2020-03-16, 2020-Q1 or a name such as once.",
    ),
    "fault.date_out_of_range": ("Ngày nằm ngoài khoảng cho phép.", "The date is out of range."),
    "fault.not_rfc3339": ("Ngày giờ chưa đúng.", "The date and time are not right."),
    "fault.future": ("Thời điểm này chưa tới.", "This lies in the future."),
    "fault.not_allowed": ("Chọn một trong các giá trị có sẵn.", "Choose one of the values given."),
    "fault.unknown_unit": ("Không có đơn vị này.", "There is no such unit."),
    "fault.unit_not_valid": (
        "Đơn vị này không còn (hoặc chưa có) vào thời điểm đã ghi.",
        "This unit did not exist at that time.",
    ),
    "fault.unit_not_allowed": (
        "Khóa này không được ghi cho đơn vị đó.",
        "This key may not speak for that unit.",
    ),
    "fault.source_not_allowed": (
        "Khóa này gắn với nguồn khác: hỏi quản trị viên.",
        "This key is bound to another source: ask the administrator.",
    ),
    "fault.personal_data": (
        "Đừng ghi số điện thoại, email hay số giấy tờ ở đây: hãy ghi mã.",
        "No phone number, e-mail or identity number here: give the code.",
    ),
    "fault.control_character": ("Có ký tự lạ: gõ lại.", "There are odd characters: type it anew."),
    "fault.conflict": (
        "Mã dòng này đã dùng cho nội dung khác; sửa rồi gửi lại thành dòng mới.",
        "This row's id was used for other contents; correct it and it becomes a new row.",
    ),
}


def word(name: str, language: str = "vi") -> str:
    """A text by its name; the name's last part where there is none."""
    pair = _WORDS.get(name)
    return pair[LANGUAGES.index(language)] if pair else name.rpartition(".")[2]


def script_words(language: str) -> dict[str, str]:
    """The texts that the pages' scripts show."""
    place = LANGUAGES.index(language)
    return {name: pair[place] for name, pair in _SCRIPT_WORDS.items()}


def language_of(asked: str | None, accepted: str | None) -> str:
    """`?lang=` wins, then the browser's first choice; Vietnamese else."""
    if asked in LANGUAGES:
        return asked
    first = (accepted or "").split(",")[0].strip().lower()
    return "en" if first.startswith("en") else "vi"
