"""`/v1/samples`: whom to ask about which dossier, without saying who they are."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Query
from pydantic import Field
from starlette.responses import JSONResponse, Response

from services.reporting.api.access import reader, writer
from services.reporting.api.bodies import Body, Code, Text
from services.reporting.api.files import MEDIA_TYPES, Files
from services.reporting.api.words import word
from services.reporting.handlers import Sampling
from services.reporting.store import samples as store
from services.reporting.store.samples import Drawn
from shared import clock
from shared.keys import Key
from shared.problems import documented

Form = Annotated[Literal["json", "csv", "xlsx", "pdf"], Query(alias="format")]


class SampleAsked(Body):
    """A sample: of dossiers with a result returned in these days, or `of` the people on lists of
    these months, `size` of each unit."""

    of: Literal["dossiers", "patients", "clients"] = "dossiers"

    from_: Code | None = Field(default=None, alias="from")
    to: Code | None = None
    unit: Code | None = None
    field: Code | None = None
    size: Annotated[int, Field(ge=1, le=10_000)] = 30
    seed: Code | None = None
    title: Text | None = None

    def typed(self) -> dict[str, str]:
        """The parameters of the list that the sample is drawn from."""
        given: Mapping[str, Any] = self.model_dump(
            by_alias=True, exclude_none=True, include={"from_", "to", "unit", "field"}
        )
        return dict(given)


def build_samples(sampling: Sampling, files: Files) -> APIRouter:
    """The routes of samples."""
    router = APIRouter(
        prefix="/v1/samples", tags=["surveys"], responses=documented(400, 401, 403, 404, 422)
    )
    database = sampling.reports.database

    @router.post("", status_code=201)
    async def draw(asked: SampleAsked, key: Annotated[Key, Depends(writer)]) -> dict[str, Any]:
        """Draw a sample of the dossiers that qualify for an interview, or of the people on lists of
        patients or clients, so many of each unit.

        It holds codes alone, of dossiers or of rows of lists: whoever may read contacts gets the
        phone numbers for them from notify (`POST /v1/contacts/phones`). The same `seed` draws the
        same ones again.
        """
        title = asked.title or "Danh sách gọi khảo sát"
        id = await sampling.draw(asked.typed(), asked.size, asked.seed, title, key, asked.of)
        return await show(id, key)

    @router.get("")
    async def list_samples(
        key: Annotated[Key, Depends(reader)], limit: Annotated[int, Query(ge=1, le=500)] = 100
    ) -> dict[str, Any]:
        """Samples, the newest first."""
        async with database.transaction() as session:
            rows = await store.listed(session, limit)
        seen = [row for row in rows if sampling.reaches(key, row)]
        return {"samples": [_summary(row) for row in seen]}

    @router.get("/{id}")
    async def show(id: str, key: Annotated[Key, Depends(reader)]) -> dict[str, Any]:
        """A sample with its dossiers, and per unit how many qualified and were drawn."""
        async with database.transaction() as session:
            row = await sampling.find(session, id, key)
            counts = await store.units(session, id)
            dossiers = await store.dossiers(session, id)
        return _summary(row) | {
            "units": [
                sampling.named(one.unit, one.era)
                | {"eligible": one.eligible, "drawn": one.drawn, "short": one.drawn < row.size}
                for one in counts
            ],
            "dossiers": [_line(sampling, one) for one in dossiers],
        }

    @router.get("/{id}/call-sheet")
    async def call_sheet(
        id: str, key: Annotated[Key, Depends(reader)], form: Form = "xlsx"
    ) -> Response:
        """The sheet that the survey agency fills in, in the order of the phone list; it names
        dossiers, not persons."""
        async with database.transaction() as session:
            row = await sampling.find(session, id, key)
            dossiers = await store.dossiers(session, id)
        blank = {"call_result": None, "note": None}
        lines = [_line(sampling, one) | blank for one in dossiers]
        if form == "json":
            return JSONResponse({"sample": id, "rows": lines})
        columns = ["number", "code", "unit_name", "field", "returned", "call_result", "note"]
        about = "Số hồ sơ"
        if of := row.parameters.get("of"):
            lines = [line | {"field": word(f"value.{of}")} for line in lines]
            about = "Số người"
        head = [row.title, f"{_span(row)}; mã mẫu {id}", f"{about}: {len(lines)}"]
        content = await asyncio.to_thread(files.table, form, "call-sheet", head, columns, lines)
        return Response(
            content,
            media_type=MEDIA_TYPES[form],
            headers={"Content-Disposition": f'attachment; filename="call-sheet_{id}.{form}"'},
        )

    @router.get("/{id}/responses")
    async def show_responses(id: str, key: Annotated[Key, Depends(reader)]) -> dict[str, Any]:
        """Of how many drawn dossiers a survey came back that names them, per unit and mode."""
        async with database.transaction() as session:
            await sampling.find(session, id, key)
            rows = await sampling.responses(session, id)
        drawn, answered = (sum(row[name] for row in rows) for name in ("drawn", "answered"))
        total = {"drawn": drawn, "answered": answered, "rate": answered / drawn if drawn else None}
        return {"sample": id, "rows": rows, "total": total}

    return router


def _summary(row: sa.Row) -> dict[str, Any]:
    return {
        "id": row.id,
        "title": row.title,
        "parameters": row.parameters,
        "seed": row.seed,
        "size": row.size,
        "created_at": row.created_at.astimezone(clock.VN).isoformat(),
        "created_by": row.created_by,
    }


def _line(sampling: Sampling, one: Drawn) -> dict[str, Any]:
    return {
        "number": one.number,
        "code": one.code,
        **sampling.named(one.unit, one.era),
        "field": one.field,
        "returned": one.returned.isoformat(),
    }


def _span(row: sa.Row) -> str:
    return f"{row.parameters.get('from', '…')} - {row.parameters['to']}"
