"""`/v1/schedules`: reports that are built and mailed at their times."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Query
from pydantic import Field
from starlette.responses import JSONResponse, Response, StreamingResponse

from services.reporting.api.access import reader, writer
from services.reporting.api.bodies import Body, Code, Text
from services.reporting.api.files import MEDIA_TYPES
from services.reporting.handlers import Scheduling, Wish
from services.reporting.store.schedules import Schedule
from shared import clock
from shared.keys import Key
from shared.problems import documented

SHOWN_TIMES = 3


class WhenAsked(Body):
    """When a report has to be ready: `before` a local time of each of some days. `days` are days of
    the month (31 means the last) or of the week (1 Monday to 7 Sunday). `days_off` says what
    becomes of a day on which offices are closed: `earlier` is the last working day before it."""

    every: Code
    days: Annotated[list[int], Field(max_length=31)] = Field(default_factory=list)
    before: Code = "17:00"
    days_off: Code = "earlier"
    lead_minutes: int | None = None


class RecipientAsked(Body):
    """Those of a unit whom the list of officers names: whoever answers for it, or at a `level`."""

    unit: Code
    level: Literal["officer", "head", "district", "province"] | None = None


class ScheduleAsked(Body):
    """What to build (a report with its parameters but its period, which moves with the day), in
    which format, when, and for whom."""

    title: Annotated[Text, Field(max_length=200)]
    report: Code
    parameters: Annotated[dict[str, Code], Field(max_length=20)] = Field(default_factory=dict)
    period: Code = "this_month"
    format: Code = "xlsx"
    when: WhenAsked
    recipients: Annotated[list[RecipientAsked], Field(max_length=100)]

    def wish(self) -> Wish:
        """The same for the handler."""
        when = self.when
        return Wish(
            self.title, self.report, self.parameters, self.period, self.format, when.every,
            when.before, when.days, when.days_off, when.lead_minutes,
            [(each.unit, each.level) for each in self.recipients],
        )  # fmt: skip


def build_schedules(scheduling: Scheduling) -> APIRouter:
    """The routes of schedules for programs."""
    router = APIRouter(
        prefix="/v1/schedules", tags=["reports"], responses=documented(400, 401, 403, 404, 422)
    )

    async def one(id: str, key: Key) -> dict[str, Any]:
        found = await scheduling.find(id, key)
        runs = await scheduling.runs(id, key, 1)
        return shown(scheduling, found, runs[0] if runs else None)

    @router.post("", status_code=201)
    async def create(asked: ScheduleAsked, key: Annotated[Key, Depends(writer)]) -> JSONResponse:
        """Order a report for its times. It shows what the one who orders it may see, and no more."""
        id = await scheduling.create(asked.wish(), key)
        return JSONResponse(await one(id, key), 201, {"Location": f"/v1/schedules/{id}"})

    @router.get("")
    async def list_schedules(key: Annotated[Key, Depends(reader)]) -> dict[str, Any]:
        """The schedules whose figures the caller may see, with their next times."""
        found = await scheduling.listed(key)
        return {
            "schedules": [shown(scheduling, one, runs[0] if runs else None) for one, runs in found]
        }

    @router.get("/{id}")
    async def show(id: str, key: Annotated[Key, Depends(reader)]) -> dict[str, Any]:
        """One schedule, with its next three times and what came of it last."""
        return await one(id, key)

    @router.put("/{id}")
    async def change(
        id: str, asked: ScheduleAsked, key: Annotated[Key, Depends(writer)]
    ) -> dict[str, Any]:
        """Put another order in its place."""
        await scheduling.change(id, asked.wish(), key)
        return await one(id, key)

    @router.delete("/{id}", status_code=204)
    async def drop(id: str, key: Annotated[Key, Depends(writer)]) -> None:
        """Forget a schedule, its history and its files."""
        await scheduling.drop(id, key)

    @router.post("/{id}/pause")
    async def pause(id: str, key: Annotated[Key, Depends(writer)]) -> dict[str, Any]:
        """Build nothing until it is resumed."""
        await scheduling.pause(id, key)
        return await one(id, key)

    @router.post("/{id}/resume")
    async def resume(id: str, key: Annotated[Key, Depends(writer)]) -> dict[str, Any]:
        """Go on with its next time; what lay between is not made up for."""
        await scheduling.resume(id, key)
        return await one(id, key)

    @router.post("/{id}/runs", status_code=202)
    async def run_now(id: str, key: Annotated[Key, Depends(writer)]) -> dict[str, Any]:
        """Build and send it now, beside its times."""
        await scheduling.run_now(id, key)
        return await one(id, key)

    @router.get("/{id}/runs")
    async def list_runs(
        id: str,
        key: Annotated[Key, Depends(reader)],
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> dict[str, Any]:
        """What came of it, the newest first."""
        return {"runs": [shown_run(each) for each in await scheduling.runs(id, key, limit)]}

    @router.get("/runs/{run}/file")
    async def fetch(run: int, key: Annotated[Key, Depends(reader)]) -> Response:
        """The file of a run, as it was mailed; kept for 90 days."""
        return await file_answer(scheduling, run, key)

    return router


async def file_answer(scheduling: Scheduling, run: int, key: Key) -> Response:
    """A run's file; raises `Problem` 404."""
    row = await scheduling.file(run, key)

    async def pieces() -> AsyncIterator[bytes]:
        async for piece in scheduling.read(run):
            yield piece

    return StreamingResponse(
        pieces(),
        media_type=MEDIA_TYPES[row.file.rpartition(".")[2]],
        headers={
            "Content-Disposition": f'attachment; filename="{row.file}"',
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        },
    )


def shown(scheduling: Scheduling, one: Schedule, last: sa.Row | None) -> dict[str, Any]:
    """A schedule as programs read it; instants in the zone of Viet Nam."""
    times = scheduling.next_times(one.body, clock.now(), SHOWN_TIMES)
    return {
        "id": one.id,
        **one.body,
        "owner": one.owner_name,
        "paused": one.paused_at is not None,
        "reason": one.reason,
        "waiting": one.asked_at is not None,
        "next": []
        if one.paused_at
        else [{"build_at": _local(each.build_at), "due_at": _local(each.due_at)} for each in times],
        "last": None if last is None else shown_run(last),
    }


def shown_run(row: sa.Row) -> dict[str, Any]:
    """What came of a schedule once."""
    return {
        "run": row.id,
        "state": row.state,
        "due_at": _local(row.due_at),
        "at": _local(row.at),
        "asked": row.asked,
        "late": row.late,
        "missed": row.missed,
        "from": row.first and row.first.isoformat(),
        "to": row.last and row.last.isoformat(),
        "rows": row.rows,
        "bytes": row.bytes,
        "reason": row.reason,
        "name": row.file,
        "file": f"/v1/schedules/runs/{row.id}/file" if row.kept else None,
    }


def _local(instant: datetime) -> str:
    return instant.astimezone(clock.VN).isoformat()
