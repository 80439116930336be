"""The outbox as a page: what was written, to whom it went, and why it stayed."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from services.notify.api.showing import Scope, show_notice
from services.notify.rules.notices import STATES
from services.notify.store import notices as store
from shared import clock
from shared.http import read_body
from shared.keys import Key
from shared.problems import Problem
from shared.service import Service
from shared.units import UnitRegistry

PAGES = Path(__file__).parent.parent / "pages"
COOKIE = "motcua_notices"
PAGE_SIZE = 50
FORM_BYTES = 4096
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self';"
    " frame-ancestors 'none'; base-uri 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
STATE_NAMES = {
    "waiting_contact": "Chờ thông tin liên hệ",
    "ready": "Chờ gửi",
    "retrying": "Chờ gửi lại",
    "sending": "Đang gửi",
    "sent": "Đã gửi",
    "delivered": "Đã đến máy",
    "failed": "Không gửi được",
    "unknown": "Chưa rõ kết quả",
    "outbox": "Trong hộp thư đi",
    "withheld": "Giữ lại, không gửi",
    "unreachable": "Không có địa chỉ",
    "cancelled": "Đã hủy",
}
REASON_NAMES = {
    "stale": "đã quá cũ khi xử lý",
    "demo": "dữ liệu minh họa",
    "declined": "người nộp không nhận tin",
    "no_provider": "chưa cấu hình nhà cung cấp",
    "no_recipient": "chưa biết cán bộ phụ trách",
    "no_contact": "hồ sơ không có thông tin liên hệ",
    "no_address": "không có số di động hoặc email hợp lệ",
    "voided": "sự kiện đã bị thu hồi",
    "corrected": "không còn đúng",
    "rescheduled": "đã có ngày hẹn mới",
    "interrupted": "dịch vụ dừng khi đang gửi",
    "no_answer": "nhà cung cấp không trả lời",
    "refused": "nhà cung cấp từ chối",
    "provider_down": "nhà cung cấp chưa sẵn sàng",
    "gave_up": "đã thử nhiều lần",
    "carrier": "nhà mạng báo không đến",
    "erased": "thông tin liên hệ đã được xóa",
    "ordered": "được yêu cầu gửi lại",
}
KIND_NAMES = {
    "received": "Đã tiếp nhận",
    "in_process": "Đã chuyển xử lý",
    "supplement_requested": "Yêu cầu bổ sung",
    "result_ready": "Đã có kết quả",
    "returned": "Đã trả kết quả",
    "refused": "Chưa tiếp nhận",
    "payment_requested": "Yêu cầu nghĩa vụ tài chính",
    "late": "Xin lỗi trễ hẹn",
    "dossier_approaching": "Hồ sơ sắp đến hạn",
    "dossier_slipped": "Báo hồ sơ quá hạn",
    "deadline_approaching": "Nhắc sắp đến hạn",
    "obligation_slipped": "Báo quá hạn báo cáo",
    "obligation_escalated": "Đôn đốc việc quá hạn",
    "obligation_met": "Đã hoàn thành",
    "obligation_extended": "Được gia hạn",
    "obligation_waived": "Được miễn",
    "quota_reached": "Đạt chỉ tiêu",
    "quota_fell_behind": "Chậm tiến độ",
    "stipend_earned": "Ghi nhận hỗ trợ",
}
CHANNEL_NAMES = {"sms": "SMS", "email": "Email", None: ""}


def add_page(router: APIRouter, service: Service, registry: UnitRegistry, scope: Scope) -> None:
    """Add the page and its login."""
    environment = Environment(
        loader=FileSystemLoader(PAGES), autoescape=True, undefined=StrictUndefined
    )
    environment.filters["local"] = lambda at: at.astimezone(clock.VN).strftime("%d/%m/%Y %H:%M")
    style = (PAGES / "notices.css").read_bytes()

    def render(name: str, status: int = 200, **values: Any) -> HTMLResponse:
        text = environment.get_template(name).render(**values)
        return HTMLResponse(text, status, headers=HEADERS)

    async def identify(request: Request) -> Key | None:
        """The caller, by cookie or header; null where a login is needed."""
        try:
            kept = request.cookies.get(COOKIE)
            if kept:
                key = await service.keyring.identify(kept)
            else:
                key = await service.keyring.check(request.headers.get("authorization"))
        except Problem:
            return None
        return key if key.may("notices:read") else None

    @router.get("/notices", include_in_schema=False)
    async def show(request: Request) -> Response:
        key = await identify(request)
        if key is None:
            return render("login.html", 200, wrong=False)
        asked = {
            name: value.strip()[:300]
            for name in ("unit", "subject", "state", "cursor")
            if (value := request.query_params.get(name, "")).strip()
        }
        fault = ""
        try:
            units = scope.units(key, asked.get("unit"))
        except Problem:
            units, fault = frozenset(), "Không có đơn vị này, hoặc khóa không được xem đơn vị này."
        state = asked.get("state") if asked.get("state") in STATES else None
        cursor = asked.get("cursor", "")
        before = int(cursor) if cursor.isascii() and cursor.isdigit() and len(cursor) < 19 else None
        query = store.Query(units, asked.get("subject"), state, before, PAGE_SIZE)
        async with service.database.transaction() as session:
            rows = await store.find(session, query)
            counts = await store.count_states(session, units)
        following = None
        if len(rows) == PAGE_SIZE:
            following = "?" + urlencode(asked | {"cursor": rows[-1].seq})
        may = key.may("contacts:read")
        return render(
            "notices.html",
            notices=[show_notice(row, registry, may) for row in rows],
            counts=counts,
            states=STATE_NAMES,
            reasons=REASON_NAMES,
            kinds=KIND_NAMES,
            channels=CHANNEL_NAMES,
            asked={"unit": "", "subject": "", **asked, "state": state or ""},
            following=following,
            fault=fault,
            caller=key.name,
        )

    @router.post("/notices/session", include_in_schema=False)
    async def log_in(request: Request) -> Response:
        form = parse_qs((await read_body(request, FORM_BYTES)).decode("utf-8", "replace"))
        shown = form.get("key", [""])[-1].strip()
        try:
            key = await service.keyring.identify(shown)
        except Problem:
            key = None
        if key is None or not key.may("notices:read"):
            return render("login.html", 401, wrong=True)
        answer = RedirectResponse("../notices", 303, headers=HEADERS)
        answer.set_cookie(
            COOKIE,
            shown,
            path="/notices",
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return answer

    @router.post("/notices/session/end", include_in_schema=False)
    async def log_out() -> Response:
        answer = RedirectResponse("../../notices", 303, headers=HEADERS)
        answer.delete_cookie(COOKIE, path="/notices")
        return answer

    @router.get("/notices/style.css", include_in_schema=False)
    async def show_style() -> Response:
        headers = HEADERS | {"Cache-Control": "max-age=3600"}
        return Response(style, headers=headers, media_type="text/css")
