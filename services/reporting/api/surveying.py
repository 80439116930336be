"""Pages on which samples for surveys are drawn, and how many of those drawn have answered."""

from typing import Any
from urllib.parse import urlencode

import sqlalchemy as sa
from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from services.reporting.api.arriving import arrive, changing, page_router, tidy_text
from services.reporting.api.entering import Entrance
from services.reporting.api.filtering import presets, tidy, unit_choices
from services.reporting.api.live import Live
from services.reporting.api.words import shown, word
from services.reporting.handlers import Sampling
from services.reporting.store import samples as store
from shared import clock
from shared.clock import VN
from shared.problems import Problem
from shared.redaction import scrub

MOST = 100
LARGEST = 10_000
DRAWN = ("dossiers", "patients", "clients")
ASKED = ("from", "to", "unit", "field")


def build_surveying(sampling: Sampling, entrance: Entrance, live: Live) -> APIRouter:
    """The routes of the pages.

    Args:
        sampling: what draws.
        entrance: who is let in.
        live: what knows how often figures have changed.
    """
    router = page_router(entrance)
    pages, reports = entrance.pages, sampling.reports
    small = reports.small_sample

    @router.get("/samples")
    async def list_them(request: Request) -> Response:
        found = await arrive(entrance, request, reports.registry)
        if isinstance(found, Response):
            return found
        async with reports.database.transaction() as session:
            rows = await store.listed(session, MOST)
        last_month = presets(clock.today())[1]
        return pages.draw(
            "samples.html",
            found.language,
            desk=found.desk("/samples"),
            switches=found.switches(),
            version=await live.now(),
            samples=[_sample(row) for row in rows if sampling.reaches(found.key, row)],
            able=found.key.may("reports:write"),
            first=last_month.first,
            last=last_month.last,
            units=unit_choices(reports.registry, found.key),
            drawn_of=DRAWN,
        )

    @router.post("/samples")
    async def draw(request: Request) -> Response:
        key, form, language = await changing(request)
        if not key.may("reports:write"):
            raise Problem(403, word("may_not_confirm", language))
        typed = tidy({name: form[name] for name in ASKED if form.get(name)}, reports.registry)
        size = form.get("size", "")
        if not (size.isascii() and size.isdigit() and 0 < int(size[:9]) <= LARGEST):
            raise Problem(422, word("sample_size_fault", language))
        seed = tidy_text(form.get("seed", ""))[:200] or None
        title = scrub(tidy_text(form.get("title", ""))) or word("call_sheet")
        of = form.get("of", DRAWN[0])
        if of not in DRAWN:
            raise Problem(422)
        id = await sampling.draw(typed, int(size), seed, title, key, of)
        return RedirectResponse(f"/samples/{id}?{urlencode({'lang': language})}", 303)

    @router.get("/samples/{id}")
    async def show(id: str, request: Request) -> Response:
        found = await arrive(entrance, request)
        if isinstance(found, Response):
            return found
        version = await live.now()
        async with reports.database.transaction() as session:
            row = await sampling.find(session, id, found.key)
            rows = await sampling.responses(session, id)
        modes = sorted({mode for each in rows for mode in each["by_mode"]})
        drawn, answered = (sum(each[name] for each in rows) for name in ("drawn", "answered"))
        span = {name: row.parameters[name] for name in ASKED if name in row.parameters}
        return pages.draw(
            "sample.html",
            found.language,
            desk=found.desk("/samples"),
            switches=found.switches(),
            version=version,
            sample=_sample(row),
            span=_span(span, found.language),
            of=row.parameters.get("of", DRAWN[0]),
            modes=modes,
            rows=[each | {"short": each["drawn"] < row.size} for each in rows],
            small=small,
            drawn=drawn,
            answered=answered,
            rate=answered / drawn if drawn else None,
            query=urlencode({"lang": found.language, **span}),
        )

    return router


def _sample(row: sa.Row) -> dict[str, Any]:
    return {
        "id": row.id,
        "title": row.title,
        "seed": row.seed,
        "size": row.size,
        "at": row.created_at.astimezone(VN).strftime("%d/%m/%Y %H:%M"),
        "by": row.created_by,
    }


def _span(given: dict[str, str], language: str) -> str:
    ends = [
        shown("due", given[name], language) if name in given else "…" for name in ("from", "to")
    ]
    return " – ".join(ends)
