"""HTTP of quota."""

from datetime import date
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse

from services.quota import handlers, store
from services.quota.handlers import Current, Plans
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
    """The routes of quota."""
    router = APIRouter(prefix="/v1")
    database = service.database

    @router.put("/plans/{plan}", tags=["plans"])
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

    @router.get("/plans", tags=["plans"])
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

    @router.get("/plans/{plan}", tags=["plans"])
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

    @router.get("/progress", tags=["progress"])
    async def progress(
        key: Annotated[Key, Depends(needs("reports:read"))],
        plan: str | None = None,
        indicator: str | None = None,
        unit: str | None = None,
        as_of: date | None = None,
    ) -> dict[str, Any]:
        """How far each unit is, by what had been received up to the end of ``as_of``."""
        units = scope(key, unit)
        rows: list[dict[str, Any]] = []
        async with database.transaction() as session:
            for current in await chosen(session, plan):
                if indicator is not None and indicator not in current.plan.indicators:
                    continue
                rows += await handlers.progress(session, current, registry, indicator, as_of)
        return {"rows": [row for row in rows if allowed(row["unit"], units)]}

    @router.get("/stipends", tags=["stipends"])
    async def stipends(
        key: Annotated[Key, Depends(needs("reports:read"))],
        plan: str | None = None,
        unit: str | None = None,
        by: Annotated[str, Query(pattern="^(unit|installer)$")] = "unit",
    ) -> dict[str, Any]:
        """What is payable: within the quota; beyond it is shown and held."""
        units = scope(key, unit)
        rows: list[dict[str, Any]] = []
        async with database.transaction() as session:
            for current in await chosen(session, plan):
                rows += await handlers.stipends(session, current, None, by)
        rows = [row for row in rows if allowed(row["unit"], units)]
        names = ("succeeded", "payable", "beyond_quota", "amount")
        return {"rows": rows, "total": {name: sum(row[name] for row in rows) for name in names}}

    @router.get("/stipends/ledger", tags=["stipends"])
    async def ledger(
        key: Annotated[Key, Depends(needs("reports:read"))],
        plan: str | None = None,
        unit: str | None = None,
        after: int = 0,
        limit: Annotated[int, Query(ge=1, le=5000)] = 1000,
    ) -> dict[str, Any]:
        """The append-only entries behind the stipends, oldest first."""
        units = scope(key, None)
        async with database.transaction() as session:
            rows = await store.ledger(session, plan, unit, after, limit)
        following = rows[-1]["id"] if len(rows) == limit else None
        return {"rows": [r for r in rows if allowed(r["unit"], units)], "next": following}

    async def chosen(session: Any, plan: str | None) -> list[Current]:
        current = await plans.load(session)
        if plan is None:
            return list(current.values())
        if plan not in current:
            raise Problem(404, "No such plan.")
        return [current[plan]]

    def scope(key: Key, unit: str | None) -> list[frozenset[str]]:
        if unit is not None and not registry.known(unit):
            error = {"pointer": "/unit", "code": "unknown_unit", "message": "No such unit."}
            raise Problem(422, errors=[error])
        asked = [frozenset({unit})] if unit else []
        return asked + ([key.units] if key.units else [])

    def allowed(unit: str, scopes: list[frozenset[str]]) -> bool:
        return all(within_ever(registry, unit, roots) for roots in scopes)

    return router


def within_ever(registry: UnitRegistry, unit: str, roots: frozenset[str]) -> bool:
    """Whether a unit was ever one of ``roots`` or below one of them."""
    if unit in roots:
        return True
    return any(
        registry.within(unit, roots, version.valid_from) for version in registry.versions(unit)
    )
