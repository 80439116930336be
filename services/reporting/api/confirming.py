"""The page on which units confirm or contest their month, and on which it is locked."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from services.reporting.api.arriving import Arrival, arrive, changing, page_router, tidy_text
from services.reporting.api.entering import Entrance
from services.reporting.api.filtering import unit_choices
from services.reporting.api.live import Live
from services.reporting.api.words import shown, word
from services.reporting.handlers import (
    CONFIRMED,
    GROUPINGS,
    Answer,
    Confirming,
    Publishing,
    Wanted,
    ask,
    trace,
)
from shared import clock
from shared.clock import VN
from shared.problems import Problem
from shared.redaction import scrub

REPORT = "bieu-06"
"""The report whose figures are confirmed unless another is asked for."""
ROWS = 50
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
}
"""Report -> the figures of it that a unit is shown."""
SINGLE: Mapping[str, tuple[str, str]] = {
    "bieu-06": ("bieu-06", "received_total"),
    "on-time": ("bieu-06", "received_total"),
    "online-share": ("online-share", "total"),
    "data-quality": ("data-quality", "dossiers"),
}
"""Report -> the cell behind which its dossiers lie; others have none to contest one by one."""
ABOUT = "d."
"""How the fields of a form begin that each name a dossier."""


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
        rows = await confirming.states(report, month, unit, key)
        first, last = _days(month)
        typed = {"from": first.isoformat(), "to": last.isoformat()} | (
            {"unit": unit} if unit else {}
        )
        asked = ask(report, {**typed, **_by_unit(report)}, key, registry, now)
        answer = await reports.answer(asked.question)
        locked = (await confirming.noted(asked))["locked_as"]
        figures = _figures(report, answer)
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
            columns=FIGURES[report],
            rows=[_row(report, row, figures.get(row["unit"]), month, language) for row in rows],
            locked=locked,
            may_say=writer and locked is None and own is not None,
            may_lock=writer
            and locked is None
            and last < today
            and len(rows) > 0
            and own != rows[0],
            own=own and _row(report, own, figures.get(own["unit"]), month, language),
            own_code=unit,
            dossiers=await dossiers(found, report, typed, own)
            if own and report in SINGLE
            else None,
            said=found.kept.get("said"),
        )

    async def dossiers(
        found: Arrival, report: str, typed: dict[str, str], own: dict[str, Any]
    ) -> dict[str, Any]:
        """A page of the dossiers of a unit's month, with what is contested of each."""
        name, column = SINGLE[report]
        more = {"limit": str(ROWS), "after": found.kept.get("after", ""), **_by_unit(name)}
        asked = ask(name, typed | more, found.key, registry, clock.now())
        told = await trace(reports, asked, column, {"unit": own["unit"]})
        contested = {each["dossier"]: each["remark"] for each in own["contested"]}
        kept = {name: value for name, value in found.kept.items() if name not in ("after", "said")}

        def page(after: str | None) -> str | None:
            query = kept | ({"after": after} if after else {})
            return None if after is None else f"/confirmations?{urlencode(query)}"

        return {
            "rows": [
                {
                    "code": one["code"],
                    "link": f"/dossiers/{quote(one['code'], safe='')}?lang={found.language}",
                    "field": one["field"],
                    "status": word(
                        f"status.{one['status']}" if one["status"] else "filed", found.language
                    ),
                    "due": shown("due", one["due"], found.language),
                    "resolved": shown("due", one["resolved"], found.language),
                    "outcome": one["outcome"],
                    "contested": one["code"] in contested,
                    "remark": contested.get(one["code"]),
                }
                for one in told["dossiers"]
            ],
            "after": page(told["next"]),
            "start": page("") if more["after"] else None,
        }

    @router.post("/confirmations")
    async def say(request: Request) -> Response:
        key, form, language = await changing(request)
        if not key.may("reports:write"):
            raise Problem(403, word("may_not_confirm", language))
        month, unit, state = (form.get(name, "") for name in ("period", "unit", "state"))
        remark = scrub(tidy_text(form.get("remark", ""))) or None
        picked: list[str | None] = [
            name.removeprefix(ABOUT) for name in form if name.startswith(ABOUT)
        ]
        if state not in ("confirmed", "contested"):
            raise Problem(422)
        if form.get("scope") == "picked" and not picked:
            raise Problem(422, word("pick_dossiers", language))
        if state == "contested" and remark is None:
            raise Problem(422, word("say_why", language))
        about = [(each, remark if state == "contested" else None) for each in picked or [None]]
        report = form.get("report") or REPORT
        await confirming.say(report, month, unit, state, about, key)
        query = {"period": month, "unit": unit, "said": state, "lang": language, "report": report}
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
        typed = {"from": first.isoformat(), "to": last.isoformat(), **_by_unit(report)}
        if unit := form.get("unit"):
            typed["unit"] = unit
        title = f"{word(report)} ({first:%m/%Y})"
        slug, _ = await publishing.publish(Wanted(report, typed, title, lock=True), key)
        return RedirectResponse(f"/publications/{slug}?lang={language}", 303)

    return router


def _by_unit(report: str) -> dict[str, str]:
    return {"by": "unit"} if "unit" in GROUPINGS.get(report, ()) else {}


def _figures(report: str, answer: Answer) -> dict[str, dict[str, int]]:
    """Unit -> its figures: sums where it has several rows."""
    found: dict[str, dict[str, int]] = {}
    for row in answer.extra["by_unit"] if report == "timeliness" else answer.rows:
        sums = found.setdefault(row["unit"], dict.fromkeys(FIGURES[report], 0))
        for name in sums:
            sums[name] += row[name] or 0
    return found


def _row(
    report: str, row: dict[str, Any], figures: Any, month: str, language: str
) -> dict[str, Any]:
    """How a unit stands, as the page shows it."""
    first, last = _days(month)
    query = {"lang": language, "from": first, "to": last, "row.unit": row["unit"]}
    query |= _by_unit(report)
    here = {"period": month, "unit": row["unit"], "report": report, "lang": language}
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
        "contested": row["contested"],
        "open": f"/confirmations?{urlencode(here)}",
    }


def _month_before(today: date) -> str:
    return f"{today.replace(day=1) - timedelta(days=1):%Y-%m}"


def _days(month: str) -> tuple[date, date]:
    """The first and the last day of a month; raises `Problem` 422."""
    try:
        first = date.fromisoformat(f"{month}-01")
    except ValueError:
        raise Problem(422) from None
    return first, (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
