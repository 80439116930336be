"""The page of what an indicator's figure is made of: each machine, dossier or event that counts."""

import contextlib
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.reporting.api.access import shown_key
from services.reporting.api.arriving import arrive, page_router
from services.reporting.api.entering import Entrance
from services.reporting.api.live import Live
from services.reporting.api.words import shown, word
from services.reporting.handlers import Counted, Figure, titles
from shared import clock, nearest
from shared.clock import VN
from shared.plans import WHOLE, Plan
from shared.plans.periods import bounds
from shared.problems import Problem
from shared.units import UnitRegistry

PATH = "/progress/rows"
ROWS = 50
MOST_EVENTS = 20
"""Events of one row that a page shows."""
PARTS = ("numerator", "denominator")
NAMES = ("plan", "indicator", "unit", "period", "part", "as_of")


def counted_link(language: str, **parts: str | None) -> str:
    """The address of what a figure is made of; of its `NAMES` plan, indicator, unit and period."""
    given = {name: parts[name] for name in NAMES if parts.get(name)}
    return f"{PATH}?{urlencode({'lang': language, **given})}"


def build_counted(counted: Counted, entrance: Entrance, live: Live) -> APIRouter:
    """The route of the page.

    Args:
        counted: what tells what counts.
        entrance: who is let in.
        live: what knows how often figures have changed.
    """
    router = page_router(entrance)
    reports, pages = counted.reports, entrance.pages
    registry = reports.registry

    @router.get(PATH)
    async def rows_page(request: Request) -> Response:
        found = await arrive(entrance, request, registry)
        if isinstance(found, Response):
            return found
        version = await live.now()  # before the figures: a page is never newer than it says
        kept, language = found.kept, found.language
        figure, offset = _figure(kept), _offset(kept)
        if not registry.known(figure.unit):
            message = "There is no such unit."
            raise Problem(
                422, errors=[nearest.fault("unit", message, registry.nearest(figure.unit))]
            )
        seen = shown_key(request, request.headers.get("authorization"))
        told = await counted.rows(figure, found.key, seen, ROWS, offset)
        plans = await reports.plans()
        names = titles(plans)
        more = told["total"]["next_offset"] if told else None
        here = {name: kept.get(name) for name in NAMES}

        def page(**others: Any) -> str:
            query = {**here, **others}
            return f"{counted_link(language, **query)}&{urlencode({'offset': query['offset']})}"

        progress = {"plan": figure.plan, "unit": figure.unit, "lang": language}
        return pages.draw(
            "counted.html",
            language,
            desk=found.desk("/progress"),
            switches=found.switches(),
            version=version,
            title=_title(plans, figure),
            plan=names.get((figure.plan, ""), figure.plan),
            where=registry.name(figure.unit, _last_day(plans, figure)),
            period=word("whole", language) if figure.period == WHOLE else figure.period,
            back=f"/progress?{urlencode(progress)}",
            part=figure.part,
            parts=[(each, counted_link(language, **{**here, "part": each})) for each in PARTS]
            if _of_two(plans, figure)
            else [],
            away=told is None,
            total=told and told["total"],
            first=offset,
            rows=[_row(one, registry, names, figure, language) for one in told["rows"]]
            if told
            else [],
            start=page(offset=0) if offset else None,
            after=None if more is None else page(offset=more),
        )

    return router


def _figure(kept: Mapping[str, str]) -> Figure:
    missing = [name for name in NAMES[:4] if not kept.get(name)]
    if missing or kept.get("part", PARTS[0]) not in PARTS:
        errors = [
            {"pointer": f"/{name}", "code": "missing", "message": "Name it."} for name in missing
        ]
        raise Problem(422, errors=errors)
    return Figure(**{name: kept[name] for name in NAMES if kept.get(name)})


def _offset(kept: Mapping[str, str]) -> int:
    text = kept.get("offset") or "0"
    if not (text.isascii() and text.isdigit() and len(text) < 8):
        raise Problem(422)
    return int(text)


def _title(plans: tuple[Plan, ...], figure: Figure) -> str:
    for plan in plans:
        if plan.plan == figure.plan and figure.indicator in plan.indicators:
            return plan.indicators[figure.indicator].title or figure.indicator
    return figure.indicator


def _of_two(plans: tuple[Plan, ...], figure: Figure) -> bool:
    """Whether the indicator is a share: then its denominator can be looked at, too."""
    return any(
        plan.plan == figure.plan
        and figure.indicator in plan.indicators
        and plan.indicators[figure.indicator].denominator is not None
        for plan in plans
    )


def _last_day(plans: tuple[Plan, ...], figure: Figure) -> date:
    """The last day of the figure's period, by which its unit is meant; today where none is known."""
    for plan in plans:
        if plan.plan == figure.plan:
            with contextlib.suppress(ValueError):
                return bounds(plan, figure.period)[1]
    return clock.today()


def _row(
    row: Mapping[str, Any],
    registry: UnitRegistry,
    names: Mapping[tuple[str, str], str],
    figure: Figure,
    language: str,
) -> dict[str, Any]:
    """What counts once: what it is, what it adds, and its events."""
    events = row["events"]
    name, link = _about(events[0], names, figure, language) if events else ("–", None)
    return {
        "name": name,
        "link": link,
        "n": shown("n", row["n"], language),
        "events": [_event(one, registry, language) for one in events[:MOST_EVENTS]],
        "left_out": max(0, len(events) - MOST_EVENTS),
    }


def _about(
    event: Mapping[str, Any],
    names: Mapping[tuple[str, str], str],
    figure: Figure,
    language: str,
) -> tuple[str, str | None]:
    """What an event is about, and where that leads."""
    if code := event.get("dossier"):
        return code, f"/dossiers/{quote(code, safe='')}?lang={language}"
    period = f" {event['period']}" if event.get("period") else ""
    if device := event.get("device"):
        return f"{word('machine', language)} {device}", None
    if told := event.get("list"):
        return f"{word('column.list', language)}: {word(f'value.{told}', language)}{period}", None
    if told := event.get("obligation"):
        return f"{names.get((figure.plan, told), told)}{period}", None
    if told := event.get("kind"):
        return shown("kind", told, language), None
    return "–", None


def _event(one: Mapping[str, Any], registry: UnitRegistry, language: str) -> dict[str, Any]:
    time = datetime.fromisoformat(one["time"]).astimezone(VN)
    query = {"source": one["source"], "id": one["id"], "lang": language}
    type = one["type"].removeprefix("motcua.").removesuffix(".v1")
    return {
        "id": one["id"],
        "link": f"/event?{urlencode(query)}",
        "type": word(f"event.{type}", language),
        "time": time.strftime("%d/%m/%Y %H:%M"),
        "unit": registry.name(one["unit"], time) if one.get("unit") else "–",
        "stands": one["stands"],
    }
