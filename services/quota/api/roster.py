"""The duty roster, over HTTP."""

import asyncio
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from services.quota import store
from services.quota.api.bodies import body_of
from services.quota.api.people import rows_of
from services.quota.api.scopes import Scopes
from services.quota.handlers import month_end
from services.quota.rules import Session, add_roster, judge_roster, read_roster
from services.quota.settings import QuotaSettings
from shared import clock
from shared.db import take_turn
from shared.http import read_body
from shared.keys import Key
from shared.printing import to_csv, to_pdf
from shared.problems import Problem
from shared.service import Service, needs
from shared.units import UnitRegistry

TEMPLATE = Path(__file__).parent.parent / "pages" / "roster.typ"
LONGEST_DAYS = 400
EARLIEST, LATEST = date(1900, 1, 1), date(2999, 12, 31)
HALVES = {"am": "Sáng", "pm": "Chiều"}
STATES = {"covered": "có người trực", "uncovered": "trống", "planned": "chưa đến"}
HEADINGS = ("Ngày", "Đơn vị", "Phân công", "Đã trực", "Tình trạng")
COLUMNS = ("day", "session", "unit", "unit_name", "planned", "covered_by", "state")
SUMS = ("period", "unit", "unit_name", "planned", "due", "covered", "uncovered")


def build_router(service: Service, settings: QuotaSettings, scopes: Scopes) -> APIRouter:
    """The routes about the duty roster."""
    router = APIRouter(tags=["roster"])
    database, registry = service.database, scopes.registry

    @router.put("/roster", openapi_extra=body_of("application/json", "text/csv"))
    async def put_roster(
        request: Request,
        key: Annotated[Key, Depends(needs("plans:write"))],
        first: Annotated[date | None, Query(alias="from")] = None,
        last: Annotated[date | None, Query(alias="to")] = None,
    ) -> dict[str, Any]:
        """Plan half days, as JSON ``{"sessions": [...]}`` or as CSV.

        Each has ``unit, day, session (am, pm), member``; together they replace what was planned for
        the same half days. With ``from`` and ``to`` everything else that the same units had planned
        between these days goes. With any fault nothing is stored.
        """
        body = await read_body(request, settings.max_people_bytes)
        rows, line = rows_of(request, body, "sessions")
        planned, faults = read_roster(rows, registry, line)
        days = (first, last) if first and last else None
        if (days is None and (first or last)) or (first and last and last < first):
            faults.append(
                {"pointer": "/from", "code": "range", "message": "cần from và to, from trước"}
            )
        if not rows and not faults:
            faults.append({"pointer": "/sessions", "code": "empty", "message": "danh sách rỗng"})
        if faults:
            raise Problem(422, "Nothing of it was stored.", faults)
        scopes.need(key, {each.unit for each in planned})
        async with database.transaction() as session:
            await take_turn(session, "roster")
            await store.put_roster(session, planned, days)
        return {"sessions": len({each.slot for each in planned}), "members": len(planned)}

    @router.get("/roster")
    async def get_roster(
        key: Annotated[Key, Depends(needs("reports:read"))],
        unit: str | None = None,
        first: Annotated[date | None, Query(alias="from")] = None,
        last: Annotated[date | None, Query(alias="to")] = None,
        by: Annotated[str, Query(pattern="^(session|day|week|month)$")] = "session",
        form: Annotated[str, Query(alias="format", pattern="^(json|csv|pdf)$")] = "json",
    ) -> Any:
        """Planned half days and whether somebody was on duty (an activity of kind ``duty``).

        Each half day, or sums per day, week or month: planned, due, covered, uncovered. Without
        dates this month; of ``from`` alone its month. ``pdf`` prints the roster.
        """
        faults = []
        if unit is not None and not registry.known(unit):
            faults.append(scopes.unknown_unit(unit))
        start = first or clock.today().replace(day=1)
        end = last or month_end(min(start, LATEST).isoformat()[:7])
        if (
            not start <= end
            or (end - start).days > LONGEST_DAYS
            or start < EARLIEST
            or end > LATEST
        ):
            message = f"from, to: at most {LONGEST_DAYS} days, in this order."
            faults.append({"pointer": "/to", "code": "range", "message": message})
        if faults:
            raise Problem(422, errors=faults)
        roots = scopes.roots(key, unit)
        async with database.transaction() as session:
            planned = [
                each
                for each in await store.roster(session, start, end)
                if scopes.allowed(each.unit, roots)
            ]
            came = await store.on_duty(session, start, end)
            codes = sorted({each.member for each in planned} | {each.member for each in came})
            names = {row.code: row.name for row in await store.people(session, codes=codes)}
        sessions = judge_roster(planned, came, registry, clock.now())
        if form == "pdf":
            title = f"Từ ngày {start:%d/%m/%Y} đến ngày {end:%d/%m/%Y}"
            body = await asyncio.to_thread(_printed, sessions, registry, names, title)
            return Response(body, media_type="application/pdf")
        rows = [_row(each, registry, names) for each in sessions]
        if by != "session":
            rows = [
                sums | {"unit_name": registry.name(sums["unit"], start)}
                for sums in add_roster(sessions, by)
            ]
        if form == "csv":
            columns = COLUMNS if by == "session" else SUMS
            flat = [
                {k: " ".join(row[k]) if isinstance(row[k], list) else row[k] for k in columns}
                for row in rows
            ]
            return Response(to_csv(flat, columns), media_type="text/csv; charset=utf-8")
        total = {
            "planned": len(sessions),
            "due": sum(each.state != "planned" for each in sessions),
            "covered": sum(each.state == "covered" for each in sessions),
            "uncovered": sum(each.state == "uncovered" for each in sessions),
        }
        return {"from": start.isoformat(), "to": end.isoformat(), "rows": rows, "total": total}

    return router


def _row(each: Session, registry: UnitRegistry, names: dict[str, str]) -> dict[str, Any]:
    unit, day, half = each.slot
    return {
        "day": day.isoformat(),
        "session": half,
        "unit": unit,
        "unit_name": registry.name(unit, day),
        "planned": list(each.planned),
        "names": [names.get(code) for code in each.planned],
        "covered_by": list(each.covered_by),
        "state": each.state,
    }


def _printed(
    sessions: Sequence[Session], registry: UnitRegistry, names: dict[str, str], title: str
) -> bytes:
    def people(codes: Sequence[str]) -> str:
        return ", ".join(names.get(code, code) for code in codes)

    rows = []
    for each in sessions:
        unit, day, half = each.slot
        rows.append(
            [
                f"{day:%d/%m/%Y} {HALVES[half]}",
                registry.name(unit, day),
                people(each.planned),
                people(each.covered_by),
                STATES[each.state],
            ]
        )
    content = {
        "heading": "Lịch trực",
        "title": title,
        "headings": list(HEADINGS),
        "rows": rows,
        "empty": "Chưa phân công.",
    }
    return to_pdf(TEMPLATE, content)
