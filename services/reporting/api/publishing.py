"""Pages on which a report is published, revised with the difference in sight, and withdrawn."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import sqlalchemy as sa
from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from services.reporting.api.arriving import Arrival, arrive, changing, page_router, tidy_text
from services.reporting.api.entering import Entrance
from services.reporting.api.files import moment_text
from services.reporting.api.filtering import read_filters
from services.reporting.api.live import Live
from services.reporting.api.publications import change_line, title_of
from services.reporting.api.words import shown, word
from services.reporting.handlers import REPORTS, Publishing, Wanted
from services.reporting.handlers.publishing import PARAMETERS
from services.reporting.store import publications as store
from shared import clock
from shared.problems import Problem
from shared.redaction import scrub

MOST = 200
"""Publications on the page, and changed cells."""


def build_publishing(publishing: Publishing, entrance: Entrance, live: Live) -> APIRouter:
    """The routes of the pages.

    Args:
        publishing: what publishes.
        entrance: who is let in.
        live: what knows how often figures have changed.
    """
    router = page_router(entrance)
    pages, reports = entrance.pages, publishing.reports

    @router.get("/publications")
    async def list_them(request: Request) -> Response:
        found = await arrive(entrance, request)
        if isinstance(found, Response):
            return found
        async with reports.database.transaction() as session:
            rows = await store.listed(session, None, None, MOST)
        return pages.draw(
            "publishing.html",
            found.language,
            desk=found.desk("/publications"),
            switches=found.switches(),
            version=await live.now(),
            published=[
                {
                    "slug": row.slug,
                    "title": row.title,
                    "report": row.report,
                    "at": moment_text(row.revised_at),
                    "number": row.number,
                    "withdrawn": row.withdrawn_at is not None,
                    "month": row.month,
                }
                for row in rows
            ],
        )

    @router.get("/publications/new")
    async def ask_first(request: Request) -> Response:
        found = await arrive(entrance, request, reports.registry)
        if isinstance(found, Response):
            return found
        _may(found.key, found.language)
        report = found.kept.get("report", "")
        if report not in REPORTS:
            raise Problem(404)
        filters = read_filters(report, found.kept, found.key, reports.registry, clock.now())
        held, asked = filters.held, filters.asked
        parameters = {name: held[name] for name in PARAMETERS if name in held}
        unit = held.get("unit")
        start = (
            asked.first.strftime("%d/%m/%Y") if asked.first else word("since_ever", found.language)
        )
        return pages.draw(
            "publish.html",
            found.language,
            desk=found.desk("/publications", held),
            switches=found.switches(),
            report=report,
            parameters=parameters,
            where=reports.registry.name(unit, asked.last)
            if unit
            else word("all_units", found.language),
            span=f"{start} – {asked.last.strftime('%d/%m/%Y')}",
            title_=title_of(report, parameters),
            back=filters.link(f"/reports/{report}", found.language),
        )

    @router.post("/publications")
    async def publish(request: Request) -> Response:
        key, form, language = await changing(request)
        _may(key, language)
        report = form.get("report", "")
        typed = {name: form[name] for name in PARAMETERS if form.get(name)}
        title = scrub(tidy_text(form.get("title", ""))) or title_of(report, typed)
        slug = form.get("slug", "").strip() or None
        made, _ = await publishing.publish(Wanted(report, typed, title, slug), key)
        return _to(made, language, "published")

    @router.get("/publications/{slug}")
    async def show(slug: str, request: Request) -> Response:
        found = await arrive(entrance, request)
        if isinstance(found, Response):
            return found
        return await draw(found, slug)

    async def draw(found: Arrival, slug: str) -> Response:
        language = found.language
        version = await live.now()
        async with reports.database.transaction() as session:
            row = await store.find(session, slug)
            every = await store.revisions(session, slug) if row is not None else []
        if row is None:
            raise Problem(404)
        coming, reached = [], found.key.may("reports:write")
        if reached and row.withdrawn_at is None:
            try:
                coming = await publishing.compare(slug, found.key)
            except Problem:  # it shows more units than this caller reaches
                reached = False
        return pages.draw(
            "publication_desk.html",
            language,
            desk=found.desk("/publications"),
            switches=found.switches(),
            version=version,
            slug=slug,
            title_=row.title,
            report=row.report,
            month=row.month,
            parameters=_parameters(publishing, row, language),
            withdrawn=row.withdrawn_at and (moment_text(row.withdrawn_at), row.withdrawn_reason),
            revisions=[
                {
                    "number": one.number,
                    "at": moment_text(one.at),
                    "by": one.by,
                    "reason": one.reason,
                    "changes": [
                        change_line(each, reports.registry, language) for each in one.changes[:MOST]
                    ],
                    "more": len(one.changes[MOST:]),
                }
                for one in reversed(every)
            ],
            coming=[change_line(each, reports.registry, language) for each in coming[:MOST]],
            more=len(coming[MOST:]),
            able=reached and row.withdrawn_at is None,
            told=found.kept.get("told"),
        )

    @router.post("/publications/{slug}/revise")
    async def revise(slug: str, request: Request) -> Response:
        key, form, language = await changing(request)
        _may(key, language)
        new = await publishing.revise(slug, _reason(form, language), key)
        return _to(slug, language, "revised" if new else "not_revised")

    @router.post("/publications/{slug}/withdraw")
    async def withdraw(slug: str, request: Request) -> Response:
        key, form, language = await changing(request)
        _may(key, language)
        if form.get("sure") != "1":
            raise Problem(422, word("withdraw_for_sure", language))
        await publishing.withdraw(slug, _reason(form, language), key)
        return _to(slug, language, "withdrawn")

    return router


def _may(key: Any, language: str) -> None:
    if not key.may("reports:write"):
        raise Problem(403, word("may_not_confirm", language))


def _reason(form: Mapping[str, str], language: str) -> str:
    reason = scrub(tidy_text(form.get("reason", "")))
    if not reason:
        raise Problem(422, word("give_reason", language))
    return reason


def _to(slug: str, language: str, told: str) -> Response:
    return RedirectResponse(
        f"/publications/{slug}?{urlencode({'told': told, 'lang': language})}", 303
    )


def _parameters(publishing: Publishing, row: sa.Row, language: str) -> list[tuple[str, str]]:
    """What was asked of the report, as people read it."""
    registry = publishing.reports.registry
    found = []
    given = publishing.parameters(row)
    for name in (each for each in PARAMETERS if each in given):
        value = given[name]
        text = registry.name(value) if name == "unit" else value
        if name in ("from", "to"):
            text = shown("due", value, language)
        if name == "by":
            text = word(f"by.{value}", language)
        found.append((name, text))
    return found
