"""`/lgsp/*`: the national sync address that one-stop software already calls.

Every answer is HTTP 200 with `error_code`, `message` and, per item, what became of it.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import quote

import orjson
import structlog
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect

from services.intake.api.gate import Gate
from services.intake.handlers import Agreements, Call, SyncCalls
from services.intake.rules.lgsp_fields import LOOK_UP, PROGRESS, SYNC
from services.intake.settings import IntakeSettings
from shared.http import unpack
from shared.keys import Key
from shared.messaging.batches import is_outage
from shared.problems import Problem
from shared.service import Service

logger = structlog.get_logger()

DONE = "00"
WRONG_LOGIN, LOG_IN_AGAIN, UNREADABLE, NO_SERVICE = "01", "02", "03", "04"
BAD_CALL, SOME_REFUSED, NOT_ALLOWED, TOO_LARGE = "05", "06", "07", "08"
TOO_FAST, LATER = "09", "99"
MESSAGES = {
    DONE: "Thành công.",
    WRONG_LOGIN: "Tên đăng nhập hoặc mật khẩu không đúng, hoặc khóa đã bị thu hồi.",
    LOG_IN_AGAIN: "Phiên làm việc không hợp lệ hoặc đã hết hạn, hãy đăng nhập lại.",
    UNREADABLE: "Nội dung không phải là một đối tượng JSON (UTF-8).",
    NO_SERVICE: f"Không có dịch vụ này; hãy gọi {SYNC}, {PROGRESS} hoặc {LOOK_UP}.",
    BAD_CALL: "Lời gọi thiếu hoặc sai tham số.",
    NOT_ALLOWED: "Khóa này không được phép làm việc này.",
    LATER: "Hệ thống tạm thời chưa nhận được, hãy gửi lại sau.",
}
ANSWER_SECONDS = 45.0
"""Within which a call is answered: its senders wait for 60 s. What was taken by then stays."""
LONGEST_SENDER = 100
MOST_LOOKED_UP = 1000
MOST_DRAINED = 128 << 20
"""Bytes of a body too large that are still read, so that its sender hears the answer."""

Answer = dict[str, Any]


class Unanswerable(Exception):
    """A call that cannot be done; `code` and `message` are the answer."""

    def __init__(self, code: str, message: str | None = None, **more: Any) -> None:
        super().__init__(code)
        self.answer = {"error_code": code, "message": message or MESSAGES[code]} | more


def build_router(
    service: Service, calls: SyncCalls, agreements: Agreements, settings: IntakeSettings
) -> APIRouter:
    """The routes of the sync address."""
    router = APIRouter(prefix="/lgsp", tags=["lgsp"])
    limit = settings.lgsp_max_request_bytes
    gate = Gate(max(settings.max_in_flight_bytes, 2 * limit), limit)
    body_schema = {
        "requestBody": {
            "content": {"application/json": {"schema": {"type": "object"}}},
            "required": True,
        }
    }

    async def answer(request: Request, work: Callable[[dict], Awaitable[Answer]]) -> JSONResponse:
        try:
            if not service.stored.is_set():
                raise Unanswerable(LATER)
            async with gate.enter(request):
                given = _decode(_unpack(request, await _read(request, limit), limit))
                async with asyncio.timeout(ANSWER_SECONDS):
                    content = await work(given)
        except Problem:  # too much is under way
            await _drain(request)
            content = Unanswerable(LATER).answer
        except Unanswerable as fault:
            content = fault.answer
        except ClientDisconnect:
            raise
        except Exception as fault:
            log = logger.warning if is_outage(fault) else logger.error
            log("sync_call_failed", path=request.url.path, error=type(fault).__name__)
            content = Unanswerable(LATER).answer
        return JSONResponse(content)

    @router.post("/login", openapi_extra=body_schema)
    async def log_in(request: Request) -> JSONResponse:
        """Log in with a key's name and secret; always HTTP 200."""

        async def work(given: dict) -> Answer:
            username, password = given.get("username"), given.get("password")
            if not isinstance(username, str) or not isinstance(password, str):
                raise Unanswerable(WRONG_LOGIN)
            try:
                token = await calls.sessions.log_in(username, password)
            except Problem:
                raise Unanswerable(NOT_ALLOWED, "Khóa này cần quyền events:write.") from None
            if token is None:
                raise Unanswerable(WRONG_LOGIN)
            return {"session": token, "error_code": DONE, "message": MESSAGES[DONE]}

        return await answer(request, work)

    @router.post("/service", openapi_extra=body_schema)
    async def serve(request: Request) -> JSONResponse:
        """Do what `service` names; always HTTP 200."""

        async def work(given: dict) -> Answer:
            token = given.get("session")
            key = await calls.sessions.identify(token) if isinstance(token, str) and token else None
            if key is None:
                raise Unanswerable(LOG_IN_AGAIN)
            asked = given.get("service")
            wanted = asked.strip().lower() if isinstance(asked, str) else ""
            named = {each.lower(): each for each in (SYNC, PROGRESS, LOOK_UP)}
            if wanted not in named:
                raise Unanswerable(NO_SERVICE)
            call = _call(given, key, settings)
            if named[wanted] == LOOK_UP:
                found = await calls.look_up(call, _codes(given))
                return {"error_code": DONE, "message": MESSAGES[DONE], "result": found}
            items = _items(given)
            try:
                await agreements.take([{"source": call.source}] * len(items), key)
            except Problem as fault:
                seconds = (fault.headers or {}).get("Retry-After", "60")
                message = f"Nguồn này gửi quá nhanh; hãy gửi lại sau {seconds} giây."
                raise Unanswerable(TOO_FAST, message) from None
            outcomes = await calls.take(call, named[wanted], items)
            return _summary([outcome.as_dict() for outcome in outcomes])

        return await answer(request, work)

    return router


