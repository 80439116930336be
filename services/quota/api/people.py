"""The register of officials and volunteers, over HTTP."""

import csv
import io
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from services.quota import store
from services.quota.api.bodies import body_of
from services.quota.api.scopes import Scopes
from services.quota.rules import PEOPLE_COLUMNS, read_people
from services.quota.settings import QuotaSettings
from shared.db import take_turn
from shared.http import read_body
from shared.keys import Key
from shared.printing import to_csv
from shared.problems import Problem
from shared.service import Service, needs


def build_router(service: Service, settings: QuotaSettings, scopes: Scopes) -> APIRouter:
    """The routes about people."""
    router = APIRouter(tags=["people"])
    database = service.database

    @router.get("/people")
    async def list_people(
        key: Annotated[Key, Depends(needs("reports:read"))],
        unit: str | None = None,
        role: str | None = None,
        at: date | None = None,
        form: Annotated[str, Query(alias="format", pattern="^(json|csv)$")] = "json",
        after: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
    ) -> Any:
        """The register; ``at`` shows who held on a day. ``after``: how many to pass over."""
        roots = scopes.roots(key, unit)
        async with database.transaction() as session:
            rows = await store.people(session, role, at)
        found = [_entry(row) for row in rows if scopes.allowed(row.unit, roots)]
        if form == "csv":
            return Response(to_csv(found, PEOPLE_COLUMNS), media_type="text/csv; charset=utf-8")
        more = after + limit if after + limit < len(found) else None
        return {"people": found[after : after + limit], "total": len(found), "next": more}

    @router.put("/people", openapi_extra=body_of("application/json", "text/csv"))
    async def put_people(
        request: Request, key: Annotated[Key, Depends(needs("plans:write"))]
    ) -> dict[str, Any]:
        """Add entries or change them, as JSON ``{"people": [...]}`` or as CSV.

        Each has ``code, name, role, unit, valid_from`` and perhaps ``valid_to``; one with the same
        code and first day is changed. Officials and volunteers only, and no phone numbers. With
        any fault nothing is stored.
        """
        body = await read_body(request, settings.max_people_bytes)
        rows, line = rows_of(request, body, "people")
        entries, faults = read_people(rows, scopes.registry, line)
        if faults:
            raise Problem(422, "Nothing of it was stored.", faults)
        scopes.need(key, {each.unit for each in entries})
        async with database.transaction() as session:
            await take_turn(session, "people")
            changed = await store.put_people(session, entries)
        return {"people": len(entries), "changed": changed}

    return router


def rows_of(request: Request, body: bytes, name: str) -> tuple[list[Mapping[str, Any]], int | None]:
    """The rows of a JSON or CSV body, and of a file the line of the first one.

    Raises:
        Problem: 400 it cannot be read, 415 it is neither, 422 it is no list of rows.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in ("text/csv", "application/csv"):
        return _csv_rows(body), 2
    if kind not in ("application/json", ""):
        raise Problem(415, "Send application/json or text/csv.")
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Problem(400, "This is not JSON.") from None
    rows = content.get(name) if isinstance(content, dict) else content
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        message = f'Send {{"{name}": [...]}} with objects in it.'
        raise Problem(422, errors=[{"pointer": f"/{name}", "code": "list", "message": message}])
    return rows, None


def _csv_rows(body: bytes) -> list[Mapping[str, Any]]:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Problem(400, "This is not a text in UTF-8.") from None
    head = text.partition("\n")[0]
    comma = ";" if head.count(";") > head.count(",") else ","
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=comma, strict=True)
        rows = [
            {key or "": value for key, value in row.items() if value is not None} for row in reader
        ]
    except csv.Error:
        raise Problem(400, "This is not CSV.") from None
    return [{key.strip(): value for key, value in row.items()} for row in rows]


def _entry(row: Any) -> dict[str, Any]:
    return {
        "code": row.code,
        "name": row.name,
        "role": row.role,
        "unit": row.unit,
        "valid_from": row.valid_from.isoformat(),
        "valid_to": row.valid_to.isoformat() if row.valid_to else None,
    }
