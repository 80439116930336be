"""`/v1/imports`: lists in, how far they are, what was wrong with their rows."""

import asyncio
import shutil
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi import Path as PathPart
from fastapi.responses import FileResponse, JSONResponse, Response
from starlette.background import BackgroundTask

from services.intake import store
from services.intake.api.gate import Gate
from services.intake.api.uploads import read_upload
from services.intake.handlers.error_sheets import write_error_sheet
from services.intake.handlers.imports import Imports
from services.intake.handlers.registers import KINDS, read_people
from services.intake.handlers.templates import write_template
from services.intake.rules.lists.kinds import Kind
from services.intake.rules.lists.notes import Note, words
from services.intake.settings import IntakeSettings
from shared.keys import Key
from shared.problems import Problem, documented
from shared.service import Service, needs
from shared.sheets.faults import Unreadable
from shared.units import UnitRegistry

SHEETS_AT_ONCE = 2
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
JobId = Annotated[str, PathPart(max_length=100)]
FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file", "kind"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "kind": {"type": "string"},
                        "unit": {"type": "string"},
                        "period": {"type": "string"},
                        "source": {"type": "string"},
                        "sheet": {"type": "string"},
                        "delivered": {"type": "string"},
                        "backfill": {"type": "string", "enum": ["true", "false"]},
                    },
                    "additionalProperties": {"type": "string"},
                }
            }
        },
    }
}


