"""The dashboard: one page of reports, drawn on the server, without scripts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import parse_qs, urlencode

from fastapi import APIRouter, Header, Request
from starlette.responses import FileResponse, RedirectResponse, Response

from services.reporting.api.access import COOKIE, SCOPE, caller
from services.reporting.api.drawing import PAGES, Pages
from services.reporting.api.words import LANGUAGES, columns_for_people, language_of
from services.reporting.handlers import Answer, Reports, ask
from shared import browser, clock
from shared.http import read_body
from shared.keys import Key
from shared.problems import Problem

ASSETS = {"style.css": "text/css; charset=utf-8", "icon.svg": "image/svg+xml"}
LONGEST_FORM = 4096
SHOWN = 50
"""Rows of a table on the page; the CSV file has them all."""
SECTIONS = (
    ("bieu-06", "unit"),
    ("online-share", None),
    ("on-time", None),
    ("installs", "unit"),
    ("scorecard", None),
    ("timeliness", None),
    ("overdue", None),
    ("emulation", None),
    ("data-quality", None),
    ("activity", "unit"),
    ("difficulties", None),
    ("notices", None),
)
STATES = ("on_time", "late", "incomplete", "missing", "excused", "not_due")
_HIDDEN = frozenset({"unit", "due_at"})


@dataclass(frozen=True, slots=True)
class Section:
    """A table of the page."""

    report: str
    columns: list[str]
    rows: list[dict[str, Any]]
    total: dict[str, Any]
    left_out: int
    link: str
    """Address of the report as a file; its format is still to be added."""
    changes: list[dict[str, Any]]
    """Which units took over from which in the period."""


def build_pages(reports: Reports) -> APIRouter:
    """The routes for browsers."""
    router = APIRouter(include_in_schema=False)
    pages = Pages()

    def login_page(language: str, status: int, wrong: bool) -> Response:
        switches = [(each, f"lang={each}") for each in LANGUAGES]
        return pages.draw("login.html", language, status, wrong=wrong, switches=switches)

    @router.get("/")
    async def dashboard(
        request: Request,
        authorization: Annotated[str | None, Header()] = None,
        accept_language: Annotated[str | None, Header()] = None,
    ) -> Response:
        typed = dict(request.query_params)
        language = language_of(typed.get("lang"), accept_language)
        try:
            key = await caller(request, authorization)
        except Problem:
            key = None
        if key is None or not key.may(SCOPE):
            tried = COOKIE in request.cookies or authorization is not None
            return login_page(language, 401 if tried else 200, wrong=tried)
        filters = {name: typed[name] for name in ("from", "to", "unit") if typed.get(name)}
        notice = None
        now = clock.now()
        try:
            asked = ask("overdue", filters, key, reports.registry, now)
        except Problem as problem:
            notice = "beyond_key" if problem.status == 403 else "bad_filters"
            filters = {}
            asked = ask("overdue", filters, key, reports.registry, now)
        sections, data_as_of = await _sections(reports, filters, key, now, language)
        by_name = {section.report: section for section in sections}
        empty = not any(section.rows for section in sections)
        return pages.draw(
            "dashboard.html",
            language,
            sections=sections,
            form=by_name["bieu-06"].total,
            rate=by_name["on-time"].total,
            online=by_name["online-share"].total,
            empty=empty,
            filters=filters,
            switches=[(each, urlencode({**filters, "lang": each})) for each in LANGUAGES],
            notice=notice,
            data_as_of=data_as_of,
            changes=by_name["bieu-06"].changes,
            contacts=await reports.contacts(asked.question),
            units=[(one.code, one.name) for one in reports.registry.all(clock.local_day(now))],
        )

    @router.post("/login")
    async def log_in(
        request: Request,
        accept_language: Annotated[str | None, Header()] = None,
        sec_fetch_site: Annotated[str | None, Header()] = None,
    ) -> Response:
        language = language_of(request.query_params.get("lang"), accept_language)
        if sec_fetch_site not in (None, "same-origin", "none"):
            raise Problem(403)
        body = await read_body(request, LONGEST_FORM)
        typed = parse_qs(body.decode("utf-8", "replace")).get("key", [""])[0].strip()
        try:
            key = await request.app.state.service.keyring.identify(typed)
        except Problem:
            key = None
        if key is None or not key.may(SCOPE):
            return login_page(language, 401, wrong=True)
        answer = RedirectResponse(f"/?lang={language}", 303)
        browser.keep_key(answer, request, COOKIE, typed)
        return answer

    @router.post("/logout")
    async def log_out() -> Response:
        answer = RedirectResponse("/", 303)
        browser.forget_key(answer, COOKIE)
        return answer

    @router.get("/assets/{name}")
    async def asset(name: str) -> Response:
        if name not in ASSETS:
            raise Problem(404)
        return FileResponse(
            PAGES / name,
            media_type=ASSETS[name],
            headers={"Cache-Control": "max-age=3600", "X-Content-Type-Options": "nosniff"},
        )

    return router


async def _sections(
    reports: Reports, filters: Mapping[str, str], key: Key, now: datetime, language: str
) -> tuple[list[Section], str | None]:
    typed = [filters | ({"by": by} if by else {}) for _, by in SECTIONS]
    questions = [
        ask(name, words, key, reports.registry, now).question
        for (name, _), words in zip(SECTIONS, typed, strict=True)
    ]
    answers = await reports.answer_all(questions)
    sections = []
    for (name, by), words, answer in zip(SECTIONS, typed, answers, strict=True):
        link = urlencode({**words, "lang": language})
        sections.append(_section(name, by, answer, f"/v1/reports/{name}?{link}"))
    fresh = answers[0].data_as_of
    return sections, fresh.astimezone(clock.VN).strftime("%d/%m/%Y %H:%M") if fresh else None


def _section(name: str, by: str | None, answer: Answer, link: str) -> Section:
    if name == "timeliness":
        rows = answer.extra["by_obligation"]
        columns = ["plan", "obligation", *STATES, "rate"]
        return Section(name, columns, rows, answer.total, 0, link, answer.extra["unit_changes"])
    columns = [
        column for column in columns_for_people(name, by, answer.rows) if column not in _HIDDEN
    ]
    if name == "installs" and answer.total.get("quota") is None:
        columns = [one for one in columns if one not in ("counted", "quota", "share")]
    count = answer.total.get("overdue", len(answer.rows))
    rows = answer.rows[:SHOWN]
    changes = answer.extra["unit_changes"]
    return Section(name, columns, rows, answer.total, count - len(rows), link, changes)
