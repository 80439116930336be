"""`/v1/quarantine`: what was refused, by source, fault and day."""

from datetime import date
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Depends, Query

from services.intake import store
from services.intake.api.seeing import sources_seen, units_seen
from shared import clock
from shared.keys import Key
from shared.problems import Problem, documented
from shared.sealing import Sealed, Sealer
from shared.service import Service, needs
from shared.units import UnitRegistry

Text = Annotated[str | None, Query(max_length=500)]
Day = Annotated[date | None, Query()]
State = Literal["open", "corrected"]
NOBODY = "_"
ROW = Annotated[int, Query(ge=1, le=2**62)]


def build_router(service: Service, registry: UnitRegistry, hash_key: bytes) -> APIRouter:
    """The routes about what was refused. A bound key sees what concerns it, and what it sent."""
    router = APIRouter(prefix="/v1/quarantine", tags=["quarantine"])
    database = service.database
    sealer = Sealer(hash_key, "quarantine")

    def wanted(
        key: Annotated[Key, Depends(needs("events:write"))],
        source: Text = None,
        code: Text = None,
        day: Day = None,
        since: Annotated[date | None, Query(alias="from")] = None,
        until: Annotated[date | None, Query(alias="to")] = None,
        state: State | None = None,
        unit: Text = None,
    ) -> dict[str, Any]:
        nowhere = unit == NOBODY
        return store.view(
            key.id,
            sources_seen(key),
            units_seen(key, registry),
            source,
            code,
            day or since,
            day or until,
            state,
            None if unit is None or nowhere else {unit},
            registry.codes if nowhere else None,
        )

    @router.get("")
    async def list_quarantine(
        wanted: Annotated[dict[str, Any], Depends(wanted)],
        before: Annotated[int | None, Query(ge=1, le=2**62)] = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> dict[str, Any]:
        """Refused and conflicting events without their contents, newest first.

        ``day``, ``from`` and ``to`` are days in Viet Nam, inclusive; ``code`` is a fault's; ``unit``
        is the one that the event names, ``_`` where it names none that exists.
        """
        async with database.transaction() as session:
            rows = await store.list_quarantine(session, wanted, before, limit)
        return {"quarantine": rows, "next": rows[-1]["id"] if len(rows) == limit else None}

    @router.get("/summary")
    async def sum_quarantine(wanted: Annotated[dict[str, Any], Depends(wanted)]) -> dict[str, Any]:
        """How many events were refused by source, fault and day, and how many are mended.

        An event with two faults is counted under both.
        """
        async with database.transaction() as session:
            return {"rows": await store.sum_quarantine(session, wanted)}

    @router.get("/{id}/contents", responses=documented(404))
    async def open_contents(
        id: int,
        key: Annotated[Key, Depends(needs("contacts:read"))],
        reason: Annotated[str | None, Query(max_length=500)] = None,
    ) -> dict[str, Any]:
        """The sealed contents of a refused event: may hold personal data, so each look is logged."""
        if not 0 < id < 2**62:
            raise Problem(404)
        async with database.transaction() as session:
            sealed = await store.sealed_of(session, id)
            if sealed is None:
                raise Problem(404, "There is no such entry, or its contents are not kept any more.")
            await store.note_access(
                session, key.id, "open quarantine", str(id), reason, clock.now()
            )
        try:
            return {"id": id, "contents": orjson.loads(sealer.open(sealed))}
        except Sealed:
            raise Problem(404, "Its contents were sealed with another key.") from None

    return router
