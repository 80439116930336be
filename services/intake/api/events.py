"""`/v1/events`: events in, and where each of them is."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from services.intake import envelopes, store
from services.intake.api.gate import Gate
from services.intake.api.seeing import may_see
from services.intake.handlers import Correction, Reception, correct, told
from services.intake.settings import IntakeSettings
from shared import events
from shared.db import Database
from shared.events.scalars import EventRef, Text
from shared.http import read_packed, unpack
from shared.keys import Key
from shared.problems import Problem, documented
from shared.service import Service, needs
from shared.units import UnitRegistry

EVENT = {
    "type": "object",
    "required": ["specversion", "id", "source", "type", "time", "data"],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "minLength": 1},
        "source": {"type": "string", "minLength": 1},
        "type": {"enum": sorted(events.INCOMING)},
        "time": {"type": "string", "format": "date-time"},
        "backfill": {"type": "boolean"},
        "data": {"type": "object"},
    },
}
BODY = {
    "requestBody": {
        "required": True,
        "description": "One CloudEvent (structured mode, or binary mode with `ce-` headers), or a"
        " batch of them. `Content-Encoding: gzip` is taken.",
        "content": {
            envelopes.STRUCTURED: {"schema": EVENT},
            envelopes.BATCH: {"schema": {"type": "array", "items": EVENT}},
            envelopes.PLAIN: {
                "schema": {"oneOf": [EVENT, {"type": "array", "items": EVENT}, {"type": "object"}]}
            },
        },
    },
    "parameters": [
        {
            "name": name,
            "in": "header",
            "required": False,
            "description": text,
            "schema": {"type": "string"},
        }
        for name, text in (
            ("Idempotency-Key", "A repeat with this key and body gets the first answer again."),
            ("webhook-id", "Standard Webhooks: the message; taken as Idempotency-Key as well."),
            ("webhook-timestamp", "Standard Webhooks: seconds since 1970, within 5 minutes."),
            ("webhook-signature", "Standard Webhooks: `v1,BASE64` of HMAC-SHA256."),
        )
    ],
}


class CorrectionAsked(BaseModel):
    """An event that is wrong, what changes of it, and why."""

    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)

    of_source: EventRef
    of_id: EventRef
    reason: Text
    data: dict[str, Any] = {}
    time: str | None = Field(default=None, max_length=64)
    source: EventRef | None = None


def build_router(
    service: Service, reception: Reception, settings: IntakeSettings, registry: UnitRegistry
) -> APIRouter:
    """The routes about events."""
    admission = reception.admission
    router = APIRouter(prefix="/v1", tags=["events"])
    database: Database = service.database
    gate = Gate(settings.max_in_flight_bytes, settings.max_request_bytes)

    @router.post(
        "/events",
        status_code=202,
        openapi_extra=BODY,
        responses=documented(409, 413, 415, 429),
    )
    async def post_events(
        request: Request, key: Annotated[Key, Depends(needs("events:write"))]
    ) -> Response:
        """Take one CloudEvent (structured or binary mode) or a batch of them."""
        if not service.stored.is_set():
            raise Problem(503, headers={"Retry-After": "2"})
        async with gate.enter(request):
            limit = settings.max_request_bytes
            packed = await read_packed(request, limit)
            body = unpack(request.headers.get("content-encoding", ""), packed, limit)
            reply = await reception.receive(request.headers, body, key, packed)
        return Response(reply.body, reply.status, reply.headers, reply.media_type)

    @router.get("/events", responses=documented(404))
    async def find_event(
        key: Annotated[Key, Depends(needs("events:write"))],
        source: Annotated[str, Query(max_length=500)],
        id: Annotated[str, Query(max_length=500)],
    ) -> dict[str, Any]:
        """Where an event is now.

        ``state``: `stored` (in, not yet published), `published` (with its place in the stream),
        `quarantined` (refused, with every fault), `held` (told of a dossier with this code by a
        sync call, until the unit's name ``waits_for`` is mapped) or `sandboxed`.
        """
        if not may_see(key, registry, source, None, None):
            raise Problem(403, "The key is bound to other sources.")
        async with database.transaction() as session:
            if key.sandbox:
                found = await reception.find_in_sandbox(session, key, source, id)
                refusals, held = [], {}
            else:
                found = await store.find_event(session, events.uid(source, id))
                refusals = await store.refusals_of(session, events.uid(source, id))
                held = await store.held_codes(session, source, [id])
        if found is None and not refusals and id in held and not key.units:
            return {"source": source, "id": id, "state": "held", "waits_for": held[id][0]}
        if found is None and not refusals:
            raise Problem(404, "No event with this source and id is known.")
        if found is None:
            last = refusals[0]
            if key.units and last["key"] != key.id:
                unit, at = last["unit"], last["received_at"]
                if unit is None or not may_see(key, registry, source, unit, at):
                    raise Problem(403, "The key is bound to other units.")
            return {
                "source": source,
                "id": id,
                "type": last["type"],
                "unit": last["unit"],
                "receivedat": last["received_at"],
                "state": "quarantined",
                "errors": last["errors"],
                "refusals": refusals,
            }
        if not may_see(key, registry, source, found["unit"], found["time"]):
            raise Problem(403, "The key is bound to other units.")
        if not key.sandbox:
            found["state"] = "published" if found["published_at"] else "stored"
            found["refusals"] = refusals
            async with database.transaction() as session:
                known = await told(session, source, id)
            found["data"] = known and known["data"]
        return found

    @router.post("/events/corrections", status_code=202, responses=documented(403, 404, 409, 422))
    async def correct_event(
        asked: CorrectionAsked, key: Annotated[Key, Depends(needs("events:write"))]
    ) -> dict[str, Any]:
        """Correct an event: it is withdrawn, and another of the same type stands in its place.

        ``data`` holds what changes, null for what goes away; it is checked as any event is. A
        citizen's data cannot be corrected here: they go over unseen. Both events are in, or neither.
        """
        if key.sandbox:
            raise Problem(403, "A key of the sandbox corrects nothing.")
        async with database.transaction() as session:
            found = await store.find_event(session, events.uid(asked.of_source, asked.of_id))
        if found is not None and not may_see(
            key, registry, asked.of_source, found["unit"], found["time"]
        ):
            raise Problem(403, "The key is bound to other units or sources.")
        done = await correct(admission, Correction(**asked.model_dump(exclude_none=True)), key)
        return {
            "source": done.source,
            "id": done.id,
            "void": done.void,
            "status": "duplicate" if done.repeated else "accepted",
        }

    @router.post("/replays", status_code=202)
    async def replay(
        since: datetime, _key: Annotated[Key, Depends(needs("admin"))]
    ) -> dict[str, Any]:
        """Publish again everything that was written since an instant."""
        code = "missing_zone" if since.tzinfo is None else "date_out_of_range"
        if since.tzinfo is None or not 1970 <= since.year <= 2100:
            message = "Give an instant with its zone, from 1970 to 2100."
            raise Problem(422, errors=[{"pointer": "/since", "code": code, "message": message}])
        async with database.transaction() as session:
            count = await store.reopen_outbox(session, since)
        service.wake_relay()
        return {"messages": count}

    return router
