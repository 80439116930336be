"""`/mapping`: the page on which an official says which unit a source means by a name."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from services.intake.api.browsing import COOKIE as PAGES_COOKIE
from services.intake.api.mapping import find_mappings
from services.intake.handlers import SyncCalls
from shared import clock
from shared.browser import kept_key
from shared.http import read_body
from shared.keys import Key
from shared.look import Look
from shared.problems import Problem
from shared.service import Service
from shared.units import UnitRegistry

PAGES = Path(__file__).parent.parent / "pages" / "mapping"
COOKIE = "motcua_mapping"
SCOPE = "admin"
SESSION_SECONDS = 12 * 3600
FORM_BYTES = 8192
LONGEST = {"source": 512, "theirs": 200, "unit": 200}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; font-src 'self';"
    " img-src 'self'; form-action 'self';"
    " frame-ancestors 'none'; base-uri 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Vary": "Accept-Language, Cookie",
}
WORDS = {
    "vi": {
        "title": "Ghép tên đơn vị",
        "skip": "Đến nội dung chính",
        "language": "Ngôn ngữ",
        "log_in": "Đăng nhập",
        "log_out": "Thoát",
        "key": "Khóa truy cập (quyền admin)",
        "bad_key": "Khóa không đúng, đã bị thu hồi, hoặc không có quyền admin.",
        "explain": "Hồ sơ gửi với một tên đơn vị chưa biết được giữ lại ở đây. Chọn đơn vị đúng:"
        " hồ sơ đang giữ được đưa vào ngay, theo thứ tự đã nhận.",
        "unmapped": "Chưa ghép",
        "mapped": "Đã ghép",
        "nothing": "Không có gì đang giữ.",
        "held_items": "mục đang giữ",
        "since": "từ",
        "other_unit": "Đơn vị khác (mã hoặc tên)",
        "map": "Ghép",
        "source": "Nguồn",
        "theirs": "Tên bên gửi dùng",
        "unit": "Đơn vị",
        "unknown": "Không có đơn vị này, hoặc tên này chỉ nhiều đơn vị.",
        "done": "Đã ghép “{theirs}” với {unit}; {released} mục đã được đưa vào.",
    },
    "en": {
        "title": "Names of units",
        "skip": "Skip to the content",
        "language": "Language",
        "log_in": "Log in",
        "log_out": "Log out",
        "key": "Key (scope admin)",
        "bad_key": "The key is wrong or revoked, or lacks the scope admin.",
        "explain": "What was sent with an unknown name of a unit is held here. Choose the unit:"
        " what is held is then taken in, in the order in which it came.",
        "unmapped": "Not mapped",
        "mapped": "Mapped",
        "nothing": "Nothing is held.",
        "held_items": "items held",
        "since": "since",
        "other_unit": "Another unit (code or name)",
        "map": "Map",
        "source": "Source",
        "theirs": "Their name",
        "unit": "Unit",
        "unknown": "No such unit, or more than one of that name.",
        "done": "“{theirs}” is mapped to {unit}; {released} items were taken in.",
    },
}


def build_router(service: Service, calls: SyncCalls, registry: UnitRegistry) -> APIRouter:
    """The page, its log-in, what it sends and what it looks like."""
    look = Look(prefix="/mapping/look")
    router = APIRouter(prefix="/mapping", include_in_schema=False)
    environment = Environment(
        loader=FileSystemLoader(PAGES), autoescape=True, undefined=StrictUndefined
    )
    environment.filters["local"] = lambda at: at.astimezone(clock.VN).strftime("%d/%m/%Y %H:%M")
    environment.globals["look"] = look.url

    def draw(name: str, lang: str, status: int = 200, **values: Any) -> HTMLResponse:
        text = environment.get_template(name).render(lang=lang, say=WORDS[lang], **values)
        return HTMLResponse(text, status, headers=HEADERS)

    async def identify(shown: str | None) -> Key | None:
        """The holder of a key that may map; null where a log-in is needed."""
        if not shown:
            return None
        try:
            key = await service.keyring.identify(shown)
        except Problem:
            return None
        return key if key.may(SCOPE) else None

    async def looking(request: Request) -> Key | None:
        """Who looks: logged in here, or on intake's other pages."""
        own = await identify(request.cookies.get(COOKIE))
        return own or await identify(kept_key(request, PAGES_COOKIE))

    async def show(lang: str, key: Key, fault: str = "", done: str = "") -> HTMLResponse:
        rows = await find_mappings(service.database, registry, None)
        return draw(
            "mapping.html",
            lang,
            422 if fault else 200,
            caller=key.name,
            unmapped=[row for row in rows if row["state"] == "unmapped"],
            mapped=[row for row in rows if row["state"] == "mapped"],
            units=sorted({(unit.code, registry.name(unit.code)) for unit in registry}),
            fault=fault,
            done=done,
        )

    @router.get("")
    async def show_page(request: Request) -> Response:
        lang = _language(request)
        key = await looking(request)
        if key is None:
            return draw("login.html", lang, wrong=COOKIE in request.cookies)
        return await show(lang, key)

    @router.post("")
    async def map_one(request: Request) -> Response:
        lang = _language(request)
        _check_origin(request)
        key = await looking(request)
        if key is None:
            return draw("login.html", lang, 401, wrong=True)
        form = await _form(request)
        given = {name: form.get(name, "").strip()[:most] for name, most in LONGEST.items()}
        say = WORDS[lang]
        typed = given["unit"]
        unit = typed if registry.known(typed) else registry.resolve(typed, clock.now())
        unit = unit or registry.resolve(typed)
        if unit is None or not given["source"] or not given["theirs"]:
            return await show(lang, key, fault=say["unknown"])
        released = await calls.releases.map_unit(given["source"], given["theirs"], unit, key)
        name = f"{registry.name(unit)} ({unit})"
        done = say["done"].format(theirs=given["theirs"], unit=name, released=released)
        return await show(lang, key, done=done)

    @router.post("/session")
    async def log_in(request: Request) -> Response:
        lang = _language(request)
        _check_origin(request)
        shown = (await _form(request)).get("key", "").strip()
        if await identify(shown) is None:
            return draw("login.html", lang, 401, wrong=True)
        answer = RedirectResponse(f"/mapping?lang={lang}", 303, headers=HEADERS)
        answer.set_cookie(
            COOKIE,
            shown,
            path="/mapping",
            max_age=SESSION_SECONDS,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return answer

    @router.post("/session/end")
    async def log_out(request: Request) -> Response:
        answer = RedirectResponse(f"/mapping?lang={_language(request)}", 303, headers=HEADERS)
        answer.delete_cookie(COOKIE, path="/mapping", httponly=True, samesite="strict")
        return answer

    pages = APIRouter(include_in_schema=False)
    pages.include_router(router)
    pages.include_router(look.router())
    return pages


def _language(request: Request) -> str:
    asked = request.query_params.get("lang") or request.headers.get("accept-language", "")
    return "en" if asked.strip().lower().startswith("en") else "vi"


def _check_origin(request: Request) -> None:
    """Refuse what another site's page makes a browser send."""
    if request.headers.get("sec-fetch-site") not in (None, "same-origin", "none"):
        raise Problem(403)


async def _form(request: Request) -> dict[str, str]:
    text = (await read_body(request, FORM_BYTES)).decode("utf-8", "replace")
    return {name: values[-1] for name, values in parse_qs(text).items()}
