"""The list of officers who answer for units."""

from datetime import date
from hashlib import sha256
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from services.notify.rules.notices import Officer
from services.notify.store import deadlines as store
from shared import phones
from shared.db import Database
from shared.keys import Key
from shared.problems import Problem
from shared.service import needs
from shared.units import UnitRegistry

MOST = 20_000


class GivenOfficer(BaseModel):
    """An officer as given; ``valid_to`` is the first day on which they no longer answer."""

    model_config = ConfigDict(extra="forbid")
    unit: str = Field(min_length=1, max_length=64)
    name: str | None = Field(default=None, max_length=200)
    role: str | None = Field(default=None, max_length=200)
    phone: str | None = Field(default=None, max_length=200)
    email: str | None = Field(
        default=None, max_length=254, pattern=r"^[\x21-\x3f\x41-\x7e]+@[\x21-\x3f\x41-\x7e]+$"
    )
    valid_from: date | None = None
    valid_to: date | None = None


LIST: TypeAdapter[list[GivenOfficer]] = TypeAdapter(
    Annotated[list[GivenOfficer], Field(max_length=MOST)]
)


def add_officers(router: APIRouter, database: Database, registry: UnitRegistry) -> None:
    """Add the routes of the officers' list."""

    @router.put("/v1/officers", tags=["officers"])
    async def put_officers(
        _key: Annotated[Key, Depends(needs("admin"))], given: Annotated[Any, Body()]
    ) -> dict[str, int]:
        """Replace the whole list; nothing is changed where anything in it is wrong."""
        officers = read_officers(given, registry)
        async with database.transaction() as session:
            await store.replace_officers(session, officers)
        return {"officers": len(officers)}

    @router.get("/v1/officers", tags=["officers"])
    async def list_officers(
        _key: Annotated[Key, Depends(needs("admin"))],
    ) -> dict[str, Any]:
        """The list as it stands."""
        async with database.transaction() as session:
            officers = await store.load_officers(session)
        names = ("unit", "name", "role", "phone", "email", "valid_from", "valid_to")
        return {
            "officers": [{name: getattr(officer, name) for name in names} for officer in officers]
        }


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
        text = "\0".join(str(part) for part in (each.unit, each.name, each.role, phone, each.email))
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
        )
    if errors:
        raise Problem(422, errors=errors)
    return list(officers.values())


def _fault(number: int, name: str, code: str, message: str) -> dict[str, str]:
    return {"pointer": f"/{number}/{name}", "code": code, "message": message}
