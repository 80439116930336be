"""`/v1/keys`: who may call."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends
from pydantic import BaseModel, ConfigDict, Field

from services.intake import handlers, store
from shared.keys import SANDBOX, SCOPES, Key
from shared.problems import Problem, documented
from shared.service import Service, needs
from shared.units import UnitRegistry

PLAIN = r"^[^\x00-\x1f]+$"


class NewKey(BaseModel):
    """A key to make; without units or sources it speaks for all.

    What a key of the ``sandbox`` sends is checked and answered like the rest, and goes no further.
    """

    model_config = ConfigDict(extra="forbid", strict=True)
    name: str = Field(min_length=1, max_length=100, pattern=PLAIN)
    scopes: list[str] = Field(min_length=1)
    units: list[str] = []
    sources: list[Annotated[str, Field(min_length=1, max_length=512, pattern=PLAIN)]] = []
    sandbox: bool = False


def build_router(service: Service, registry: UnitRegistry) -> APIRouter:
    """The routes about keys."""
    router = APIRouter(prefix="/v1")
    database = service.database

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
        if given.sandbox and set(given.scopes) - {"events:write"}:
            message = "A key of the sandbox has the scope events:write, and no other."
            faults.append({"pointer": "/scopes", "code": "not_allowed", "message": message})
        if faults:
            raise Problem(422, errors=faults)
        scopes = [*given.scopes, SANDBOX] if given.sandbox else given.scopes
        key_id, shown = await handlers.create_key(
            database, given.name, scopes, given.units, given.sources
        )
        service.wake_relay()
        made = {"id": key_id, "name": given.name, "scopes": given.scopes, "key": shown}
        return made | {"sandbox": given.sandbox}

    @router.get("/keys", tags=["keys"])
    async def list_keys(_key: Annotated[Key, Depends(needs("admin"))]) -> dict[str, Any]:
        """All keys, without what would let anyone use them."""
        async with database.transaction() as session:
            kept = await store.list_keys(session)
        for row in kept:
            row["sandbox"] = SANDBOX in row["scopes"]
            row["scopes"] = [scope for scope in row["scopes"] if scope != SANDBOX]
        return {"keys": kept}

    @router.delete("/keys/{key_id}", tags=["keys"], responses=documented(404))
    async def revoke_key(
        key_id: str, _key: Annotated[Key, Depends(needs("admin"))]
    ) -> dict[str, Any]:
        """Revoke a key in every service."""
        if not await handlers.revoke_key(database, key_id):
            raise Problem(404, "No such key.")
        service.keyring.cache.clear()
        service.wake_relay()
        return {"id": key_id, "revoked": True}

    return router
