"""How far units are, over HTTP."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends

from services.quota import handlers
from services.quota.api.scopes import Scopes, chosen
from services.quota.handlers import Plans
from shared.keys import Key
from shared.service import Service, needs


def build_router(service: Service, plans: Plans, scopes: Scopes) -> APIRouter:
    """The routes about progress."""
    router = APIRouter(tags=["progress"])
    database = service.database

    @router.get("/progress")
    async def progress(
        key: Annotated[Key, Depends(needs("reports:read"))],
        plan: str | None = None,
        indicator: str | None = None,
        unit: str | None = None,
        as_of: date | None = None,
    ) -> dict[str, Any]:
        """How far each unit is, by what had been received up to the end of ``as_of``."""
        roots = scopes.roots(key, unit)
        rows: list[dict[str, Any]] = []
        async with database.transaction() as session:
            for history in await chosen(session, plans, plan):
                if indicator is None or indicator in history.indicators():
                    rows += await handlers.progress(
                        session,
                        history,
                        scopes.registry,
                        indicator,
                        lambda code: scopes.allowed(code, roots),
                        as_of,
                    )
        return {"rows": rows}

    return router
