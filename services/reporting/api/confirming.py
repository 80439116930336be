"""The page on which units confirm or contest their month, and on which it is locked."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from services.reporting.api.arriving import arrive, changing, page_router, tidy_text
from services.reporting.api.contestable import by_unit, picked, rows_of, scores_of
from services.reporting.api.entering import Entrance
from services.reporting.api.filtering import unit_choices
from services.reporting.api.live import Live
from services.reporting.api.words import shown, word
from services.reporting.handlers import (
    CONFIRMED,
    Answer,
    Confirming,
    Publishing,
    Wanted,
    ask,
)
from services.reporting.handlers.asking import DOMAINS
from services.reporting.handlers.confirming import of_last_bearers
from services.reporting.rules import BY_DOMAIN, About
from shared import clock
from shared.clock import VN
from shared.problems import Problem
from shared.redaction import scrub
from shared.units import UnitRegistry

REPORT = "bieu-06"
"""The report whose figures are confirmed unless another is asked for."""
FIGURES: Mapping[str, tuple[str, ...]] = {
    "bieu-06": (
        *("received_total", "resolved_total", "resolved_late"),
        *("pending_total", "pending_overdue"),
    ),
    "on-time": ("on_time", "late", "open_overdue"),
    "online-share": ("online", "total"),
    "data-quality": (
        *("dossiers", "missing_phone", "invalid_phone", "missing_name"),
        "missing_returned_at",
    ),
    "installs": ("installs", "succeeded", "failed"),
    "activity": ("activities", "people"),
    "timeliness": ("on_time", "late", "incomplete", "missing"),
    "scorecard": ("n",),
    "emulation": ("merits", "deductions", "points", "undecided"),
}
"""Report -> the figures of it that a unit is shown."""
TITLES: Mapping[str, str] = {"n": "answers_in_all"}
"""Figure -> what it is called here, where it adds up what a report tells apart."""


def build_confirming(
    confirming: Confirming, publishing: Publishing, entrance: Entrance, live: Live, last_day: int
) -> APIRouter:
    """The routes of the page.

    Args:
        confirming: what units say of their figures.
        publishing: what locks a month.
        entrance: who is let in.
        live: what knows how often figures have changed.
        last_day: of the next month, by which units are asked to answer.
    """
    router = page_router(entrance)
    reports, pages = confirming.reports, entrance.pages
    registry = reports.registry

    @router.get("/confirmations")
    async def show_month(request: Request) -> Response:
        found = await arrive(entrance, request, registry)
        if isinstance(found, Response):
            return found
        version = await live.now()  # before the figures: a page is never newer than it says
        now, key, language = clock.now(), found.key, found.language
        today = clock.local_day(now)
        month = found.kept.get("period") or _month_before(today)
        unit = found.kept.get("unit") or (next(iter(key.units)) if len(key.units) == 1 else None)
        report = found.kept.get("report") or REPORT
        first, last = _days(month)
        typed = {"from": first.isoformat(), "to": last.isoformat()} | (
            {"unit": unit} if unit else {}
        )
        domain = found.kept.get("domain") if report in BY_DOMAIN else None
        asked = ask(report, typed | _filters(report, domain), key, registry, now)
        answer = await reports.answer(asked.question)
        if report in BY_DOMAIN and domain is None:  # that of the first score there is
            domain = answer.rows[0]["domain"] if answer.rows else DOMAINS[0]
            asked = ask(report, typed | _filters(report, domain), key, registry, now)
            answer = await reports.answer(asked.question)
        typed |= {"domain": domain} if domain else {}
        rows = await confirming.states(report, month, unit, key, domain)
        locked = (await confirming.noted(asked))["locked_as"]
        figures = _figures(report, answer, registry, last)
        due = (last + timedelta(days=1)).replace(day=last_day)
        own = next((row for row in rows if row["unit"] == unit), None)
        writer = key.may("reports:write")
        return pages.draw(
            "confirmations.html",
            language,
            desk=found.desk("/confirmations", found.kept),
            switches=found.switches(),
            version=version,
            month=month,
            month_name=f"{month[5:]}/{month[:4]}",
            unit=f"{registry.name(unit, last)} ({unit})" if unit else "",
            units=unit_choices(registry, key),
            due=due.strftime("%d/%m/%Y"),
            overdue=today > due,
            counts={
                state: sum(row["state"] == state for row in rows)
                for state in ("confirmed", "contested", "unanswered")
            },
            report=report,
            reports=[(each, word(each, language)) for each in CONFIRMED],
            domain=domain,
            domains=[(each, shown("domain", each, language)) for each in DOMAINS if domain],
            columns=[(name, TITLES.get(name, f"column.{name}")) for name in FIGURES[report]],
            rows=[
                _row(report, row, figures.get(row["unit"]), month, domain, language) for row in rows
            ],
            locked=locked,
            may_say=writer and locked is None and own is not None,
            may_lock=writer
            and locked is None
            and last < today
            and len(rows) > 0
            and own != rows[0],
            own=own and _row(report, own, figures.get(own["unit"]), month, domain, language),
            scores=scores_of(answer, own["unit"], typed, language)
            if own and report == "scorecard"
            else [],
            own_code=unit,
            single=await rows_of(reports, found, report, typed, own) if own else None,
            said=found.kept.get("said"),
        )

    @router.post("/confirmations")
    async def say(request: Request) -> Response:
        key, form, language = await changing(request)
        if not key.may("reports:write"):
            raise Problem(403, word("may_not_confirm", language))
        month, unit, state = (form.get(name, "") for name in ("period", "unit", "state"))
        remark = scrub(tidy_text(form.get("remark", ""))) or None
        chosen = picked(form)
        if state not in ("confirmed", "contested"):
            raise Problem(422)
        if form.get("scope") == "picked" and not chosen:
            raise Problem(422, word("pick_rows", language))
        if state == "contested" and remark is None:
            raise Problem(422, word("say_why", language))
        told = remark if state == "contested" else None
        report, domain = form.get("report") or REPORT, form.get("domain") or None
        about = [(each, told) for each in chosen or [About()]]
        await confirming.say(report, month, unit, state, about, key, domain)
        query = {"period": month, "unit": unit, "said": state, "lang": language, "report": report}
        query |= {"domain": domain} if domain else {}
        return RedirectResponse(f"/confirmations?{urlencode(query)}", 303)

    @router.post("/confirmations/lock")
    async def lock(request: Request) -> Response:
        key, form, language = await changing(request)
        if not key.may("reports:write"):
            raise Problem(403, word("may_not_confirm", language))
        if form.get("sure") != "1":
            raise Problem(422, word("lock_for_sure", language))
        first, last = _days(form.get("period", ""))
        report = form.get("report") or REPORT
        if report not in CONFIRMED:
            raise Problem(422)
        domain = form.get("domain") or None
        typed = {"from": first.isoformat(), "to": last.isoformat(), **_filters(report, domain)}
        if unit := form.get("unit"):
            typed["unit"] = unit
        of = f", {shown('domain', domain)}" if domain else ""
        title = f"{word(report)} ({first:%m/%Y}{of})"
        slug, _ = await publishing.publish(Wanted(report, typed, title, lock=True), key)
        return RedirectResponse(f"/publications/{slug}?lang={language}", 303)

    return router


def _filters(report: str, domain: str | None) -> dict[str, str]:
    """What narrows a report to what is confirmed of it."""
    return by_unit(report) | ({"domain": domain} if domain else {})


def _figures(
    report: str, answer: Answer, registry: UnitRegistry, last: date
) -> dict[str, dict[str, int]]:
    """Unit -> its figures: sums where it has several rows."""
    found: dict[str, dict[str, int]] = {}
    rows = answer.extra["by_unit"] if report == "timeliness" else answer.rows
    for row in of_last_bearers(rows, registry, last):
        sums = found.setdefault(row["unit"], dict.fromkeys(FIGURES[report], 0))
        for name in sums:
            sums[name] += row[name] or 0
    return found


def _row(
    report: str,
    row: dict[str, Any],
    figures: Any,
    month: str,
    domain: str | None,
    language: str,
) -> dict[str, Any]:
    """How a unit stands, as the page shows it."""
    first, last = _days(month)
    query = {"lang": language, "from": first, "to": last, "row.unit": row["unit"]}
    query |= _filters(report, domain)
    here = {"period": month, "unit": row["unit"], "report": report, "lang": language}
    here |= {"domain": domain} if domain else {}
    at = row["at"] and datetime.fromisoformat(row["at"]).astimezone(VN)
    return {
        "unit": row["unit"],
        "name": row["unit_name"],
        "state": row["state"],
        "at": at.strftime("%d/%m/%Y %H:%M") if at else None,
        "by": row["by"],
        "cells": [
            (
                name,
                figures[name] if figures else 0,
                f"/reports/{report}/rows?{urlencode(query | {'column': name})}",
            )
            for name in FIGURES[report]
        ],
        "contested": [_objection(one, language) for one in row["contested"]],
        "open": f"/confirmations?{urlencode(here)}",
    }


def _objection(one: dict[str, Any], language: str) -> dict[str, Any]:
    """Something contested: what it is called, where that leads, and why."""
    if one["dossier"]:
        link = f"/dossiers/{quote(one['dossier'], safe='')}?lang={language}"
        return {"name": one["dossier"], "link": link, "remark": one["remark"]}
    if one["event"]:
        link = f"/event?{urlencode({**one['event'], 'lang': language})}"
        return {"name": one["event"]["id"], "link": link, "remark": one["remark"]}
    return {"name": word("whole_month", language), "link": None, "remark": one["remark"]}


def _month_before(today: date) -> str:
    return f"{today.replace(day=1) - timedelta(days=1):%Y-%m}"


def _days(month: str) -> tuple[date, date]:
    """The first and the last day of a month; raises `Problem` 422."""
    try:
        first = date.fromisoformat(f"{month}-01")
    except ValueError:
        error = {
            "pointer": "/period",
            "code": "not_a_month",
            "message": "Write a month as YYYY-MM.",
        }
        raise Problem(422, errors=[error]) from None
    return first, (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
