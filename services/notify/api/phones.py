"""Phone numbers for a survey: many dossiers at once, each look recorded with its reason."""

from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from services.notify.api.people import actor_of
from services.notify.api.showing import Scope
from services.notify.store import people, phones
from shared import clock
from shared.keys import Key
from shared.problems import Problem
from shared.redaction import scrub
from shared.service import Service, needs

MOST = 5000
PLAIN = r"^[^\x00]*$"


class PhonesAsked(BaseModel):
    """Dossier codes, as a sample holds them, and why somebody looks."""

    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)
    codes: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=300, pattern=PLAIN)]],
        Field(min_length=1, max_length=MOST),
    ]
    why: Annotated[str, Field(min_length=1, max_length=500, pattern=PLAIN)]
    sample: Annotated[str, Field(max_length=100, pattern=r"^[A-Za-z0-9_-]+$")] | None = None


def add_phones(router: APIRouter, service: Service, scope: Scope) -> None:
    """Add the route for phone lists."""

    @router.post("/v1/contacts/phones", tags=["contacts"])
    async def list_phones(
        asked: PhonesAsked, key: Annotated[Key, Depends(needs("contacts:read"))]
    ) -> dict[str, Any]:
        """The phone numbers of the applicants of a sample's dossiers, in the order of the codes.

        `state` says why a number is absent: `unknown` (no contact, or outside the key's units),
        `missing`, `erased`, or `declined` by a consent for the purpose `survey` or `all`. Every
        number that is handed out is recorded with the reason.
        """
        if not asked.why.strip():
            error = {"pointer": "/why", "code": "missing", "message": "Say why you look."}
            raise Problem(422, errors=[error])
        codes = list(dict.fromkeys(asked.codes))
        why = scrub(asked.why.strip()) + (f" (sample {asked.sample})" if asked.sample else "")
        async with service.database.transaction() as session:
            rows = await phones.find(session, codes)
            found = [_show(row, key, scope) for row in rows]
            shown = [row.token for row, one in zip(rows, found, strict=True) if one["phone"]]
            await people.log_access(
                session, actor_of(key, why), "phones", clock.now(), tokens=shown
            )
        return {"contacts": found}


def _show(row: sa.Row, key: Key, scope: Scope) -> dict[str, Any]:
    state = _state(row, key, scope)
    present = state == "present"
    return {
        "code": row.code,
        "state": state,
        "name": row.name if present else None,
        "phone": row.phone if present else None,
    }


def _state(row: sa.Row, key: Key, scope: Scope) -> str:
    outside = bool(key.units) and (row.unit is None or not scope.sees(key, row.unit))
    if row.token is None or outside:
        return "unknown"
    if row.erased:
        return "erased"
    if row.channels == [] and not row.withdrawn:
        return "declined"
    return "present" if row.phone else "missing"
