"""Who is paid, over HTTP."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from services.quota import handlers, store
from services.quota.api.scopes import LARGEST, Scopes
from services.quota.handlers import COUNTED, Plans
from shared.keys import Key
from shared.service import Service, needs


def build_router(service: Service, plans: Plans, scopes: Scopes) -> APIRouter:
    """The routes about stipends."""
    router = APIRouter(tags=["stipends"])
    database = service.database

    @router.get("/stipends")
    async def stipends(
        key: Annotated[Key, Depends(needs("reports:read"))],
        plan: str | None = None,
        unit: str | None = None,
        by: Annotated[str, Query(pattern="^(unit|installer)$")] = "unit",
    ) -> dict[str, Any]:
        """What is payable: within the quota; beyond it is shown and held."""
        rows: list[dict[str, Any]] = []
        async with database.transaction() as session:
            roots, asked = await scopes.asked(session, plans, key, plan=plan, unit=unit)
            for history in asked:
                rows += await handlers.stipends(session, history, by)
        rows = [row for row in rows if scopes.allowed(row["unit"], roots)]
        return {"rows": rows, "total": {name: sum(row[name] for row in rows) for name in COUNTED}}

    @router.get("/stipends/ledger")
    async def ledger(
        key: Annotated[Key, Depends(needs("reports:read"))],
        plan: str | None = None,
        unit: str | None = None,
        after: Annotated[int, Query(ge=0, le=LARGEST)] = 0,
        limit: Annotated[int, Query(ge=1, le=5000)] = 1000,
    ) -> dict[str, Any]:
        """The append-only entries behind the stipends, oldest first; of a plan that is not applied
        there are none."""
        async with database.transaction() as session:
            await scopes.asked(session, plans, key, unit=unit)
            rows = await store.ledger(session, plan, unit, after, limit)
        roots = scopes.roots(key, None)
        following = rows[-1]["id"] if len(rows) == limit else None
        return {"rows": [r for r in rows if scopes.allowed(r["unit"], roots)], "next": following}

    return router
