"""The list of officers who answer for units."""

from datetime import date
from hashlib import sha256
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from services.notify.api.rosters import read_roster
from services.notify.api.showing import Scope
from services.notify.rules.notices import Officer
from services.notify.rules.recipients import read_level
from services.notify.store import deadlines as store
from shared import phones
from shared.db import Database, take_turn
from shared.http import read_body
from shared.keys import Key
from shared.plans import LEVELS
from shared.problems import Problem
from shared.service import needs
from shared.units import UnitRegistry

MOST = 20_000
LIST_BYTES = 8 << 20
TEXT = r"^[^\x00]*$"


class GivenOfficer(BaseModel):
    """An officer as given; ``valid_to`` is the first day on which they no longer answer.

    ``level`` is officer, head, district or province; without it a ``role`` that says just that
    counts. ``replaces`` makes a stand-in of whom it names in the same unit.
    """

    model_config = ConfigDict(extra="forbid")
    unit: str = Field(min_length=1, max_length=64, pattern=TEXT)
    name: str | None = Field(default=None, max_length=200, pattern=TEXT)
    role: str | None = Field(default=None, max_length=200, pattern=TEXT)
    phone: str | None = Field(default=None, max_length=200)
    email: str | None = Field(
        default=None, max_length=254, pattern=r"^[\x21-\x3f\x41-\x7e]+@[\x21-\x3f\x41-\x7e]+$"
    )
    valid_from: date | None = None
    valid_to: date | None = None
    level: str | None = Field(default=None, max_length=40, pattern=TEXT)
    replaces: str | None = Field(default=None, max_length=254, pattern=TEXT)


LIST: TypeAdapter[list[GivenOfficer]] = TypeAdapter(
    Annotated[list[GivenOfficer], Field(max_length=MOST)]
)


def add_officers(
    router: APIRouter, database: Database, registry: UnitRegistry, scope: Scope
) -> None:
    """Add the routes of the officers' list."""

    @router.put("/v1/officers", tags=["officers"])
    async def put_officers(
        request: Request,
        key: Annotated[Key, Depends(needs("admin"))],
        replace: Annotated[Literal["all", "listed"], Query()] = "all",
    ) -> dict[str, int]:
        """Replace the list: JSON, or CSV with headings in Vietnamese or English.

        ``replace=listed`` leaves the officers of units that are not in it. A key that is bound to
        units replaces theirs only. Nothing is changed where anything is wrong.
        """
        body = await read_body(request, LIST_BYTES)
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        given = read_roster(body, registry) if kind == "text/csv" else read_json(body)
        officers = read_officers(given, registry)
        mine = scope.units(key, None)
        strange = [
            n for n, each in enumerate(officers) if mine is not None and each.unit not in mine
        ]
        if strange:
            raise Problem(403, "The key does not cover the units of all officers.")
        units = {each.unit for each in officers} if replace == "listed" else mine
        async with database.transaction() as session:
            await take_turn(session, "store")
            await store.replace_officers(session, officers, units)
        return {"officers": len(officers)}

    @router.get("/v1/officers", tags=["officers"])
    async def list_officers(
        key: Annotated[Key, Depends(needs("admin"))], unit: str | None = None
    ) -> dict[str, Any]:
        """The list as it stands; ``unit`` includes what is below it."""
        units = scope.units(key, unit)
        async with database.transaction() as session:
            officers = await store.load_officers(session, units)
        names = (
            "unit", "name", "role", "level", "replaces", "phone", "email", "valid_from", "valid_to"
        )  # fmt: skip
        return {
            "officers": [{name: getattr(officer, name) for name in names} for officer in officers]
        }


def read_json(body: bytes) -> Any:
    """What a body of JSON says; raises ``Problem`` 400."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Problem(400, "Send a JSON list, or CSV as text/csv.") from None


def read_officers(given: Any, registry: UnitRegistry) -> list[Officer]:
    """Officers from JSON.

    Raises:
        Problem: 422 naming every fault, without repeating what was given.
    """
    try:
        listed = LIST.validate_python(given)
    except ValidationError as fault:
        errors = [
            {
                "pointer": "/" + "/".join(str(part) for part in error["loc"]),
                "code": str(error["type"]),
                "message": str(error["msg"]),
            }
            for error in fault.errors(include_input=False, include_url=False)
        ]
        raise Problem(422, errors=errors) from None
    errors = []
    officers: dict[str, Officer] = {}
    for number, each in enumerate(listed):
        if not registry.known(each.unit):
            errors.append(_fault(number, "unit", "unknown_unit", "No such unit."))
        phone = phones.normalise(each.phone)
        if each.phone and phone.kind != "mobile":
            errors.append(_fault(number, "phone", "no_mobile", "Not a Vietnamese mobile number."))
        if each.valid_from and each.valid_to and each.valid_to <= each.valid_from:
            errors.append(_fault(number, "valid_to", "range", "valid_to comes after valid_from."))
        level = read_level(each.level) if each.level else read_level(each.role)
        if each.level and level is None:
            message = f"One of {', '.join(LEVELS)}."
            errors.append(_fault(number, "level", "unknown_level", message))
        replaces = phones.normalise(each.replaces).e164 or each.replaces
        text = "\0".join(str(part) for part in (each.unit, each.name, each.role, phone, each.email))
        identity = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        if identity in officers:  # the same person for another time, or in another's place
            text += f"\0{each.valid_from}\0{each.valid_to}\0{each.replaces}"
            identity = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        officers[identity] = Officer(
            identity,
            each.unit,
            each.name,
            each.role,
            phone.e164,
            each.email,
            each.valid_from,
            each.valid_to,
            level,
            replaces,
        )
    if errors:
        raise Problem(422, errors=errors)
    return list(officers.values())


def _fault(number: int, name: str, code: str, message: str) -> dict[str, str]:
    return {"pointer": f"/{number}/{name}", "code": code, "message": message}
