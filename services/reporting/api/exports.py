"""`/v1/exports`: whole reports as files, written aside with progress until they are cancelled."""

import csv
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import orjson
import xlsxwriter
from fastapi import APIRouter, Depends
from pydantic import Field
from starlette.responses import JSONResponse, Response, StreamingResponse

from services.reporting.api.access import reader
from services.reporting.api.bodies import Body, Code
from services.reporting.api.files import MEDIA_TYPES
from services.reporting.api.words import columns_of, word
from services.reporting.handlers import Asked, Exports
from shared.keys import Key
from shared.printing import MARK, plain_cell
from shared.problems import Problem, documented

SHEET_ROWS = 1_000_000
"""Rows of one sheet: Excel takes a few more."""


class ExportAsked(Body):
    """A report, its parameters as in its address, and a format: xlsx, csv or json."""

    report: Code
    parameters: Annotated[dict[str, str], Field(max_length=20)] = Field(default_factory=dict)
    format: Code = "xlsx"


def build_exports(exports: Exports) -> APIRouter:
    """The routes of exports."""
    router = APIRouter(
        prefix="/v1/exports", tags=["reports"], responses=documented(400, 401, 403, 404, 409, 422)
    )

    @router.post("", status_code=202)
    async def start(asked: ExportAsked, key: Annotated[Key, Depends(reader)]) -> Any:
        """Begin to write a file: all rows, however many. It can be fetched for a day."""
        id = await exports.start(asked.report, asked.parameters, asked.format, key)
        body = _shown(exports, await exports.find(id, key))
        return JSONResponse(body, 202, {"Location": f"/v1/exports/{id}"})

    @router.get("/{id}")
    async def show(id: str, key: Annotated[Key, Depends(reader)]) -> dict[str, Any]:
        """How far an export is: rows written, of how many."""
        return _shown(exports, await exports.find(id, key))

    @router.get("/{id}/file")
    async def fetch(id: str, key: Annotated[Key, Depends(reader)]) -> Response:
        """The file; 409 while it is being written, or where it was cancelled."""
        row = await exports.find(id, key)
        state = exports.state(row)
        if state != "done":
            raise Problem(409, f"There is no file: the export is {state}.")
        name = f"{row.report}.{row.format}"
        return StreamingResponse(
            _pieces(exports, id),
            media_type=MEDIA_TYPES.get(row.format, "application/json"),
            headers={
                "Content-Disposition": f'attachment; filename="{name}"',
                "Cache-Control": "no-store",
                "X-Content-Type-Options": "nosniff",
            },
        )

    @router.delete("/{id}", status_code=204)
    async def cancel(id: str, key: Annotated[Key, Depends(reader)]) -> None:
        """Stop writing, and drop what was written."""
        await exports.cancel(id, key)

    return router


async def _pieces(exports: Exports, id: str) -> AsyncIterator[bytes]:
    async for piece in exports.read(id):
        yield piece


def _shown(exports: Exports, row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "report": row.report,
        "format": row.format,
        "state": exports.state(row),
        "rows": row.rows,
        "total": row.total,
        "file": f"/v1/exports/{row.id}/file" if row.state == "done" else None,
    }


def open_writer(path: Path, form: str, asked: Asked) -> Any:
    """What writes a report's rows to a file of a format."""
    columns = columns_of(asked.question.report, asked.question.by)
    return {"xlsx": _Sheets, "csv": _Lines, "json": _Objects}[form](path, columns)


class _Sheets:
    """An Excel file in constant memory; what does not fit on a sheet goes on the next one."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self.columns = columns
        options = {
            "constant_memory": True,
            "tmpdir": str(path.parent),
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        }
        self.book = xlsxwriter.Workbook(str(path), options)
        self.bold = self.book.add_format({"bold": True})
        self._next()

    def _next(self) -> None:
        self.sheet = self.book.add_worksheet()
        for number, name in enumerate(self.columns):
            self.sheet.write_string(0, number, word(f"column.{name}"), self.bold)
        self.sheet.freeze_panes(1, 0)
        self.line = 0

    def add(self, rows: Sequence[Mapping[str, Any]]) -> None:
        for row in rows:
            if self.line == SHEET_ROWS:
                self._next()
            self.line += 1
            for number, name in enumerate(self.columns):
                value = row.get(name)
                if isinstance(value, int | float):
                    self.sheet.write_number(self.line, number, value)
                elif value is not None:
                    self.sheet.write_string(self.line, number, str(value))

    def close(self) -> None:
        self.book.close()


class _Lines:
    """A CSV file in UTF-8 with a mark; nothing in it runs as a formula."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self.columns = columns
        self.file = path.open("w", encoding="utf-8", newline="")
        self.file.write(MARK)
        self.writer = csv.writer(self.file, lineterminator="\r\n")
        self.writer.writerow(columns)

    def add(self, rows: Sequence[Mapping[str, Any]]) -> None:
        for row in rows:
            self.writer.writerow([plain_cell(row.get(name)) for name in self.columns])

    def close(self) -> None:
        self.file.close()


class _Objects:
    """A JSON array of rows, one a line."""

    def __init__(self, path: Path, _columns: Sequence[str]) -> None:
        self.file = path.open("wb")
        self.file.write(b"[")
        self.before = b"\n"

    def add(self, rows: Sequence[Mapping[str, Any]]) -> None:
        for row in rows:
            self.file.write(self.before + orjson.dumps(row))
            self.before = b",\n"

    def close(self) -> None:
        self.file.write(b"\n]\n")
        self.file.close()
