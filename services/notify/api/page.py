"""The notices as pages: what was written, to whom it went, and why it stayed."""

from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from services.notify.api.people import note_readers
from services.notify.api.showing import Scope, show_notice
from services.notify.api.words import LANGUAGES, language_of, word
from services.notify.handlers.delivery import Delivery
from services.notify.handlers.retrying import order_retry
from services.notify.rules.notices import RETRIABLE, STATES
from services.notify.store import notices as store
from shared import clock
from shared.http import read_body
from shared.keys import Key
from shared.problems import Problem
from shared.service import Service
from shared.units import UnitRegistry

PAGES = Path(__file__).parent.parent / "pages"
ASSETS = {"style.css": ("notices.css", "text/css"), "icon.svg": ("icon.svg", "image/svg+xml")}
COOKIE = "motcua_notices"
PAGE_SIZE = 50
FORM_BYTES = 4096
SESSION_SECONDS = 12 * 3600
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self';"
    " form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept-Language, Cookie",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def add_page(
    router: APIRouter,
    service: Service,
    registry: UnitRegistry,
    scope: Scope,
    delivery: Delivery,
) -> None:
    """Add the pages and their login."""
    environment = pages()
    files = {name: ((PAGES / path).read_bytes(), kind) for name, (path, kind) in ASSETS.items()}

    def render(request: Request, name: str, status: int = 200, **values: Any) -> HTMLResponse:
        asked = request.query_params.get("lang")
        language = language_of(asked, request.headers.get("accept-language"))
        kept = {k: v for k, v in request.query_params.items() if k != "lang"}
        switches = [
            (each, "?" + urlencode(kept | {"lang": each})) for each in LANGUAGES if each != language
        ]
        # Links keep the language where it was asked for, and only there.
        suffix = f"?lang={language}" if asked in LANGUAGES else ""
        text = environment.get_template(name).render(
            say=lambda text: word(text, language),
            language=language,
            asked_language=language if asked in LANGUAGES else "",
            switches=switches,
            suffix=suffix,
            **values,
        )
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
            return render(request, "login.html", wrong=False)
        asked = {
            name: value.strip()[:300].replace("\0", "")
            for name in ("unit", "subject", "state", "cursor", "lang")
            if (value := request.query_params.get(name, "")).strip()
        }
        bad_unit = False
        try:
            units = scope.units(key, asked.get("unit"))
        except Problem:
            units, bad_unit = frozenset(), True
        state = asked.get("state") if asked.get("state") in STATES else None
        cursor = asked.get("cursor", "")
        before = int(cursor) if cursor.isascii() and cursor.isdigit() and len(cursor) < 19 else None
        query = store.Query(units, asked.get("subject"), state, before, PAGE_SIZE)
        may = key.may("contacts:read")
        async with service.database.transaction() as session:
            rows = await store.find(session, query)
            counts = await store.count_states(session, units)
            if may:
                await note_readers(session, key, rows, "page")
        following = None
        if len(rows) == PAGE_SIZE:
            following = "?" + urlencode(asked | {"cursor": rows[-1].seq})
        return render(
            request,
            "notices.html",
            notices=[show_notice(row, registry, may) for row in rows],
            counts=counts,
            states=STATES,
            asked={"unit": "", "subject": "", **asked, "state": state or ""},
            filtered=any(asked.get(name) for name in ("unit", "subject", "state")),
            following=following,
            bad_unit=bad_unit,
            caller=key.name,
        )

    def serve(name: str) -> None:
        content, kind = files[name]

        @router.get(f"/notices/{name}", include_in_schema=False)
        async def show_file() -> Response:
            headers = HEADERS | {"Cache-Control": "max-age=3600"}
            return Response(content, headers=headers, media_type=kind)

    for name in files:
        serve(name)

    @router.get("/notices/{notice}", include_in_schema=False)
    async def show_one(request: Request, notice: str) -> Response:
        key = await identify(request)
        if key is None:
            return render(request, "login.html", wrong=False)
        may = key.may("contacts:read")
        async with service.database.transaction() as session:
            row = await find(session, key, notice)
            if row is None:
                return render(request, "gone.html", 404)
            history, attempts = await store.get_history(session, row.id)
            if may:
                await note_readers(session, key, [row], "page")
        return render(
            request,
            "notice.html",
            notice=show_notice(row, registry, may),
            history=history,
            tries=attempts,
            may_retry=key.may("admin") and row.state in RETRIABLE,
            refused="refused" in request.query_params,
            caller=key.name,
        )

    async def find(session: Any, key: Key, notice: str) -> Any:
        """A notice that the caller may see; null where there is none."""
        try:
            row = await store.get(session, UUID(notice))
        except ValueError:
            return None
        return row if row is not None and scope.sees(key, row.unit) else None

    @router.post("/notices/{notice}/retry", include_in_schema=False)
    async def retry(request: Request, notice: str) -> Response:
        key = await identify(request)
        if key is None or not key.may("admin"):
            return render(request, "login.html", 401, wrong=True)
        async with service.database.transaction() as session:
            row = await find(session, key, notice)
            if row is None:
                return render(request, "gone.html", 404)
            refusal = await order_retry(session, delivery, row, key.id)
        asked = request.query_params.get("lang")
        query = {"lang": asked} if asked in LANGUAGES else {}
        query |= {"refused": "1"} if refusal else {}
        target = f"../{row.id}" + (f"?{urlencode(query)}" if query else "")
        return RedirectResponse(target, 303, headers=HEADERS)

    @router.post("/notices/session", include_in_schema=False)
    async def log_in(request: Request) -> Response:
        form = parse_qs((await read_body(request, FORM_BYTES)).decode("utf-8", "replace"))
        shown = form.get("key", [""])[-1].strip()
        try:
            key = await service.keyring.identify(shown)
        except Problem:
            key = None
        if key is None or not key.may("notices:read"):
            return render(request, "login.html", 401, wrong=True)
        asked = request.query_params.get("lang")
        suffix = f"?lang={asked}" if asked in LANGUAGES else ""
        answer = RedirectResponse(f"../notices{suffix}", 303, headers=HEADERS)
        answer.set_cookie(
            COOKIE,
            shown,
            max_age=SESSION_SECONDS,
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


def pages() -> Environment:
    """The templates of the pages."""
    environment = Environment(
        loader=FileSystemLoader(PAGES), autoescape=True, undefined=StrictUndefined
    )
    environment.filters["local"] = local
    return environment


def local(at: datetime) -> str:
    """An instant as people here read it."""
    return at.astimezone(clock.VN).strftime("%d/%m/%Y %H:%M")