def build_router(
    service: Service, imports: Imports, settings: IntakeSettings, registry: UnitRegistry
) -> APIRouter:
    """The routes about lists."""
    router = APIRouter(prefix="/v1/imports", tags=["imports"])
    database, kinds = service.database, imports.kinds
    gate = Gate(settings.max_in_flight_bytes, settings.max_import_bytes)
    turns = asyncio.Semaphore(SHEETS_AT_ONCE)

    async def find(id: str, key: Key) -> dict[str, Any]:
        """A job that the caller may see: its own, or any for an admin. Others are not there."""
        async with database.transaction() as session:
            job = await store.find_import(session, id)
        if job is None or not (job["key_id"] == key.id or key.may("admin")):
            raise Problem(404, "No such import.")
        return job

    @router.post(
        "",
        status_code=202,
        response_class=JSONResponse,
        openapi_extra=FORM,
        responses=documented(413, 415),
    )
    async def post_import(
        request: Request, key: Annotated[Key, Depends(needs("events:write"))]
    ) -> JSONResponse:
        """Take a list (xlsx, xls, ods, csv); its rows are worked through afterwards."""
        if not service.stored.is_set():
            raise Problem(503, headers={"Retry-After": "2"})
        async with gate.enter(request):
            upload = await read_upload(request, key, kinds, registry, settings.max_import_bytes)
            try:
                id = await imports.receive(upload, key)
            except Unreadable as fault:
                error = {"pointer": "/file", "code": fault.code, "message": fault.message}
                raise Problem(fault.status, errors=[error]) from None
        return JSONResponse(
            show(await find(id, key), kinds), 202, headers={"Location": f"/v1/imports/{id}"}
        )

    @router.get("")
    async def list_imports(
        key: Annotated[Key, Depends(needs("events:write"))],
        before: datetime | None = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> dict[str, Any]:
        """The caller's lists, newest first; an admin sees all."""
        if before is not None and before.tzinfo is None:
            error = {"pointer": "/before", "code": "missing_zone", "message": "Add the zone."}
            raise Problem(422, errors=[error])
        own = None if key.may("admin") else key.id
        async with database.transaction() as session:
            rows = await store.list_imports(session, own, before, limit)
        following = rows[-1]["created_at"] if len(rows) == limit else None
        return {"imports": [show(row, kinds) for row in rows], "next": following}

    @router.get("/kinds")
    async def list_kinds(
        _key: Annotated[Key, Depends(needs("events:write"))],
    ) -> dict[str, Any]:
        """The kinds of lists and their columns."""
        return {"kinds": [show_kind(kind) for kind in kinds.values()]}

    @router.get("/templates/{kind}.xlsx", response_class=Response, responses=documented(404))
    async def get_template(kind: Annotated[str, PathPart(max_length=40)]) -> Response:
        """An empty list to fill in: headings, an example, what the columns mean. Needs no key."""
        found = kinds.get(kind)
        if found is None:
            raise Problem(404, f"Không có loại danh sách này. Các loại: {', '.join(kinds)}.")
        return Response(
            write_template(found),
            media_type=XLSX,
            headers={"Content-Disposition": f'attachment; filename="mau-{kind}.xlsx"'},
        )

    @router.get("/{id}", responses=documented(404))
    async def get_import(
        id: JobId, key: Annotated[Key, Depends(needs("events:write"))]
    ) -> JSONResponse:
        """How far a list is, and what became of its rows."""
        return JSONResponse(show(await find(id, key), kinds))

    @router.get("/{id}/rows", responses=documented(404))
    async def get_rows(
        id: JobId,
        key: Annotated[Key, Depends(needs("events:write"))],
        after: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
        limit: Annotated[int, Query(ge=1, le=5000)] = 500,
    ) -> dict[str, Any]:
        """Faults, remarks and repairs, row by row; never what a cell holds."""
        job = await find(id, key)
        async with database.transaction() as session:
            rows = await store.list_import_rows(session, id, after, limit)
        shown = [show_row(row, job, kinds.get(job["kind"])) for row in rows]
        return {"rows": shown, "next": rows[-1]["row"] if len(rows) == limit else None}

    @router.get("/{id}/errors.xlsx", response_class=FileResponse, responses=documented(404, 409))
    async def get_errors(
        id: JobId, key: Annotated[Key, Depends(needs("events:write"))]
    ) -> FileResponse:
        """The same sheet with a column that names every fault of the row, and one of repairs."""
        job = await find(id, key)
        kind = kinds.get(job["kind"])
        if job["state"] != "done" or kind is None:
            raise Problem(409, "Chưa có bảng lỗi: tệp chưa được đọc xong, hoặc không đọc được.")
        if not job["kept"]:
            raise Problem(404, "Tệp đã bị xoá sau thời hạn lưu: hãy gửi lại để có bảng lỗi.")
        folder = Path(tempfile.mkdtemp(prefix="motcua-"))
        try:
            async with turns:
                path = await write_error_sheet(imports, job, kind, folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return FileResponse(
            path,
            media_type=XLSX,
            filename=f"{Path(job['file_name']).stem or 'danh-sach'}-loi.xlsx",
            background=BackgroundTask(shutil.rmtree, folder, ignore_errors=True),
        )

    @router.get("/{id}/people", responses=documented(404, 409))
    async def get_people(
        id: JobId, key: Annotated[Key, Depends(needs("events:write"))]
    ) -> dict[str, Any]:
        """Whom a list of installers or officers names, for quota's and notify's registers.

        Of citizens nobody is told who they are.
        """
        job = await find(id, key)
        kind = kinds.get(job["kind"])
        if kind is None or job["kind"] not in KINDS:
            raise Problem(404, "Loại danh sách này không có danh bạ.")
        if job["state"] != "done":
            raise Problem(409, "Tệp chưa được đọc xong, hoặc không đọc được.")
        if not job["kept"]:
            raise Problem(404, "Tệp đã bị xoá sau thời hạn lưu: hãy gửi lại.")
        return {"people": await read_people(imports, job, kind)}

    @router.delete("/{id}/file", responses=documented(404, 409))
    async def delete_file(
        id: JobId, key: Annotated[Key, Depends(needs("events:write"))]
    ) -> dict[str, Any]:
        """Delete the uploaded file before its time; what it told stays."""
        job = await find(id, key)
        if job["state"] not in ("done", "failed"):
            raise Problem(409, "Tệp đang được đọc.")
        async with database.transaction() as session:
            await store.forget_file(session, id)
        return {"id": id, "kept": False}

    return router


def show(job: dict[str, Any], kinds: dict[str, Kind] | Any) -> dict[str, Any]:
    """A job as callers see it."""
    total, done = job["total"], job["done"]
    finished = job["state"] in ("done", "failed")
    kind = kinds.get(job["kind"])
    tally = job["tally"]
    return {
        "id": job["id"],
        "kind": job["kind"],
        "title": kind.title if kind else job["kind"],
        "file": job["file_name"],
        "state": job["state"],
        "rows": job["rows"],
        "accepted": job["accepted"],
        "duplicate": job["duplicate"],
        "refused": job["refused"],
        "repaired": job["repaired"],
        "eligible": job["eligible"],
        "progress": {
            "done": done,
            "total": max(total, done) if total is not None else None,
            "share": 1.0 if job["state"] == "done" else _share(done, total),
        },
        "faults": tally.get("faults", {}),
        "remarks": tally.get("remarks", {}),
        "repairs": tally.get("repairs", {}),
        "errors": job["errors"],
        "sheet": job["sheet"],
        "given": job["given"],
        "created_at": _when(job["created_at"]),
        "started_at": _when(job["started_at"]),
        "finished_at": _when(job["finished_at"]),
        "kept": job["kept"],
        "errors_url": f"/v1/imports/{job['id']}/errors.xlsx"
        if finished and job["state"] == "done" and job["kept"]
        else None,
    }


def _share(done: int, total: int | None) -> float:
    return round(min(done / total, 0.999), 3) if total else 0.0


def _when(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def show_row(row: dict[str, Any], job: dict[str, Any], kind: Kind | None) -> dict[str, Any]:
    """What is said about one row, with the column's letters and heading."""
    places = {**job["sheet"].get("columns", {}), **job["sheet"].get("answers", {})}

    def shown(items: list[list[str]]) -> list[dict[str, str]]:
        notes = [Note(*item) for item in items]
        return [
            {
                "column": places.get(note.column, ""),
                "field": note.column,
                "heading": heading_of(note, kind),
                "code": note.code,
                "message": words(note),
            }
            for note in notes
        ]

    notes = row["notes"]
    return {"row": row["row"], "status": row["status"]} | {
        name: shown(notes.get(name, [])) for name in ("faults", "remarks", "repairs")
    }


def heading_of(note: Note, kind: Kind | None) -> str:
    """The heading of the column that a note is about, as templates show it."""
    column = kind.columns.get(note.column) if kind else None
    return column.heading if column else note.column


def show_kind(kind: Kind) -> dict[str, Any]:
    """A kind with its columns."""
    return {
        "kind": kind.name,
        "title": kind.title,
        "about": kind.about,
        "event": kind.event,
        "columns": [
            {
                "name": column.name,
                "heading": column.heading,
                "aliases": list(column.aliases),
                "value": column.value,
                "required": column.required,
                "needed": column.needed,
                "meaning": column.meaning,
                "choices": list(column.words),
            }
            for column in kind.columns.values()
            if column.value != "ignored"
        ],
    }
