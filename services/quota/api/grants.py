"""Extensions and waivers, over HTTP."""

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from services.quota import handlers
from services.quota.api.decisions import PLAIN
from services.quota.api.scopes import Scopes, chosen
from services.quota.handlers import Plans
from services.quota.rules import Grant, grants
from shared.keys import Key
from shared.problems import Problem, documented
from shared.service import Service, needs

Names = Annotated[list[Annotated[str, Field(min_length=1, max_length=64)]], Field(min_length=1)]


class GrantAsked(BaseModel):
    """An extension (``before`` a day, or ``by`` the end of one) or a waiver."""

    model_config = ConfigDict(extra="forbid")

    obligation: str
    units: Names
    periods: Names
    kind: Literal["extension", "waiver"]
    document: Annotated[str, Field(max_length=200, pattern=PLAIN)]
    before: date | None = None
    by: date | None = None


def build_router(service: Service, plans: Plans, scopes: Scopes) -> APIRouter:
    """The routes about extensions and waivers."""
    router = APIRouter(tags=["plans"])
    database = service.database

    @router.post("/plans/{plan}/grants", status_code=201, responses=documented(404))
    async def post_grant(
        plan: str, asked: GrantAsked, key: Annotated[Key, Depends(needs("plans:write"))]
    ) -> JSONResponse:
        """Grant units more time for some periods, or excuse them, by a document.

        It becomes part of the plan, as a new version: reports say excused, and the units are told.
        The same grant again changes nothing (200).
        """
        async with database.transaction() as session:
            history = await chosen(session, plans, plan, whole=True)
        scopes.need(key, history.newest.plan.members(asked.units))
        wanted = Grant(**asked.model_dump(mode="python"))
        try:
            applied = await handlers.grant(database, plans, plan, wanted)
        except handlers.Refused as fault:
            raise Problem(422, "Nothing was granted.", fault.faults) from None
        if applied is None:
            raise Problem(404, "No such plan.")
        service.wake_relay()
        body = asked.model_dump(mode="json")
        body |= {"plan": plan, "version": applied.version, "changed": applied.changed}
        return JSONResponse(body, 201 if applied.changed else 200)

    @router.get("/plans/{plan}/grants", responses=documented(404))
    async def list_grants(
        plan: str, key: Annotated[Key, Depends(needs("reports:read"))], unit: str | None = None
    ) -> dict[str, Any]:
        """Every extension and waiver of a plan, its own and those that were granted later."""
        roots = scopes.roots(key, unit)
        async with database.transaction() as session:
            history = await chosen(session, plans, plan, whole=True)
        made = history.newest.plan
        return {
            "grants": [
                row
                for row in grants(made)
                if any(scopes.allowed(code, roots) for code in made.members(row["units"]))
            ]
        }

    return router
