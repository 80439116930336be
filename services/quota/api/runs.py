"""Months closed for payment, over HTTP."""

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from services.quota import handlers
from services.quota.api.payroll import payroll_csv, payroll_pdf, payroll_xlsx
from services.quota.api.scopes import LARGEST, Scopes, chosen
from services.quota.handlers import OutOfTurn, Plans
from shared.keys import Key
from shared.problems import Problem
from shared.service import Service, needs

MEDIA = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
}
MAKE = {"csv": payroll_csv, "xlsx": payroll_xlsx, "pdf": payroll_pdf}
TOO_EARLY = {
    "month_not_over": "This month is not over yet.",
    "counting_anew": "The plan is being counted anew: close the month once that is done.",
    "later_month_closed": "A later month is closed already: corrections land in the next run.",
}


class RunAsked(BaseModel):
    """The plan and the month to close."""

    model_config = ConfigDict(strict=True, extra="forbid")

    plan: str
    month: Annotated[str, Field(pattern=r"^[12][0-9]{3}-(0[1-9]|1[0-2])$")]


def build_router(service: Service, plans: Plans, scopes: Scopes) -> APIRouter:
    """The routes about closed months."""
    router = APIRouter(tags=["stipends"])
    database = service.database

    @router.post("/stipends/runs", status_code=201)
    async def close(
        asked: RunAsked, key: Annotated[Key, Depends(needs("plans:write"))]
    ) -> JSONResponse:
        """Close a month: who is paid what for which installs.

        Everything booked for installs up to the month's end that no run pays yet. Closing it again
        answers with the same run (200); what is corrected later lands in the next one.
        """
        async with database.transaction() as session:
            history = await chosen(session, plans, asked.plan)
        scopes.need(key, handlers.bound_units(history.newest.plan))
        if asked.month < history.newest.plan.runs.from_.isoformat()[:7]:
            raise _refused("before_plan", "The plan begins later.")
        try:
            closed = await handlers.close_month(database, asked.plan, asked.month, key.name)
        except OutOfTurn as fault:
            raise _refused(str(fault), TOO_EARLY[str(fault)]) from None
        async with database.transaction() as session:
            run = await handlers.show_run(
                session, closed.run, {asked.plan: history}, scopes.registry, lambda _unit: True
            )
        body = _jsonable(run) | {"changed": closed.changed}
        return JSONResponse(body, 201 if closed.changed else 200)

    @router.get("/stipends/runs")
    async def list_runs(
        key: Annotated[Key, Depends(needs("reports:read"))],
        plan: str | None = None,
        after: Annotated[int, Query(ge=0, le=LARGEST)] = 0,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> dict[str, Any]:
        """The closed months; ``after`` the last run of the page before."""
        async with database.transaction() as session:
            roots, _ = await scopes.asked(session, plans, key, plan=plan)
            rows = await handlers.list_runs(
                session, plan, after, limit, lambda unit: scopes.allowed(unit, roots)
            )
        return {"runs": rows, "next": rows[-1]["run"] if len(rows) == limit else None}

    @router.get("/stipends/runs/{run}")
    async def show(
        run: Annotated[int, Path(ge=1, le=LARGEST)],
        key: Annotated[Key, Depends(needs("reports:read"))],
        form: Annotated[Literal["json", "csv", "xlsx", "pdf"], Query(alias="format")] = "json",
    ) -> Response:
        """One closed month, as JSON, as a table, or as a payroll sheet to sign (PDF)."""
        roots = scopes.roots(key, None)
        async with database.transaction() as session:
            found = await handlers.show_run(
                session,
                run,
                await plans.load(session),
                scopes.registry,
                lambda unit: scopes.allowed(unit, roots),
            )
        if found is None:
            raise Problem(404, "No such run.")
        if form == "json":
            return JSONResponse(_jsonable(found))
        body = await asyncio.to_thread(MAKE[form], found)
        name = f"{found['plan']}-{found['month']}.{form}"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(body, media_type=MEDIA[form], headers=headers)

    @router.get("/stipends/unassigned")
    async def unassigned(
        key: Annotated[Key, Depends(needs("reports:read"))],
        plan: str | None = None,
        unit: str | None = None,
        every: Annotated[bool, Query(alias="all")] = False,
    ) -> dict[str, Any]:
        """The units that have a quota and nobody in the people register to fill it.

        ``all=true`` shows the units that have somebody, too.
        """
        rows: list[dict[str, Any]] = []
        async with database.transaction() as session:
            roots, asked = await scopes.asked(session, plans, key, plan=plan, unit=unit)
            for history in asked:
                rows += await handlers.unassigned(session, history, scopes.registry)
        return {
            "rows": [
                row
                for row in rows
                if scopes.allowed(row["unit"], roots) and (every or row["state"] == "unassigned")
            ]
        }

    return router


def _refused(code: str, message: str) -> Problem:
    return Problem(422, errors=[{"pointer": "/month", "code": code, "message": message}])


def _jsonable(run: dict[str, Any] | None) -> dict[str, Any]:
    assert run is not None
    return run | {"closed_at": run["closed_at"].isoformat()}
