"""`/v1/reports`: the figures as JSON, CSV, Excel and PDF."""

import asyncio
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Header, Query, Request
from starlette.responses import JSONResponse, Response

from services.reporting.api.access import reader
from services.reporting.api.files import MEDIA_TYPES, Files, file_name
from services.reporting.api.words import language_of
from services.reporting.handlers import GROUPINGS, REPORTS, Confirming, Reports, ask, document
from shared import clock
from shared.keys import Key

Word = Annotated[str | None, Query()]
NAMED = {"plan", "indicator", "obligation"}
"""Filters that are held against the plans before anything else."""
ASKED_BY = {
    "from", "to", "as_of", "unit", "level", "field", "by", "domain", "plan", "indicator",
    "obligation", "format", "lang", "limit", "offset", "after",
}  # fmt: skip
"""What a question may be made of; anything else is named as not applied."""


class Document(JSONResponse):
    """A document as JSON: thousands of rows, so by a quicker writer."""

    def render(self, content: Any) -> bytes:
        return orjson.dumps(content)


def build_router(reports: Reports, files: Files, confirming: Confirming) -> APIRouter:
    """The routes for programs."""
    router = APIRouter(prefix="/v1", tags=["reports"])

    @router.get("/reports")
    async def list_reports(_key: Annotated[Key, Depends(reader)]) -> dict[str, Any]:
        """The names of the reports, and what each can be grouped by."""
        return {"reports": [{"report": name, "by": GROUPINGS.get(name, ())} for name in REPORTS]}

    @router.get("/reports/{name}")
    async def show_report(
        name: str,
        request: Request,
        key: Annotated[Key, Depends(reader)],
        from_: Annotated[
            str | None, Query(alias="from", description="First day, YYYY-MM-DD")
        ] = None,
        to: Annotated[str | None, Query(description="Last day, included, YYYY-MM-DD")] = None,
        unit: Annotated[str | None, Query(description="A unit and all below it")] = None,
        level: Annotated[
            str | None,
            Query(description="province, district or commune: figures of the units below together"),
        ] = None,
        field: Annotated[str | None, Query(description="Dossiers of this field only")] = None,
        by: Word = None,
        domain: Word = None,
        plan: Word = None,
        obligation: Annotated[str | None, Query(description="Only this duty: timeliness")] = None,
        as_of: Annotated[
            str | None, Query(description="Only what had been received by the end of this day")
        ] = None,
        format: Annotated[str | None, Query(description="json, csv, xlsx or pdf")] = None,
        limit: Word = None,
        offset: Word = None,
        after: Annotated[
            str | None, Query(description="The `next` of the page before: interview-list")
        ] = None,
        lang: Annotated[
            str | None, Query(description="vi or en headings; csv has keys without it")
        ] = None,
        accept_language: Annotated[str | None, Header()] = None,
    ) -> Response:
        """One report. Dates are local dates (Viet Nam) and inclusive; shares are fractions of 1."""
        names = await reports.names() if NAMED & request.query_params.keys() else None
        asked = ask(name, request.query_params, key, reports.registry, clock.now(), names)
        answer = await reports.answer(asked.question)
        made = document(asked, answer)
        if asked.format != "json":
            return await asyncio.to_thread(_file, files, made, asked.format, lang, accept_language)
        made["not_applied"] += sorted(request.query_params.keys() - ASKED_BY)
        made |= await confirming.noted(asked)
        return Document(made, headers={"Cache-Control": "no-store"})

    return router


def _file(
    files: Files, made: dict[str, Any], form: str, language: str | None, accepted: str | None
) -> Response:
    return Response(
        files.make(made, form, language, spoken=language_of(language, accepted)),
        media_type=MEDIA_TYPES[form],
        headers={
            "Content-Disposition": f'attachment; filename="{file_name(made, form)}"',
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        },
    )
