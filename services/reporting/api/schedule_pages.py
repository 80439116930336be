"""The page of scheduled reports: what is ordered, when it comes next, what came of it; and the
address of a file that was too large to be mailed."""

import re
from collections.abc import Mapping
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Header, Request
from starlette.responses import RedirectResponse, Response

from services.reporting.api.access import caller, check_form, form_token
from services.reporting.api.desk import desk_of
from services.reporting.api.entering import Entrance, read_form
from services.reporting.api.files import moment_text
from services.reporting.api.filtering import tidy, unit_choices
from services.reporting.api.schedules import SHOWN_TIMES, file_answer
from services.reporting.api.words import LANGUAGES, language_of, word
from services.reporting.handlers import REPORTS, Scheduling, Wish
from services.reporting.rules import schedules as rules
from services.reporting.store.schedules import Schedule
from shared import clock
from shared.keys import Key
from shared.problems import Problem

LINES = 20
"""Runs of a schedule that its history shows."""
FORMATS = ("xlsx", "pdf", "csv")
MAY = "reports:write"
Accepted = Annotated[str | None, Header()]


def build_schedule_pages(scheduling: Scheduling, entrance: Entrance) -> APIRouter:
    """The routes of schedules for browsers."""
    router = APIRouter(include_in_schema=False)
    registry = scheduling.reports.registry

    async def page(
        request: Request, key: Key, language: str, status: int = 200, **more: Any
    ) -> Response:
        lines = [line_of(one, runs, language) for one, runs in await scheduling.listed(key, LINES)]
        typed = more.pop("typed", {})
        return entrance.pages.draw(
            "schedules.html",
            language,
            status,
            desk=desk_of(key, "/schedules", language, {}, form_token(request)),
            switches=[(each, f"lang={each}") for each in LANGUAGES],
            schedules=lines,
            may=key.may(MAY),
            typed={**BLANK, "lead_minutes": str(scheduling.lead), **typed},
            faults=more.pop("faults", {}),
            told=request.query_params.get("told") if status == 200 else None,
            choices={
                "report": [(each, word(each, language)) for each in REPORTS],
                "period": [(each, word(f"period.{each}", language)) for each in rules.PERIODS],
                "format": [(each, each) for each in FORMATS],
                "every": [(each, word(f"every.{each}", language)) for each in rules.EVERY],
                "days_off": [(each, word(f"off.{each}", language)) for each in rules.DAYS_OFF],
            },
            units=unit_choices(registry, key),
        )

    def line_of(one: Schedule, runs: list[sa.Row], language: str) -> dict[str, Any]:
        body = one.body
        times = scheduling.next_times(body, clock.now(), SHOWN_TIMES)
        return {
            "id": one.id,
            "title": body["title"],
            "report": word(body["report"], language),
            "format": body["format"],
            "period": word(f"period.{body['period']}", language),
            "when": when_text(body["when"], language),
            "owner": one.owner_name,
            "recipients": [
                _named(registry.name(each["unit"]), each["level"], language)
                for each in body["recipients"]
            ],
            "paused": one.paused_at is not None,
            "waiting": one.asked_at is not None,
            "reason": one.reason and word(f"why.{one.reason}", language),
            "next": [(moment_text(each.build_at), moment_text(each.due_at)) for each in times],
            "runs": [_run(each, language) for each in runs],
        }

    @router.get("/schedules")
    async def show(
        request: Request, authorization: Accepted = None, accept_language: Accepted = None
    ) -> Response:
        language = language_of(request.query_params.get("lang"), accept_language)
        key = await entrance.reader(request, authorization)
        if key is None:
            return entrance.refuse(request, language, authorization)
        return await page(request, key, language)

    @router.post("/schedules")
    async def create(request: Request, accept_language: Accepted = None) -> Response:
        key, form = await changing(request)
        language = language_of(request.query_params.get("lang"), accept_language)
        try:
            await scheduling.create(read_wish(form, registry), key)
        except Problem as problem:
            if problem.status not in (403, 422):
                raise
            found = faults_by_field(problem)
            return await page(request, key, language, problem.status, typed=form, faults=found)
        return RedirectResponse(f"/schedules?lang={language}&told=kept", 303)

    @router.post("/schedules/{id}/{what}")
    async def act(
        id: str, what: str, request: Request, accept_language: Accepted = None
    ) -> Response:
        key, _ = await changing(request)
        language = language_of(request.query_params.get("lang"), accept_language)
        acts = {
            "pause": scheduling.pause,
            "resume": scheduling.resume,
            "run": scheduling.run_now,
            "delete": scheduling.drop,
        }
        if what not in acts:
            raise Problem(404)
        await acts[what](id, key)
        return RedirectResponse(f"/schedules?lang={language}&told={what}", 303)

    @router.get("/schedules/runs/{run}")
    async def fetch(
        run: int,
        request: Request,
        authorization: Accepted = None,
        accept_language: Accepted = None,
    ) -> Response:
        key = await entrance.reader(request, authorization)
        if key is None:
            language = language_of(request.query_params.get("lang"), accept_language)
            return entrance.refuse(request, language, authorization)
        return await file_answer(scheduling, run, key)

    async def changing(request: Request) -> tuple[Key, dict[str, str]]:
        """Who sends a form of the page, and what; raises `Problem` 401, 403."""
        key = await caller(request, None)
        form = await read_form(request)
        check_form(request, form.get("token", ""))
        if not key.may(MAY):
            raise Problem(403)
        return key, form

    return router


