"""`/v1/reports`: the figures as JSON and CSV."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import JSONResponse, Response

from services.reporting.api.access import reader
from services.reporting.api.sheets import to_csv
from services.reporting.api.words import columns_of, word
from services.reporting.handlers import GROUPINGS, REPORTS, Answer, Asked, Reports, ask
from shared import clock
from shared.keys import Key

Word = Annotated[str | None, Query()]


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
        format: Annotated[str | None, Query(description="json or csv")] = None,
        limit: Word = None,
        offset: Word = None,
        lang: Annotated[
            str | None, Query(description="csv: vi or en headings instead of the keys")
        ] = None,
    ) -> Response:
        """One report. Dates are local dates (Viet Nam) and inclusive; shares are fractions of 1."""
        asked = ask(name, request.query_params, key, reports.registry, clock.now())
        answer = await reports.answer(asked.question)
        if asked.format == "csv":
            return _sheet(asked, answer, lang)
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


def _sheet(asked: Asked, answer: Answer, language: str | None) -> Response:
    columns = columns_of(asked.question.report, asked.question.by)

    def heading(name: str) -> str:
        return word(f"column.{name}", language) if language in ("vi", "en") else name

    first = asked.first.isoformat() if asked.first else "start"
    name = f"{asked.question.report}_{first}_{asked.last.isoformat()}.csv"
    return Response(
        to_csv(answer.rows, columns, heading),
        media_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        },
    )
