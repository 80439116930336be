"""Plan files over HTTP."""

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse

from services.quota import handlers, store
from services.quota.handlers import Plans
from services.quota.settings import QuotaSettings
from shared.http import read_body
from shared.keys import Key
from shared.plans import load_plan
from shared.problems import Problem
from shared.service import Service, needs
from shared.units import UnitRegistry


def build_router(
    service: Service, plans: Plans, settings: QuotaSettings, registry: UnitRegistry
) -> APIRouter:
    """The routes about plans."""
    router = APIRouter(tags=["plans"])
    database = service.database

    @router.put("/plans/{plan}")
    async def put_plan(
        plan: str, request: Request, _key: Annotated[Key, Depends(needs("plans:write"))]
    ) -> Any:
        """Apply a plan file (YAML or JSON): a changed one becomes a new version."""
        text = await read_body(request, settings.max_plan_bytes)
        made, faults = load_plan(text, registry=registry)
        wrong = [
            {"pointer": f.path, "code": f.code, "message": f.message, "line": f.line}
            for f in faults
            if f.severity == "error"
        ]
        if made is not None and made.plan != plan:
            message = "The file's plan id is not the one in the address."
            wrong.append({"pointer": "/plan", "code": "other_plan", "message": message, "line": 1})
        if made is None or wrong:
            raise Problem(422, "The plan file has faults; nothing of it was stored.", wrong)
        version, changed = await handlers.apply_plan(database, plans, made)
        service.wake_relay()
        warnings = [
            {"pointer": f.path, "code": f.code, "message": f.message, "line": f.line}
            for f in faults
        ]
        body = {"plan": plan, "version": version, "changed": changed, "warnings": warnings}
        return JSONResponse(body, 201 if changed else 200)

    @router.get("/plans")
    async def list_plans(_key: Annotated[Key, Depends(needs("reports:read"))]) -> dict[str, Any]:
        """The newest version of every plan."""
        async with database.transaction() as session:
            rows = await store.newest_plans(session)
        return {
            "plans": [
                {
                    "plan": row.plan,
                    "version": row.version,
                    "title": orjson.loads(row.document)["title"],
                    "applied_at": row.applied_at,
                }
                for row in rows
            ]
        }

    @router.get("/plans/{plan}")
    async def show_plan(
        plan: str,
        _key: Annotated[Key, Depends(needs("reports:read"))],
        version: int | None = None,
    ) -> dict[str, Any]:
        """A plan as it stands, or one of its versions."""
        async with database.transaction() as session:
            versions = await store.plan_versions(session, plan)
        row = next((v for v in versions if version in (None, v.version)), None)
        if row is None:
            raise Problem(404, "No such plan, or no such version.")
        return {
            "plan": row.plan,
            "version": row.version,
            "versions": [v.version for v in versions],
            "applied_at": row.applied_at,
            "document": orjson.loads(row.document),
        }

    return router
