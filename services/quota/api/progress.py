"""How far units are, over HTTP."""

import asyncio
from datetime import date
from functools import partial
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response

from services.quota import handlers
from services.quota.api.scopes import Scopes, chosen
from services.quota.handlers import Plans
from shared.keys import Key
from shared.problems import Problem
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
        period: str | None = None,
        state: Annotated[
            str | None, Query(pattern="^(met|on_track|behind|missed|not_applicable)$")
        ] = None,
        after: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int | None, Query(ge=1)] = None,
    ) -> Response:
        """How far each unit is, by what had been received up to the end of ``as_of``.

        ``projected`` is where it comes to at the period's end if it goes on as until now; nine of
        ten results lie between ``projected_low`` and ``projected_high``. ``pace`` is the part of the
        period's working days that has passed. ``opening``: reported figures of a time without
        events are among them. ``missing_unit``: how many events named no unit to credit.
        ``version``: the one that judges. With ``limit`` in pages; ``after``: how many to pass over.
        """
        roots = scopes.roots(key, unit)
        allowed = partial(scopes.allowed, roots=roots) if roots else None
        rows: list[dict[str, Any]] = []
        async with database.transaction() as session:
            asked = [
                history
                for history in await chosen(session, plans, plan)
                if indicator is None or indicator in history.indicators()
            ]
            if indicator is not None and not asked:
                raise Problem(404, "No such indicator.")
            for history in asked:
                rows += await handlers.progress(
                    session, history, scopes.registry, indicator, allowed, as_of, period
                )
        rows = [row for row in rows if state in (None, row["state"])]
        page = rows[after:] if limit is None else rows[after : after + limit]
        more = after + len(page) if after + len(page) < len(rows) else None
        body = await asyncio.to_thread(orjson.dumps, {"rows": page, "next": more})
        return Response(body, media_type="application/json")

    return router
