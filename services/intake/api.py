"""HTTP of intake."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from services.intake import envelopes, handlers, store
from services.intake.handlers import Admission
from services.intake.rules import Status
from services.intake.settings import IntakeSettings
from shared import events
from shared.db import Database
from shared.http import read_body
from shared.keys import SCOPES, Key
from shared.problems import Problem
from shared.service import Service, needs
from shared.units import UnitRegistry


class NewKey(BaseModel):
    """A key to make; without units or sources it speaks for all."""

    model_config = ConfigDict(extra="forbid", strict=True)
    name: str = Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f]+$")
    scopes: list[str] = Field(min_length=1)
    units: list[str] = []
    sources: list[str] = []


def build_router(
    service: Service, admission: Admission, settings: IntakeSettings, registry: UnitRegistry
) -> APIRouter:
    """The routes of intake."""
    router = APIRouter(prefix="/v1")
    database: Database = service.database

    @router.post("/events", status_code=202, tags=["events"])
    async def post_events(
        request: Request, key: Annotated[Key, Depends(needs("events:write"))]
    ) -> Any:
        """Take one CloudEvent (structured or binary mode) or a batch of them."""
        if not service.stored.is_set():
            raise Problem(503, headers={"Retry-After": "2"})
        body = await read_body(request, settings.max_request_bytes)
        try:
            raws, batch = envelopes.read(request.headers, body)
        except envelopes.Unreadable as fault:
            error = {"pointer": "", "code": fault.code, "message": fault.message}
            raise Problem(fault.status, errors=[error]) from None
        if len(raws) > settings.max_events:
            raise Problem(413, f"Send at most {settings.max_events} events a request.")
        results = await admission.admit(raws, key)
        shown = [result.as_dict() for result in results]
        if not batch and results[0].status in (Status.REFUSED, Status.CONFLICT):
            raise Problem(results[0].code, errors=shown[0]["errors"], results=shown)
        return JSONResponse({"results": shown}, 202)

    @router.get("/events", tags=["events"])
    async def find_event(
        _key: Annotated[Key, Depends(needs("events:write"))],
        source: Annotated[str, Query(max_length=500)],
        id: Annotated[str, Query(max_length=500)],
    ) -> dict[str, Any]:
        """Where an event is now: stored, or published with its place in the stream."""
        async with database.transaction() as session:
            found = await store.find_event(session, events.uid(source, id))
        if found is None:
            raise Problem(404, "No event with this source and id was accepted.")
        found["state"] = "published" if found["published_at"] else "stored"
        return found

    @router.get("/quarantine", tags=["events"])
    async def list_quarantine(
        _key: Annotated[Key, Depends(needs("admin"))],
        before: int | None = None,
        source: str | None = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> dict[str, Any]:
        """Refused and conflicting events without their contents, newest first."""
        async with database.transaction() as session:
            rows = await store.list_quarantine(session, before, limit, source)
        return {"quarantine": rows, "next": rows[-1]["id"] if len(rows) == limit else None}

    @router.post("/keys", status_code=201, tags=["keys"])
    async def create_key(
        _key: Annotated[Key, Depends(needs("admin"))], given: Annotated[NewKey, Body()]
    ) -> dict[str, Any]:
        """Make a key; the answer shows it this once and never again."""
        faults = [
            {"pointer": f"/scopes/{n}", "code": "unknown_scope", "message": f"One of {SCOPES}."}
            for n, scope in enumerate(given.scopes)
            if scope not in SCOPES
        ]
        faults += [
            {"pointer": f"/units/{n}", "code": "unknown_unit", "message": "No such unit."}
            for n, unit in enumerate(given.units)
            if not registry.known(unit)
        ]
        if faults:
            raise Problem(422, errors=faults)
        key_id, shown = await handlers.create_key(
            database, given.name, given.scopes, given.units, given.sources
        )
        service.wake_relay()
        return {"id": key_id, "name": given.name, "scopes": given.scopes, "key": shown}

    @router.get("/keys", tags=["keys"])
    async def list_keys(_key: Annotated[Key, Depends(needs("admin"))]) -> dict[str, Any]:
        """All keys, without what would let anyone use them."""
        async with database.transaction() as session:
            return {"keys": await store.list_keys(session)}

    @router.delete("/keys/{key_id}", tags=["keys"])
    async def revoke_key(
        key_id: str, _key: Annotated[Key, Depends(needs("admin"))]
    ) -> dict[str, Any]:
        """Revoke a key in every service."""
        if not await handlers.revoke_key(database, key_id):
            raise Problem(404, "No such key.")
        service.keyring.cache.clear()
        service.wake_relay()
        return {"id": key_id, "revoked": True}

    @router.post("/replays", status_code=202, tags=["events"])
    async def replay(
        since: datetime, _key: Annotated[Key, Depends(needs("admin"))]
    ) -> dict[str, Any]:
        """Publish again everything that was written since an instant."""
        if since.tzinfo is None:
            error = {"pointer": "/since", "code": "no_zone", "message": "Add the zone."}
            raise Problem(422, errors=[error])
        async with database.transaction() as session:
            count = await store.reopen_outbox(session, since)
        service.wake_relay()
        return {"messages": count}

    return router
