"""`/v1/reports`: the figures as JSON, CSV, Excel and PDF."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request
from starlette.responses import JSONResponse, Response

from services.reporting.api.access import reader
from services.reporting.api.words import LANGUAGES, columns_of, language_of, shown, word
from services.reporting.handlers import GROUPINGS, REPORTS, Answer, Asked, Reports, ask
from shared import clock
from shared.keys import Key
from shared.printing import to_csv, to_pdf, to_xlsx

TEMPLATE = Path(__file__).parent.parent / "pages" / "report.typ"
Word = Annotated[str | None, Query()]
MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
}


def build_router(reports: Reports) -> APIRouter:
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
        by: Word = None,
        domain: Word = None,
        plan: Word = None,
        as_of: Annotated[
            str | None, Query(description="Only what had been received by the end of this day")
        ] = None,
        format: Annotated[str | None, Query(description="json, csv, xlsx or pdf")] = None,
        limit: Word = None,
        offset: Word = None,
        lang: Annotated[
            str | None, Query(description="vi or en headings; csv has keys without it")
        ] = None,
        accept_language: Annotated[str | None, Header()] = None,
    ) -> Response:
        """One report. Dates are local dates (Viet Nam) and inclusive; shares are fractions of 1."""
        asked = ask(name, request.query_params, key, reports.registry, clock.now())
        answer = await reports.answer(asked.question)
        if asked.format != "json":
            return await asyncio.to_thread(_file, asked, answer, lang, accept_language)
        return JSONResponse(_document(asked, answer), headers={"Cache-Control": "no-store"})

    return router


def _document(asked: Asked, answer: Answer) -> dict[str, Any]:
    return {
        "report": asked.question.report,
        "from": asked.first.isoformat() if asked.first else None,
        "to": asked.last.isoformat(),
        "judged_on": asked.question.last.isoformat(),
        "as_of": asked.as_of.isoformat(),
        "data_as_of": (
            answer.data_as_of.astimezone(clock.VN).isoformat() if answer.data_as_of else None
        ),
        "rows": answer.rows,
        "total": answer.total,
        **answer.extra,
    }


def _file(asked: Asked, answer: Answer, language: str | None, accepted: str | None) -> Response:
    """The rows as a file. A CSV file is for programs too: it has keys for headings unless a
    language is asked for; Excel and PDF are for people."""
    report = asked.question.report
    columns = columns_of(report, asked.question.by)
    spoken = language_of(language, accepted)

    def heading(name: str) -> str:
        return word(f"column.{name}", spoken)

    def key(name: str) -> str:
        return name

    span = f"{_day(asked.first)} - {_day(asked.last)}"
    title = [word(report, spoken), span, f"{word('data_as_of', spoken)}: {_moment(answer)}"]
    headings = [heading(name) for name in columns]
    if asked.format == "xlsx":
        cells = [[row.get(name) for name in columns] for row in answer.rows]
        content = to_xlsx(title, headings, cells)
    elif asked.format == "pdf":
        content = to_pdf(
            TEMPLATE,
            {
                "title": title,
                "headings": headings,
                "numeric": [_is_numeric(answer.rows, name) for name in columns],
                "rows": [
                    [shown(name, row.get(name), spoken) for name in columns] for row in answer.rows
                ],
            },
        )
    else:
        content = to_csv(answer.rows, columns, heading if language in LANGUAGES else key)
    first = asked.first.isoformat() if asked.first else "start"
    name = f"{report}_{first}_{asked.last.isoformat()}.{asked.format}"
    return Response(
        content,
        media_type=MEDIA_TYPES[asked.format],
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        },
    )


def _is_numeric(rows: Sequence[Mapping[str, Any]], name: str) -> bool:
    return any(isinstance(row.get(name), int | float) for row in rows[:50])


def _day(day: date | None) -> str:
    return day.strftime("%d/%m/%Y") if day else "…"


def _moment(answer: Answer) -> str:
    fresh = answer.data_as_of
    return fresh.astimezone(clock.VN).strftime("%d/%m/%Y %H:%M") if fresh else "–"
