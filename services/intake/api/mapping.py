"""`/v1/mappings`: sources' own names of units, what is held for want of them, and their page."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from services.intake import store
from services.intake.handlers import SyncCalls
from services.intake.rules.mapping import nearest_units
from shared import clock
from shared.db import Database
from shared.keys import Key
from shared.problems import Problem
from shared.service import Service, needs
from shared.units import UnitRegistry, fold


class GivenMapping(BaseModel):
    """A source's name or code for a unit, and the unit that it means."""

    model_config = ConfigDict(extra="forbid", strict=True)
    source: str = Field(min_length=1, max_length=512, pattern=r"^[^\x00-\x20\x7f]+$")
    theirs: str = Field(
        min_length=1,
        max_length=200,
        pattern=r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$",
    )
    unit: str = Field(min_length=1, max_length=64)


def build_router(service: Service, calls: SyncCalls, registry: UnitRegistry) -> APIRouter:
    """The routes about mappings."""
    router = APIRouter(prefix="/v1")
    admin = Annotated[Key, Depends(needs("admin"))]
    database = service.database

    @router.get("/mappings", tags=["mappings"])
    async def list_mappings(
        _key: admin, state: Annotated[Literal["mapped", "unmapped"] | None, Query()] = None
    ) -> dict[str, Any]:
        """Names that are mapped, and names that something is held for: how much, since when."""
        return {"mappings": await find_mappings(database, registry, state)}

    @router.put("/mappings", tags=["mappings"])
    async def put_mapping(key: admin, given: Annotated[GivenMapping, Body()]) -> dict[str, Any]:
        """Map a source's name to a unit; what was held for it is taken in, in its order."""
        if not registry.known(given.unit):
            near = ", ".join(registry.nearest(given.unit))
            message = "No such unit; use a code of the units register."
            message += f" The nearest are: {near}." if near else ""
            error = {"pointer": "/unit", "code": "unknown_unit", "message": message}
            raise Problem(422, errors=[error])
        released = await calls.releases.map_unit(
            given.source, given.theirs.strip(), given.unit, key
        )
        return {
            "source": given.source,
            "theirs": given.theirs.strip(),
            "unit": given.unit,
            "unit_name": registry.name(given.unit),
            "released": released,
        }

    return router


async def find_mappings(
    database: Database, registry: UnitRegistry, state: str | None
) -> list[dict[str, Any]]:
    """Mappings and unmapped names, as they are shown."""
    found: list[dict[str, Any]] = []
    names: dict[str, set[str]] = {}
    for unit in registry:
        for text in (unit.name, *unit.aliases):
            names.setdefault(fold(text), set()).add(unit.code)
    async with database.transaction() as session:
        if state != "mapped":
            for row in await store.list_unmapped(session):
                near = nearest_units(row["theirs"], names, registry.nearest)
                nearest = [{"unit": code, "name": registry.name(code)} for code in near]
                found.append({"state": "unmapped", **row, "nearest": nearest})
        if state != "unmapped":
            for row in await store.list_mapped(session):
                name = registry.name(row["unit"], clock.now())
                found.append({"state": "mapped", **row, "unit_name": name})
    return found
