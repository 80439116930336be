"""What people read on pages and above columns, in Vietnamese and in English."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from services.reporting.api.phrases import PHRASES
from services.reporting.api.schedule_words import SCHEDULE_WORDS
from shared.questionnaires import Questionnaire, known_questionnaires

LANGUAGES = ("vi", "en")

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "bieu-06": (
        "received_total",
        "received_online",
        "received_counter_post",
        "carried_over",
        "resolved_total",
        "resolved_early",
        "resolved_on_time",
        "resolved_late",
        "pending_total",
        "pending_within_due",
        "pending_overdue",
    ),
    "installs": ("installs", "succeeded", "failed", "distinct_citizens"),
    "online-share": ("authority", "online", "total", "share", "reason", "target", "state"),
    "on-time": ("on_time", "late", "open_overdue", "rate", "reason"),
    "scorecard": (
        "domain",
        "mode",
        "quarter",
        "item",
        "n",
        "score",
        "reason",
        "small_n",
        "previous_score",
        "previous_n",
        "change",
        "questionnaire",
        "out_of_scale",
    ),
    "survey-reasons": (
        "domain",
        "mode",
        "quarter",
        "item",
        "cause",
        "cause_text",
        "n",
        "answered",
        "share",
        "small_n",
    ),
    "interview-list": ("field", "returned"),
    "timeliness": (
        "obligation",
        "period",
        "due",
        "due_at",
        "fulfilled_at",
        "rows",
        "expected_rows",
        "state",
        "undecided",
        "makeup_at",
        "made_up",
    ),
    "overdue": ("field", "department", "due_date", "days_late"),
    "data-quality": (
        "dossiers",
        "missing_phone",
        "invalid_phone",
        "missing_name",
        "missing_returned_at",
        "no_submission",
        "eligible_for_survey",
        "refused_events",
        "undeliverable_phones",
        "reason",
    ),
    "activity": ("kind", "activities", "people", "members"),
    "difficulties": (
        "category",
        "text",
        "raised_at",
        "resolved_at",
        "state",
        "answer",
    ),
    "emulation": ("merits", "deductions", "points", "undecided", "rank", "arithmetic"),
    "index-766": (
        "group",
        "weight",
        "numerator",
        "denominator",
        "share",
        "full_at",
        "points",
        "state",
        "reason",
    ),
    "notices": ("channel", "notices", "sent", "delivered", "failed", "segments", "cost", "reason"),
}
"""The figures of each report, beside what its rows are named by."""

_WORDS: Mapping[str, tuple[str, str]] = {
    "title": ("Theo dõi bộ phận một cửa", "One-stop shop tracker"),
    "log_in": ("Đăng nhập", "Log in"),
    "log_out": ("Đăng xuất", "Log out"),
    "key": ("Khóa truy cập", "Access key"),
    "key_hint": (
        "Khóa có quyền xem báo cáo (reports:read). Quản trị viên tạo bằng lệnh motcua key create.",
        "A key that may read reports (reports:read). Made with: motcua key create.",
    ),
    "bad_key": (
        "Khóa không đúng, đã bị thu hồi hoặc không có quyền xem báo cáo.",
        "The key is wrong, revoked, or may not read reports.",
    ),
    "filters": ("Lọc số liệu", "Filters"),
    "from": ("Từ ngày", "From"),
    "to": ("Đến ngày", "To"),
    "unit_code": ("Đơn vị (mã)", "Unit (code)"),
    "show": ("Xem", "Show"),
    "bad_filters": (
        "Điều kiện lọc chưa đúng: kiểm tra ngày và mã đơn vị. Đang hiện toàn bộ số liệu.",
        "The filters are not right: check the days and the unit's code. Everything is shown.",
    ),
    "beyond_key": (
        "Khóa này không xem được đơn vị đó. Đang hiện các đơn vị của khóa.",
        "The key does not reach that unit. The key's own units are shown.",
    ),
    "data_as_of": ("Số liệu cập nhật đến", "Data as of"),
    "no_data_yet": ("chưa có số liệu", "no data yet"),
    "empty_title": ("Chưa có số liệu", "No data yet"),
    "empty_text": (
        "Chưa nhận được sự kiện nào trong phạm vi đang xem. Gửi sự kiện bằng lệnh motcua send, "
        "hoặc nhập danh sách, rồi tải lại trang này.",
        "No event has come for what is shown. Send events with motcua send, or import a list, "
        "and load this page again.",
    ),
    "no_rows": ("Không có dòng nào.", "No rows."),
    "more_rows": ("dòng nữa trong tệp CSV", "more rows in the CSV file"),
    "export": ("Tải về", "Download"),
    "all": ("Cộng", "Total"),
    "page": ("Trang", "Page"),
    "skip": ("Đến nội dung chính", "Skip to content"),
    "unit_changes": (
        "Trong kỳ có đơn vị thay đổi: số liệu thuộc về đơn vị ghi trong sự kiện",
        "Units changed in this period: figures stay with the unit that the event named",
    ),
    "help_desks": ("Nơi hỗ trợ theo kế hoạch", "Help desks of the plans"),
    "language": ("Ngôn ngữ", "Language"),
    "publications": ("Số liệu công bố", "Published figures"),
    "publications_hint": (
        "Số liệu đã chốt tại thời điểm công bố; bản điều chỉnh ghi rõ thay đổi và lý do.",
        "Figures frozen when they were published; a revision shows what it changed, and why.",
    ),
    "nothing_published": ("Chưa công bố số liệu nào.", "Nothing has been published yet."),
    "no_publication": ("Không có số liệu công bố nào ở địa chỉ này", "Nothing is published here"),
    "withdrawn": ("Đã thu hồi", "Withdrawn"),
    "revision": ("Bản", "Revision"),
    "revisions": ("Các bản đã công bố", "All revisions"),
    "older_revision": ("Đây là bản cũ.", "This is an older revision."),
    "newest_revision": ("Xem bản mới nhất", "See the newest one"),
    "period": ("Kỳ báo cáo", "Period"),
    "published_at": ("Công bố lúc", "Published"),
    "locked_month": ("đã khóa sổ tháng", "month locked:"),
    "what_changed": ("Thay đổi so với bản trước", "What changed"),
    "row": ("Dòng", "Row"),
    "figure": ("Số liệu", "Figure"),
    "before": ("Trước", "Before"),
    "after": ("Sau", "After"),
    "figures": ("Số liệu", "Figures"),
    "confirmations": ("Xác nhận của các đơn vị", "Confirmed by the units"),
    "overview": ("Tổng quan", "Overview"),
    "pending": ("Đang giải quyết", "Pending"),
    "received": ("Tiếp nhận", "Received"),
    "resolved": ("Đã giải quyết", "Resolved"),
    "honest_rate": (
        "Đúng hạn (tính cả hồ sơ quá hạn chưa xong)",
        "On time (open overdue ones counted)",
    ),
    "bieu-06": ("Biểu 06: tình hình giải quyết hồ sơ", "Form 06: dossiers"),
    "installs": ("Cài đặt ứng dụng", "App installs"),
    "online-share": ("Tỷ lệ nộp trực tuyến", "Filed online"),
    "on-time": ("Tỷ lệ đúng hạn", "On time"),
    "scorecard": ("Dân chấm điểm", "Scorecard"),
    "survey-reasons": ("Lý do chưa hài lòng", "Reasons given"),
    "interview-list": ("Hồ sơ đủ điều kiện phỏng vấn", "Dossiers to ask about"),
    "timeliness": ("Nộp danh sách, báo cáo", "Lists and reports due"),
    "overdue": ("Hồ sơ quá hạn", "Overdue dossiers"),
    "data-quality": ("Chất lượng dữ liệu", "Data quality"),
    "activity": ("Hoạt động của đội hình", "Team activities"),
    "difficulties": ("Khó khăn, vướng mắc", "Difficulties"),
    "notices": ("Tin nhắn đã gửi", "Notices sent"),
    "emulation": ("Thi đua", "Emulation"),
    "index-766": ("Bộ chỉ số phục vụ (QĐ 766)", "Quality index (QĐ 766)"),
    "column.group": ("Nhóm chỉ số", "Group"),
    "column.weight": ("Điểm tối đa", "Most points"),
    "column.numerator": ("Tử số", "Numerator"),
    "column.denominator": ("Mẫu số", "Denominator"),
    "column.full_at": ("Đủ điểm từ", "Full points at"),
    "value.publicity": ("Công khai, minh bạch", "Publicity"),
    "value.progress": ("Tiến độ giải quyết", "Progress"),
    "value.digitisation": ("Số hóa hồ sơ", "Digitisation"),
    "value.online_provision": ("Dịch vụ trực tuyến", "Online provision"),
    "value.satisfaction": ("Mức độ hài lòng", "Satisfaction"),
    "value.computed": ("Tính được", "Computed"),
    "value.no_input": ("không có dữ liệu đầu vào", "no input in events"),
    "column.code": ("Mã hồ sơ", "Dossier"),
    "column.unit": ("Mã đơn vị", "Unit"),
    "column.unit_name": ("Đơn vị", "Unit name"),
    "column.unit_valid_from": ("Có từ ngày", "Unit valid from"),
    "column.reason": ("Vì sao để trống", "Why empty"),
    "value.nothing_to_count": ("không có gì để tính", "nothing to count"),
    "value.no_scores": ("không có câu trả lời có điểm", "no answer with a score"),
    "value.no_quota": ("không có chỉ tiêu", "no quota"),
    "value.cost_unknown": ("nhà cung cấp không báo cước", "the provider tells no cost"),
    "value.undecided_amount": ("mức điểm chưa quyết định", "an amount is undecided"),
    "value.not_by_field": ("không tính theo lĩnh vực", "not counted by field"),
    "column.field": ("Lĩnh vực", "Field"),
    "column.received_total": ("Tiếp nhận: tổng", "Received: total"),
    "column.received_online": ("Trực tuyến trong kỳ", "Online"),
    "column.received_counter_post": ("Trực tiếp, bưu chính trong kỳ", "Counter, post"),
    "column.carried_over": ("Kỳ trước chuyển sang", "Carried over"),
    "column.resolved_total": ("Đã giải quyết: tổng", "Resolved: total"),
    "column.resolved_early": ("Trước hạn", "Early"),
    "column.resolved_on_time": ("Đúng hạn", "On time"),
    "column.resolved_late": ("Quá hạn", "Late"),
    "column.pending_total": ("Đang giải quyết: tổng", "Pending: total"),
    "column.pending_within_due": ("Trong hạn", "Within due"),
    "column.pending_overdue": ("Quá hạn, chưa xong", "Overdue"),
    "column.month": ("Tháng", "Month"),
    "column.place": ("Nơi cài", "Place"),
    "column.installer": ("Người cài", "Installer"),
    "column.installs": ("Lượt cài", "Installs"),
    "column.succeeded": ("Thành công", "Succeeded"),
    "column.failed": ("Không thành công", "Failed"),
    "column.distinct_citizens": ("Số người dân", "Citizens"),
    "column.counted": ("Được tính (mỗi máy một lần)", "Counted once"),
    "column.quota": ("Chỉ tiêu", "Quota"),
    "column.share": ("Tỷ lệ", "Share"),
    "column.authority": ("Thẩm quyền", "Authority"),
    "column.online": ("Trực tuyến", "Online"),
    "column.total": ("Tổng số", "Total"),
    "column.target": ("Chỉ tiêu", "Target"),
    "column.state": ("Trạng thái", "State"),
    "column.on_time": ("Đúng hạn", "On time"),
    "column.late": ("Trễ hạn", "Late"),
    "column.open_overdue": ("Quá hạn, chưa xong", "Open overdue"),
    "column.rate": ("Tỷ lệ đúng hạn", "Rate"),
    "column.domain": ("Lĩnh vực", "Domain"),
    "column.dossier": ("Hồ sơ", "Dossier"),
    "column.mode": ("Cách hỏi", "Mode"),
    "column.quarter": ("Quý", "Quarter"),
    "column.questionnaire": ("Bảng hỏi", "Questionnaire"),
    "column.out_of_scale": ("Ngoài thang điểm", "Out of scale"),
    "column.item": ("Câu hỏi", "Item"),
    "column.n": ("Số phiếu", "Answers"),
    "column.score": ("Điểm trung bình", "Mean score"),
    "column.small_n": ("Ít phiếu", "Few answers"),
    "column.previous_n": ("Số phiếu quý trước", "Answers, quarter before"),
    "column.previous_score": ("Điểm quý trước", "Score, quarter before"),
    "column.change": ("Tăng, giảm", "Change"),
    "column.cause": ("Mã lý do", "Reason code"),
    "column.cause_text": ("Lý do", "Reason"),
    "column.answered": ("Số người nêu lý do", "Gave a reason"),
    "column.returned": ("Ngày trả kết quả", "Returned"),
    "column.number": ("STT", "No."),
    "column.call_result": ("Kết quả gọi", "Outcome of the call"),
    "column.note": ("Ghi chú", "Note"),
    "column.drawn": ("Số hồ sơ chọn", "Drawn"),
    "call_sheet": ("Danh sách gọi khảo sát", "Call sheet"),
    "column.plan": ("Kế hoạch", "Plan"),
    "column.obligation": ("Việc phải nộp", "Obligation"),
    "column.period": ("Kỳ", "Period"),
    "column.due": ("Hạn", "Due"),
    "column.due_at": ("Trễ kể từ", "Late from"),
    "column.fulfilled_at": ("Nộp lúc", "Fulfilled at"),
    "column.rows": ("Số dòng", "Rows"),
    "column.expected_rows": ("Số dòng cần có", "Expected rows"),
    "column.incomplete": ("Chưa đầy đủ", "Incomplete"),
    "column.missing": ("Chưa nộp", "Missing"),
    "column.excused": ("Được miễn", "Excused"),
    "column.not_due": ("Chưa đến hạn", "Not due"),
    "column.department": ("Phòng, ban đang giữ", "Department"),
    "column.due_date": ("Ngày hẹn trả", "Due date"),
    "column.days_late": ("Số ngày quá hạn", "Days late"),
    "column.merits": ("Điểm cộng", "Merits"),
    "column.deductions": ("Điểm trừ", "Deductions"),
    "column.points": ("Điểm", "Points"),
    "column.makeup_at": ("Nộp bù trước", "Make up before"),
    "column.made_up": ("Đã nộp bù", "Made up"),
    "column.undecided": ("Chưa quyết định", "Undecided"),
    "column.rank": ("Xếp hạng", "Rank"),
    "column.arithmetic": ("Cách tính", "Arithmetic"),
    "column.dossiers": ("Hồ sơ tiếp nhận", "Dossiers"),
    "column.missing_phone": ("Thiếu số điện thoại", "No phone"),
    "column.invalid_phone": ("Số điện thoại sai", "Invalid phone"),
    "column.missing_name": ("Thiếu tên", "No name"),
    "column.missing_returned_at": ("Thiếu ngày trả thực tế", "No return date"),
    "column.no_submission": (
        "Chỉ có trạng thái, chưa có hồ sơ nộp",
        "Statuses without a submission",
    ),
    "column.eligible_for_survey": ("Đủ điều kiện khảo sát", "Eligible for survey"),
    "column.refused_events": ("Sự kiện bị từ chối", "Refused events"),
    "column.undeliverable_phones": ("Số không nhận được tin", "Undeliverable phones"),
    "column.kind": ("Loại hoạt động", "Kind"),
    "column.team": ("Đội hình", "Team"),
    "column.member": ("Thành viên", "Member"),
    "column.day": ("Ngày", "Day"),
    "column.activities": ("Số hoạt động", "Activities"),
    "column.people": ("Lượt người", "Visits"),
    "column.members": ("Số thành viên", "Members"),
    "column.difficulty": ("Mã", "Code"),
    "column.category": ("Loại", "Category"),
    "column.text": ("Nội dung", "Text"),
    "column.raised_at": ("Nêu lúc", "Raised at"),
    "column.resolved_at": ("Giải quyết lúc", "Resolved at"),
    "column.answer": ("Cách giải quyết", "Answer"),
    "column.channel": ("Kênh", "Channel"),
    "column.notices": ("Số tin", "Notices"),
    "column.sent": ("Đã gửi", "Sent"),
    "column.delivered": ("Đã nhận", "Delivered"),
    "column.segments": ("Số đoạn SMS", "SMS segments"),
    "column.cost": ("Chi phí (VND)", "Cost (VND)"),
    "value.confirmed": ("Đã xác nhận", "Confirmed"),
    "value.contested": ("Có ý kiến", "Contested"),
    "value.unanswered": ("Chưa có ý kiến", "No answer yet"),
    "value.open": ("Chưa giải quyết", "Open"),
    "value.resolved": ("Đã giải quyết", "Resolved"),
    "value.sms": ("Tin nhắn SMS", "SMS"),
    "value.email": ("Thư điện tử", "Email"),
    "value.reached": ("Tiếp cận", "Reached"),
    "value.guided": ("Hướng dẫn", "Guided"),
    "value.supported": ("Hỗ trợ", "Supported"),
    "value.trained": ("Tập huấn", "Trained"),
    "value.core": ("Nòng cốt", "Core"),
    "value.account_created": ("Lập tài khoản", "Accounts created"),
    "value.duty": ("Trực", "On duty"),
    "value.met": ("Đạt", "Met"),
    "value.on_track": ("Đúng tiến độ", "On track"),
    "value.behind": ("Chậm tiến độ", "Behind"),
    "value.missed": ("Chưa đạt", "Missed"),
    "value.not_applicable": ("Không áp dụng", "Not applicable"),
    "value.on_time": ("Đúng hạn", "On time"),
    "value.late": ("Trễ hạn", "Late"),
    "value.incomplete": ("Chưa đầy đủ", "Incomplete"),
    "value.missing": ("Chưa nộp", "Missing"),
    "value.excused": ("Được miễn", "Excused"),
    "value.not_due": ("Chưa đến hạn", "Not due"),
    "value.yes": ("Có", "Yes"),
    "value.no": ("Không", "No"),
    "value.province": ("Cấp tỉnh", "Province"),
    "value.district": ("Cấp huyện", "District"),
    "value.commune": ("Cấp xã", "Commune"),
    "value.phone": ("Điện thoại", "Phone"),
    "value.tablet": ("Máy tính bảng", "Tablet"),
    "value.public_administration": ("Hành chính công", "Public administration"),
    "value.health": ("Y tế", "Health"),
    "value.one_stop": ("Một cửa", "One-stop office"),
    "value.home": ("Tại nhà", "Home"),
    "value.public": ("Nơi công cộng", "Public place"),
    "value.other": ("Nơi khác", "Elsewhere"),
}


UNIT = ("unit", "unit_name", "unit_valid_from")
_NAMED_BY = {
    "interview-list": "code",
    "overdue": "code",
    "difficulties": "difficulty",
    "emulation": "plan",
    "timeliness": "plan",
}
_AT_TIMES = ("unit_valid_from", "reason")
_SHARES = frozenset({"share", "target", "rate", "full_at"})
_SPOKEN = frozenset(
    {"state", "authority", "mode", "domain", "place", "kind", "channel", "reason", "group"}
)


def word(name: str, language: str = "vi") -> str:
    """A text by its name; the name itself where there is none."""
    pair = _WORDS.get(name) or PHRASES.get(name) or SCHEDULE_WORDS.get(name)
    return pair[LANGUAGES.index(language)] if pair else name.rpartition(".")[2]


def language_of(asked: str | None, accepted: str | None) -> str:
    """`?lang=` wins, then the browser's first choice; Vietnamese else."""
    if asked in LANGUAGES:
        return asked
    first = (accepted or "").split(",")[0].strip().lower()
    return "en" if first.startswith("en") else "vi"