def _call(given: dict, key: Key, settings: IntakeSettings) -> Call:
    if not key.may("events:write"):
        raise Unanswerable(NOT_ALLOWED)
    sender = given.get("madonvi")
    if isinstance(sender, int) and not isinstance(sender, bool):
        sender = str(sender)
    sender = sender.strip() if isinstance(sender, str) else ""
    if not sender or len(sender) > LONGEST_SENDER or not sender.isprintable():
        message = "Hãy gửi madonvi: mã đơn vị gửi, tối đa 100 ký tự."
        raise Unanswerable(BAD_CALL, message, errors=[_flaw("madonvi", "missing", message)])
    source = settings.lgsp_sources.get(sender) or f"/lgsp/{quote(sender, safe='')}"
    if key.sources and source not in key.sources:
        message = "Khóa này không được gửi với madonvi này."
        flaw = _flaw("madonvi", "source_not_allowed", message)
        raise Unanswerable(NOT_ALLOWED, message, errors=[flaw])
    return Call(source, sender, key)


def _items(given: dict) -> list[Any]:
    data = given.get("data")
    if isinstance(data, dict):
        data = [data]
    if not isinstance(data, list):
        message = "Hãy gửi data: một danh sách."
        raise Unanswerable(BAD_CALL, message, errors=[_flaw("data", "wrong_type", message)])
    return data


def _codes(given: dict) -> list[str]:
    """The dossiers' codes that are looked up: at the top or inside `data`."""
    places = [given]
    data = given.get("data")
    places += data if isinstance(data, list) else [data]
    codes = []
    for place in places:
        if isinstance(place, str):
            codes.append(place)
        elif isinstance(place, dict):
            codes += [v for k, v in place.items() if k.lower() == "mahoso" and isinstance(v, str)]
    codes = [code for each in codes if (code := each.strip()) and code.isprintable()]
    if not codes:
        message = "Hãy gửi mã hồ sơ cần tra cứu (MaHoSo)."
        raise Unanswerable(BAD_CALL, message, errors=[_flaw("MaHoSo", "missing", message)])
    return codes[:MOST_LOOKED_UP]


def _flaw(field: str, code: str, message: str) -> dict[str, str]:
    return {"field": field, "code": code, "message": message}


def _summary(items: list[Answer]) -> Answer:
    names = ("accepted", "duplicate", "held", "refused")
    counts = {name: sum(item["status"] == name for item in items) for name in names}
    words = [f"{counts['accepted']} mới", f"{counts['duplicate']} đã có"]
    if counts["held"]:
        words.append(f"{counts['held']} đã nhận và đang giữ chờ ghép tên đơn vị")
    if counts["refused"]:
        words.append(f"{counts['refused']} bị từ chối (xem errors của từng mục)")
    code = SOME_REFUSED if counts["refused"] else DONE
    message = f"{len(items)} mục: {', '.join(words)}."
    return {"error_code": code, "message": message, **counts, "result": items}


def _decode(body: bytes) -> dict:
    try:
        value = orjson.loads(body.removeprefix(b"\xef\xbb\xbf"))
    except (orjson.JSONDecodeError, RecursionError):
        raise Unanswerable(UNREADABLE) from None
    if not isinstance(value, dict):
        raise Unanswerable(UNREADABLE)
    return value


async def _read(request: Request, limit: int) -> bytes:
    """The body; one that is too large is read to its end and thrown away."""
    body = bytearray()
    size = 0
    stream: AsyncIterator[bytes] = request.stream()
    async for chunk in stream:
        size += len(chunk)
        if size <= limit:
            body += chunk
        else:
            body.clear()
        if size > MOST_DRAINED:
            break
    if size > limit:
        raise Unanswerable(TOO_LARGE, _too_large(limit))
    return bytes(body)


def _unpack(request: Request, body: bytes, limit: int) -> bytes:
    try:
        return unpack(request.headers.get("content-encoding", ""), body, limit)
    except Problem as fault:
        if fault.status == 413:
            raise Unanswerable(TOO_LARGE, _too_large(limit)) from None
        raise Unanswerable(UNREADABLE) from None


def _too_large(limit: int) -> str:
    return f"Nội dung quá lớn: tối đa {limit >> 10} KiB một lời gọi."


async def _drain(request: Request) -> None:
    with contextlib.suppress(Unanswerable, RuntimeError):
        await _read(request, 0)
