"""The routes for people without software of their own: log in, forms, lists, own entries."""

from datetime import datetime
from typing import Annotated, Any
from urllib.parse import parse_qs, urlencode

from fastapi import APIRouter, Depends, Header, Query, Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response

from services.intake import store
from services.intake.api.browsing import (
    ASSETS,
    COOKIE,
    FORMS,
    MEDIA,
    PAGES,
    SCOPE,
    Pages,
    own_path,
)
from services.intake.handlers import Helping
from shared import browser, clock
from shared.http import read_body
from shared.keys import Key
from shared.problems import Problem
from shared.questionnaires import LEVELS, POINTS
from shared.service import Service, needs

LONGEST_FORM = 4096
SHOWN = 100
LOOKED_THROUGH = 2000
LISTS = (
    "installs",
    "dossiers",
    "patients",
    "clients",
    "installers",
    "officers",
    "surveys",
    "activities",
    "reports",
    "totals",
)
CATEGORIES = ("connectivity", "device", "awareness", "staffing", "data", "other")
KINDS = ("reached", "guided", "supported", "account_created", "trained", "core", "duty")
VOID = "motcua.record.voided.v1"
FOR_PEOPLE = ("installer", "kind", "people", "team", "member", "place", "result", "category",
              "difficulty", "questionnaire", "mode", "plan", "obligation", "period", "code",
              "status", "list", "rows", "indicator", "value", "of_id")  # fmt: skip
"""What of an entry's data helps its sender to recognise it."""


def build_pages(service: Service, helping: Helping) -> APIRouter:
    """The routes for browsers."""
    router = APIRouter(include_in_schema=False)
    pages = Pages(service)
    writer = Annotated[Key, Depends(needs(SCOPE))]

    @router.get("/")
    async def start(request: Request) -> Response:
        key = await pages.caller(request)
        if key is None:
            return pages.draw_login(request)
        return pages.draw(request, "start.html", key, forms=FORMS)

    @router.get("/forms/{name}")
    async def show_form(name: str, request: Request) -> Response:
        if name not in FORMS:
            raise Problem(404)
        key = await pages.caller(request)
        if key is None:
            return pages.draw_login(request)
        return pages.draw(
            request,
            f"{name}.html",
            key,
            form=name,
            questionnaires=helping.questionnaires,
            points=POINTS,
            levels=LEVELS,
            categories=CATEGORIES,
            kinds=KINDS,
        )

    @router.get("/lists")
    async def show_lists(request: Request) -> Response:
        key = await pages.caller(request)
        if key is None:
            return pages.draw_login(request)
        return pages.draw(request, "lists.html", key, lists=LISTS)

    @router.get("/entries")
    async def show_entries(request: Request) -> Response:
        key = await pages.caller(request)
        if key is None:
            return pages.draw_login(request)
        async with service.database.transaction() as session:
            rows = await store.own_entries(session, key.id, SHOWN)
        return pages.draw(
            request, "entries.html", key, entries=as_shown(rows), details=FOR_PEOPLE, local=local
        )

    def as_shown(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Entries with their units' names, and whether a later one of the key voids them."""
        voided = {
            (row["data"].get("of_source"), row["data"].get("of_id"))
            for row in rows
            if row["type"] == VOID
        }
        return [
            {
                **row,
                "kind": row["type"].removeprefix("motcua.").removesuffix(".v1"),
                "unit_name": helping.name_of(row["unit"], row["occurred_at"]),
                "voided": (row["source"], row["id"]) in voided,
                "final": row["type"] == VOID,
            }
            for row in rows
        ]

    # -- what the forms' scripts ask for -----------------------------------------------------

    @router.get("/offers/units")
    async def units(key: writer) -> Response:
        return as_json({"units": helping.units(key)})

    @router.get("/offers/plans")
    async def plans(request: Request, key: writer) -> Response:
        shown = pages.shown_key(request) or ""
        return as_json({"plans": await helping.plans(key, shown)})

    @router.get("/offers/difficulties")
    async def difficulties(request: Request, key: writer) -> Response:
        async with service.database.transaction() as session:
            own = await store.own_difficulties(session, key.id, LOOKED_THROUGH)
        shown = pages.shown_key(request) or ""
        return as_json({"difficulties": await helping.difficulties(shown, own)})

    @router.get("/offers/figures")
    async def figures(
        request: Request,
        _key: writer,
        plan: Annotated[str, Query(max_length=64, pattern=r"^[\w.:+-]+$")],
        unit: Annotated[str, Query(max_length=64, pattern=r"^[\w.:+-]+$")],
    ) -> Response:
        return as_json(await helping.figures(pages.shown_key(request) or "", plan, unit))

    # -- sessions ----------------------------------------------------------------------------

    @router.post("/login")
    async def log_in(
        request: Request, sec_fetch_site: Annotated[str | None, Header()] = None
    ) -> Response:
        if sec_fetch_site not in (None, "same-origin", "none"):
            raise Problem(403)
        body = await read_body(request, LONGEST_FORM)
        typed = parse_qs(body.decode("utf-8", "replace"))
        shown = typed.get("key", [""])[0].strip()
        following = own_path(typed.get("following", ["/"])[0])
        try:
            key = await service.keyring.identify(shown)
        except Problem:
            key = None
        if key is None or not key.may(SCOPE):
            return pages.draw(request, "login.html", None, 401, wrong=True, following=following)
        asked = request.query_params.get("lang")
        query = f"?{urlencode({'lang': pages.language(request)})}" if asked else ""
        answer = RedirectResponse(following + query, 303)
        browser.keep_key(answer, request, COOKIE, shown)
        return answer

    @router.post("/logout")
    async def log_out(
        request: Request, sec_fetch_site: Annotated[str | None, Header()] = None
    ) -> Response:
        if sec_fetch_site not in (None, "same-origin", "none"):
            raise Problem(403)
        answer = RedirectResponse("/", 303)
        browser.forget_key(answer, COOKIE)
        return answer

    # -- files -------------------------------------------------------------------------------

    @router.get("/assets/{version}/{name}")
    async def asset(version: str, name: str) -> Response:
        found = ASSETS.get(name)
        if found is None:
            raise Problem(404)
        same = version == pages.version  # an older page may ask while a newer service answers
        kept = "max-age=31536000, immutable" if same else "no-cache"
        headers = {"Cache-Control": kept, "X-Content-Type-Options": "nosniff"}
        return FileResponse(found, media_type=MEDIA[found.suffix], headers=headers)

    @router.get("/worker.js")
    async def worker() -> Response:
        headers = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
        policy = {"Content-Security-Policy": "default-src 'none'; connect-src 'self'"}
        return FileResponse(PAGES / "worker.js", media_type=MEDIA[".js"], headers=headers | policy)

    return router


def as_json(content: dict[str, Any]) -> Response:
    """Data for a page of a caller: kept by nobody on the way."""
    return JSONResponse(content, headers={"Cache-Control": "no-store", "Vary": "Cookie"})


def local(at: datetime) -> str:
    """An instant as people in Viet Nam read it."""
    return at.astimezone(clock.VN).strftime("%d/%m/%Y %H:%M")