BLANK = {
    "title": "",
    "report": "bieu-06",
    "period": "this_month",
    "format": "xlsx",
    "unit": "",
    "every": "month",
    "days": "25",
    "before": "17:00",
    "days_off": "earlier",
    "recipients": "",
}
"""What the form begins with."""
_LEVELS = {
    "cán bộ": "officer", "lãnh đạo": "head", "huyện": "district", "tỉnh": "province",
}  # fmt: skip


def read_wish(form: Mapping[str, str], registry: Any) -> Wish:
    """What a form asks for; what is no number becomes one that is out of range."""
    days = [each for each in re.split(r"[\s,;]+", form.get("days", "")) if each]
    lead = form.get("lead_minutes", "").strip()
    unit = tidy({"unit": form.get("unit", "")}, registry)
    recipients = []
    for text in form.get("recipients", "").replace(";", "\n").split("\n"):
        name, _, level = text.partition(":")
        if name.strip():
            named = tidy({"unit": name}, registry)["unit"]
            told = level.strip().lower()
            recipients.append((named, _LEVELS.get(told, told or None)))
    return Wish(
        " ".join(form.get("title", "").split())[:200],
        form.get("report", ""),
        unit,
        form.get("period", ""),
        form.get("format", ""),
        form.get("every", ""),
        form.get("before", ""),
        [_number(each, 0) for each in days] if form.get("every") != "day" else [],
        form.get("days_off", ""),
        _number(lead, -1) if lead else None,
        recipients,
    )


def _number(text: str, otherwise: int) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else otherwise


def faults_by_field(problem: Problem) -> dict[str, str]:
    """What is wrong with a form, by the field that it stands beside."""
    found: dict[str, str] = {}
    for each in problem.errors or [{"pointer": "/unit", "code": "beyond_key"}]:
        parts = [part for part in each["pointer"].split("/") if part]
        name = parts[1] if parts[:1] in (["when"], ["parameters"]) else (parts or ["title"])[0]
        code = each["code"]
        found.setdefault(name, "unknown" if code.startswith("unknown_") else code)
    return found


def when_text(when: Mapping[str, Any], language: str) -> str:
    """When a schedule is due, in words: "25 hằng tháng, trước 17:00"."""
    days = ""
    if when["every"] == "week":
        days = ", ".join(word(f"weekday.{day}", language) for day in when["days"])
    elif when["every"] == "month":
        days = f"{word('day_of_month', language)} {', '.join(map(str, when['days']))}"
    parts = [word(f"every.{when['every']}", language), days]
    told = ", ".join(part for part in parts if part)
    off = f"{word('on_days_off', language).lower()}: {word('off.' + when['days_off'], language)}"
    return f"{told}; {word('ready_before', language)} {when['before']}; {off}"


def _named(name: str, level: str | None, language: str) -> str:
    return name if level is None else f"{name} ({word(f'level.{level}', language)})"


def _run(row: sa.Row, language: str) -> dict[str, Any]:
    return {
        "id": row.id,
        "at": moment_text(row.at),
        "due": moment_text(row.due_at),
        "done": row.state == "done",
        "asked": row.asked,
        "late": row.late,
        "missed": row.missed,
        "span": _span(row),
        "rows": row.rows,
        "reason": row.reason and word(f"why.{row.reason}", language),
        "kept": row.kept,
        "file": row.file,
    }


def _span(row: sa.Row) -> str:
    if row.last is None:
        return ""
    first = f"{row.first:%d/%m/%Y} - " if row.first else "… - "
    return f"{first}{row.last:%d/%m/%Y}"
