"""`/v1/events`: events in, where they are, what was refused."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse

from services.intake import envelopes, store
from services.intake.handlers import Admission
from services.intake.rules import Status
from services.intake.settings import IntakeSettings
from shared import events
from shared.db import Database
from shared.http import read_body
from shared.keys import Key
from shared.problems import Problem
from shared.service import Service, needs


def build_router(service: Service, admission: Admission, settings: IntakeSettings) -> APIRouter:
    """The routes about events."""
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
