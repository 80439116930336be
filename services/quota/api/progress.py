"""How far units are, over HTTP."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import date
from functools import partial
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response, StreamingResponse

from services.quota import handlers
from services.quota.api.scopes import Scopes
from services.quota.handlers import Plans, Question, Walk
from services.quota.rules import OF, OVER
from shared.keys import Key
from shared.problems import Problem
from shared.service import Service, needs

Row = dict[str, Any]

WIDE = 100_000
"""More rows than this are not held at once."""
PERIOD = r"^(whole|[0-9]{4}(-Q[1-4]|-(0[1-9]|1[0-2])(-[0-9]{2})?)?)$"


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
        period: Annotated[str | None, Query(pattern=PERIOD)] = None,
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
        ``version``: the one that judges. With ``limit`` in pages: ``next`` is the ``after`` of the
        next one. Without it all rows at once; more than 100,000 are written as they are made, each
        indicator as of one moment.
        """
        async with database.transaction() as session:
            names = {"unit": unit, "plan": plan, "indicator": indicator}
            roots, histories = await scopes.asked(session, plans, key, **names)
            allowed = partial(scopes.allowed, roots=roots) if roots else None
            asked = [
                Question(history, scopes.registry, indicator, allowed, as_of, period, state)
                for history in histories
                if indicator is None or indicator in history.indicators()
            ]
            walks = [Walk(each) for each in asked]
            wide = await asyncio.to_thread(lambda: sum(each.most() for each in walks)) > WIDE
            rows: list[Row] = []
            if not wide:
                for walk in walks:
                    rows += await handlers.progress_of(session, walk)
        if wide and limit is None:
            pages = handlers.stream_progress(database, asked, after)
            return StreamingResponse(_written(pages), media_type="application/json")
        if wide:
            page = await _first(handlers.stream_progress(database, asked, after), limit + 1)
        else:
            page = rows[after:]
        more = None if limit is None or len(page) <= limit else after + limit
        body = await asyncio.to_thread(orjson.dumps, {"rows": page[:limit], "next": more})
        return Response(body, media_type="application/json")

    @router.get("/progress/behind")
    async def progress_behind(
        key: Annotated[Key, Depends(needs("reports:read"))],
        plan: str,
        indicator: str,
        unit: str,
        period: Annotated[str, Query(pattern=PERIOD)],
        part: Annotated[str, Query(pattern="^(numerator|denominator)$")] = "numerator",
        as_of: date | None = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
        offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
    ) -> dict[str, Any]:
        """What a row of progress is made of: each machine, dossier or event that counts, with `n`, what
        it adds, and its events by their (source, id), each with what it is about where it names it: its
        `dossier`, `device` (the first digits of the keyed hash of a machine, else of a citizen),
        `list`, `obligation`, `period`, `kind` of activity.

        The total's `n` is the row's numerator or denominator; only opening figures, which stand in for
        a time without events, are not among them.
        """
        async with database.transaction() as session:
            names = {"unit": unit, "plan": plan, "indicator": indicator}
            roots, histories = await scopes.asked(session, plans, key, **names)
            if not scopes.allowed(unit, roots):
                raise Problem(403, "The key does not reach this unit.")
            figure = handlers.Figure(
                histories[0],
                indicator,
                unit,
                period,
                OF if part == "numerator" else OVER,
                as_of,
            )
            found = await handlers.behind(session, figure, limit, offset)
        if found is None:
            message = "The indicator has no such period."
            error = {"pointer": "/period", "code": "unknown_period", "message": message}
            raise Problem(422, errors=[error])
        rows, total = found
        return {"rows": rows, "total": total}

    return router


async def _first(slices: AsyncIterator[list[Row]], count: int) -> list[Row]:
    """So many rows, and no slice that is not needed for them."""
    rows: list[Row] = []
    async with aclosing(slices) as given:
        async for each in given:
            rows += each
            if len(rows) >= count:
                break
    return rows[:count]


async def _written(slices: AsyncIterator[list[Row]]) -> AsyncIterator[bytes]:
    """The answer as it is made: what is not read yet is not made yet."""
    before = b'{"rows":['
    async for each in slices:
        # Without the list's brackets.
        yield before + (await asyncio.to_thread(orjson.dumps, each))[1:-1]
        before = b","
    yield (b"" if before == b"," else before) + b'],"next":null}'