def columns_of(report: str, by: str | None) -> list[str]:
    """The columns of a report, in order."""
    figures = list(COLUMNS[report])
    first = _NAMED_BY.get(report)
    if first is not None:
        return [first, *UNIT, *figures]
    if report == "installs" and by in (None, "unit"):
        figures += ["counted", "quota", "share", "reason"]
    if report == "bieu-06" and by is None:
        by = "field"
    return [*(UNIT if by in (None, "unit") else [by]), *figures]


def columns_told(report: str, by: str | None, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The columns of a report without those that only some answers have, and this one has not."""
    told = {name for row in rows for name in _AT_TIMES if name in row}
    return [name for name in columns_of(report, by) if name not in _AT_TIMES or name in told]


def texts_of(questionnaires: Iterable[Questionnaire], language: str) -> dict[tuple[str, str], str]:
    """(questionnaire or domain, item) -> how it asks: two questionnaires may have an item of one
    code."""
    return {
        (of, item.code): getattr(item.text, language)
        for each in questionnaires
        for item in each.items
        for of in (each.questionnaire, each.domain)
    }


@lru_cache(maxsize=1024)
def question(of: str | None, item: str, language: str = "vi") -> str:
    """How an item of a questionnaire, or of a domain's, asks; its code where no file says it."""
    return texts_of(known_questionnaires(), language).get((of or "", item), item)


def columns_for_people(report: str, by: str | None, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The columns that people need: names tell units apart, and a reason stands where there is
    one."""
    reasons = any(row.get("reason") for row in rows)
    return [
        name
        for name in columns_of(report, by)
        if name != "unit_valid_from" and (name != "reason" or reasons)
    ]


def spoken_value(column: str, value: Any, language: str = "vi") -> str:
    """A value of text as a sheet shows it: words for states, the rest as it is."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return word("value.yes" if value else "value.no", language)
    return word(f"value.{value}", language) if column in _SPOKEN else str(value)


def shown(column: str, value: Any, language: str = "vi") -> str:
    """A value as people read it: 1.234, 12,5%, words for states; a dash for what is unknown."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return word("value.yes" if value else "value.no", language)
    if column in _SPOKEN:
        return word(f"value.{value}", language)
    if column in _SHARES:
        return _local(f"{value * 100:,.1f}", language) + "%"
    if isinstance(value, bool):
        return word("value.yes" if value else "value.no", language)
    if isinstance(value, float):
        return _local(f"{value:,.2f}", language)
    if isinstance(value, int):
        return _local(f"{value:,}", language)
    if column in ("fulfilled_at", "due_at", "makeup_at", "raised_at", "resolved_at"):
        return datetime.fromisoformat(value).strftime("%d/%m/%Y %H:%M")
    if column in ("due", "due_date", "returned"):
        return datetime.fromisoformat(value).strftime("%d/%m/%Y")
    return str(value)


def _local(number: str, language: str) -> str:
    return number.translate(str.maketrans(",.", ".,")) if language == "vi" else number
