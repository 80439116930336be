"""Calls that were made to those on the call list."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.api.calls import read_day
from services.notify.api.people import SKEW, Subject, actor_of, faults_of
from services.notify.api.showing import Scope
from services.notify.handlers.calling import Call, Clash, record_call
from services.notify.handlers.desk import Desk
from services.notify.store import calls as store
from services.notify.store import people
from shared import clock
from shared.db import Database, take_turn
from shared.http import read_body
from shared.keys import Key
from shared.problems import Problem, documented
from shared.service import needs
from shared.units import UnitRegistry

CALL_BYTES = 8 << 10
NOTE = 500
Text = Annotated[str, Field(min_length=1, max_length=300, pattern=r"^[^\x00]*$")]


class GivenCall(BaseModel):
    """A call to the applicant of a dossier: `at` is when (now), `result` what came of it.

    After `reached` and `wrong_number` nothing that could not be told before is on the list any
    more; after `not_reached` it is on the next day's. A `wrong_number` is written to no more. A
    `note` is kept without phone numbers, addresses and the applicant's name. A call that is sent
    again with its `id` counts once.
    """

    model_config = ConfigDict(extra="forbid")
    code: Text
    result: Literal["reached", "not_reached", "wrong_number"]
    at: AwareDatetime | None = None
    note: Annotated[str, Field(max_length=NOTE, pattern=r"^[^\x00]*$")] | None = None
    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{1,64}$")] | None = None


def add_calls_made(
    router: APIRouter, database: Database, registry: UnitRegistry, desk: Desk, scope: Scope
) -> None:
    """Add the routes."""
    caller = Annotated[Key, Depends(needs("contacts:read"))]

    @router.post(
        "/v1/calls",
        status_code=201,
        tags=["contacts"],
        responses=documented(404, 409) | {200: {"description": "It was known already."}},
    )
    async def post_call(request: Request, response: Response, key: caller) -> dict[str, Any]:
        """Keep that somebody was called. It is recorded who called whom."""
        given = read_call(await read_body(request, CALL_BYTES))
        async with database.transaction() as session:
            row, new = await mark(session, desk, scope, key, given)
        desk.wake()
        if not new:
            response.status_code = 200
        return show_made(row, registry)

    @router.get("/v1/calls", tags=["contacts"])
    async def list_made(
        key: caller,
        unit: str | None = None,
        code: Subject | None = None,
        day: str | None = None,
        cursor: Annotated[int | None, Query(ge=1, le=2**62)] = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> dict[str, Any]:
        """The calls that were made, newest first: to whom, when, by whom, what came of it; of a
        dossier, of a local day, of a unit and what is below it."""
        units = scope.units(key, unit)
        asked = read_day(day) if day else None
        async with database.transaction() as session:
            rows = await store.history(session, units, code, asked, cursor, limit)
        return {
            "calls": [show_made(row, registry) for row in rows],
            "next": rows[-1].id if len(rows) == limit else None,
        }


async def mark(
    session: AsyncSession, desk: Desk, scope: Scope, key: Key, given: GivenCall
) -> tuple[Any, bool]:
    """Keep a call; returns it, and whether it is new.

    Raises:
        Problem: 404 for a dossier outside the key's units or whose contact was erased, 409 where
            another call has its `id`, 422 for a call to come.
    """
    if given.at is not None and given.at > clock.now() + SKEW:
        error = {"pointer": "/at", "code": "future", "message": "It lies in the future."}
        raise Problem(422, errors=[error])
    await take_turn(session, "store")
    unit = await store.unit_of(session, given.code)
    contact = await people.find_contact(session, code=given.code)
    if unit is None or not scope.sees(key, unit) or (contact is not None and contact.erased):
        raise Problem(404, "No such dossier.")
    call = Call(given.code, given.result, given.at, given.note, given.id)
    try:
        return await record_call(session, desk, call, unit, actor_of(key))
    except Clash:
        error = {"pointer": "/id", "code": "known", "message": "Another call has this id."}
        raise Problem(409, errors=[error]) from None


def read_call(body: bytes) -> GivenCall:
    """A call from JSON; raises ``Problem`` 400 or 422, repeating nothing of what was given."""
    try:
        return GivenCall.model_validate_json(body)
    except ValidationError as fault:
        raise faults_of(fault) from None


def show_made(row: Any, registry: UnitRegistry) -> dict[str, Any]:
    """A call as JSON."""
    return {
        "id": row.id,
        "ref": row.ref,
        "code": row.code,
        "unit": row.unit,
        "unit_name": registry.name(row.unit, row.at),
        "at": row.at,
        "day": row.day,
        "result": row.result,
        "note": row.note,
        "by": row.key_name,
        "recorded_at": row.recorded_at,
    }
