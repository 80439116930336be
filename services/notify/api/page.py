"""The notices as pages: what was written, to whom it went, and why it stayed."""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from services.notify.api.frame import COOKIE, HEADERS, Frame
from services.notify.api.people import note_readers
from services.notify.api.showing import Scope, show_notice
from services.notify.api.words import LANGUAGES
from services.notify.handlers.delivery import Delivery
from services.notify.handlers.retrying import order_retry
from services.notify.rules.digests import DIGEST
from services.notify.rules.notices import RETRIABLE, STATES
from services.notify.rules.texts import KINDS
from services.notify.store import notices as store
from shared import clock
from shared.http import read_body
from shared.keys import Key
from shared.problems import Problem
from shared.units import UnitRegistry

PAGES = Path(__file__).parent.parent / "pages"
FILTERS = ("unit", "subject", "state", "kind", "channel", "from", "to")
PAGE_SIZE = 50
FORM_BYTES = 4096
SESSION_SECONDS = 12 * 3600


def add_page(
    router: APIRouter,
    frame: Frame,
    registry: UnitRegistry,
    scope: Scope,
    delivery: Delivery,
) -> None:
    """Add the pages and their login."""
    service = frame.service
    render, identify = frame.render, frame.identify

    @router.get("/notices", include_in_schema=False)
    async def show(request: Request) -> Response:
        key = await identify(request)
        if key is None:
            return render(request, "login.html", wrong=False)
        asked = {
            name: value.strip()[:300].replace("\0", "")
            for name in (*FILTERS, "cursor", "lang")
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
        since, until, bad_day = read_days(asked.get("from"), asked.get("to"))
        query = store.Query(
            units, asked.get("subject"), state, before, PAGE_SIZE, asked.get("kind"),
            asked.get("channel"), None, since, until,
        )  # fmt: skip
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
            asked=dict.fromkeys(FILTERS, "") | asked | {"state": state or ""},
            filtered=any(asked.get(name) for name in FILTERS),
            kinds=list(KINDS),
            bad_day=bad_day,
            following=following,
            bad_unit=bad_unit,
            caller=key.name,
        )

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
            members = await store.members(session, row.id) if row.kind == DIGEST else []
            if may:
                await note_readers(session, key, [row], "page")
        return render(
            request,
            "notice.html",
            notice=show_notice(row, registry, may),
            history=history,
            tries=attempts,
            members=members,
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
        answer = RedirectResponse(f"../notices{kept_language(request)}", 303, headers=HEADERS)
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
    async def log_out(request: Request) -> Response:
        answer = RedirectResponse(f"../../notices{kept_language(request)}", 303, headers=HEADERS)
        answer.delete_cookie(COOKIE, path="/notices")
        return answer


def kept_language(request: Request) -> str:
    """The query that keeps a language where it was asked for."""
    asked = request.query_params.get("lang")
    return f"?lang={asked}" if asked in LANGUAGES else ""


def read_days(first: str | None, last: str | None) -> tuple[datetime | None, datetime | None, bool]:
    """The instants between which notices were made, and whether a day could not be read."""
    try:
        days = [date.fromisoformat(text) if text else None for text in (first, last)]
    except ValueError:
        return None, None, True
    if any(day is not None and not 2000 <= day.year <= 2999 for day in days):
        return None, None, True
    since = clock.start_of(days[0]) if days[0] else None
    return since, clock.start_of(days[1] + timedelta(days=1)) if days[1] else None, False


def pages() -> Environment:
    """The templates of the pages."""
    environment = Environment(
        loader=FileSystemLoader(PAGES), autoescape=True, undefined=StrictUndefined
    )
    environment.filters["local"] = local
    environment.filters["figure"] = figure
    environment.filters["month"] = month
    return environment


def month(text: str) -> str:
    """A month (``YYYY-MM``) as people here read it."""
    year, _, number = text.partition("-")
    return f"{number}/{year}"


def figure(number: int | None) -> str:
    """A number as people here read it; a dash where it is not known."""
    return "–" if number is None else f"{number:,}".replace(",", ".")


def local(at: datetime) -> str:
    """An instant as people here read it."""
    return at.astimezone(clock.VN).strftime("%d/%m/%Y %H:%M")
