"""The daily call list as a page: whom to call, and what came of the calls."""

from secrets import token_hex
from typing import Any
from urllib.parse import parse_qs, urlencode

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import ValidationError

from services.notify.api import calls
from services.notify.api.calls_made import GivenCall, mark, show_made
from services.notify.api.frame import HEADERS, Frame, given
from services.notify.api.showing import Scope
from services.notify.api.words import LANGUAGES, word
from services.notify.handlers.calling import RESULTS
from services.notify.handlers.desk import Desk
from services.notify.store import calls as store
from shared import clock
from shared.browser import from_own_page
from shared.http import read_body
from shared.printing import to_csv
from shared.problems import Problem

PAGE_SIZE = 100
MADE = 200
"""The calls of a day that are shown below the list."""
SHEET = 5000
FORM_BYTES = 8 << 10


def add_calls_page(router: APIRouter, frame: Frame, desk: Desk, scope: Scope, days: int) -> None:
    """Add the page; who was not reached stays on it for some ``days``."""
    database = frame.service.database

    @router.get("/notices/calls", include_in_schema=False)
    async def show_calls(request: Request) -> Response:
        key = await frame.identify(request)
        if key is None:
            return frame.render(request, "login.html", wrong=False)
        asked, faults = given(request, "unit", "day", "cursor", "format", "lang", "done"), []
        if not key.may("contacts:read"):
            return frame.render(
                request, "calls.html", 403, calls=[], made=[], asked={"unit": "", "day": ""},
                results=RESULTS, faults=["no_contacts"], following=None, sheet=None, done=None,
                once="", here_query="", today=False, caller=key.name,
            )  # fmt: skip
        unit, day = asked.get("unit"), clock.today()
        try:
            day = calls.read_day(asked.get("day"))
            units = scope.units(key, unit)
        except Problem:
            faults.append("bad_query")
            unit, units = None, frozenset()
        rows: Any = []
        made: dict[str, list[Any]] = {}
        spoken: Any = []
        following = None
        if not faults:
            as_sheet = asked.get("format") == "csv"
            size = SHEET if as_sheet else PAGE_SIZE
            page = calls.Page(day, days, asked.get("cursor", ""), size)
            rows, made, following = await calls.fetch(database, scope, key, unit, page, "page")
            if as_sheet:
                return sheet(calls.show(rows, made, desk.units), day.isoformat(), asked)
            async with database.transaction() as session:
                spoken = await store.history(session, units, None, day, None, MADE)
        kept = {name: asked[name] for name in ("unit", "lang") if name in asked}
        kept["day"] = day.isoformat()
        fault = request.query_params.get("fault")
        return frame.render(
            request,
            "calls.html",
            calls=calls.show(rows, made, desk.units),
            made=[show_made(row, desk.units) for row in spoken],
            asked={"unit": "", **asked, "day": day.isoformat()},
            results=RESULTS,
            faults=faults + (["call.fault"] if fault else []),
            done=asked["done"] if asked.get("done") in RESULTS else None,
            following="?" + urlencode(kept | {"cursor": following}) if following else None,
            sheet="?" + urlencode(kept | {"format": "csv"}),
            once=token_hex(8),
            here_query="?" + urlencode(kept),
            today=day == clock.today(),
            caller=key.name,
        )

    def sheet(shown: list[dict[str, Any]], day: str, asked: dict[str, str]) -> Response:
        language = asked["lang"] if asked.get("lang") in LANGUAGES else LANGUAGES[0]
        flat = calls.flat(shown, language)
        body = to_csv(flat, calls.COLUMNS, lambda name: word(f"call.{name}", language))
        headers = {"Content-Disposition": f'attachment; filename="call-list-{day}.csv"'}
        return Response(body, media_type="text/csv; charset=utf-8", headers=HEADERS | headers)

    @router.post("/notices/calls", include_in_schema=False)
    async def mark_call(request: Request) -> Response:
        key = await frame.identify(request)
        if key is None or not key.may("contacts:read") or not sent_here(request):
            return frame.render(request, "login.html", 401, wrong=True)
        body = (await read_body(request, FORM_BYTES)).decode("utf-8", "replace")
        form = {name: values[-1] for name, values in parse_qs(body).items()}
        asked = given(request, "unit", "day", "lang")
        told = {"code": form.get("code"), "result": form.get("result"), "id": form.get("once")}
        told |= {"note": form["note"]} if form.get("note", "").strip() else {}
        try:
            async with database.transaction() as session:
                await mark(session, desk, scope, key, GivenCall.model_validate(told))
        except (Problem, ValidationError):
            asked["fault"] = "1"
        else:
            asked["done"] = str(told["result"])
            desk.wake()
        return RedirectResponse(f"calls?{urlencode(asked)}", 303, headers=HEADERS)


def sent_here(request: Request) -> bool:
    """Whether a form comes from a page of ours, as far as the browser tells."""
    told = request.headers.get("sec-fetch-site") or request.headers.get("origin")
    return from_own_page(request) if told and told != "null" else True
