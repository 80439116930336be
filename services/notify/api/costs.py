"""What messages cost, by unit and month."""

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends

from services.notify.api.showing import Scope
from services.notify.store import costs as store
from shared import clock
from shared.db import Database
from shared.keys import Key
from shared.problems import Problem
from shared.service import needs
from shared.units import UnitRegistry

SUMS = ("notices", "sent", "delivered", "failed", "unknown", "segments", "cost")
MOST_MONTHS = 36


def add_costs(router: APIRouter, database: Database, registry: UnitRegistry, scope: Scope) -> None:
    """Add the sums."""
    reader = Annotated[Key, Depends(needs("notices:read"))]

    @router.get("/v1/notices/costs", tags=["notices"])
    async def list_costs(
        key: reader, unit: str | None = None, month: str | None = None, until: str | None = None
    ) -> dict[str, Any]:
        """Messages, segments and VND per month, unit and channel, from a month (`YYYY-MM`, by
        default this one) up to `until`; `unit` includes what is below it."""
        since, end = read_months(month, until)
        async with database.transaction() as session:
            rows = await store.sum_costs(session, since, end, scope.units(key, unit))
        shown = [show(row, registry) for row in rows]
        return {"from": f"{since:%Y-%m}", "rows": shown, "total": total(shown)}


def read_months(first: str | None, last: str | None) -> tuple[datetime, datetime]:
    """The instants at which some months begin and end; raises ``Problem`` 422."""
    since = read_month(first, "month") if first else clock.today().replace(day=1)
    until = read_month(last, "until") if last else since
    count = (until.year - since.year) * 12 + until.month - since.month + 1
    if not 1 <= count <= MOST_MONTHS:
        message = f"From 1 to {MOST_MONTHS} months."
        raise Problem(422, errors=[{"pointer": "/until", "code": "span", "message": message}])
    after = date(until.year + until.month // 12, until.month % 12 + 1, 1)
    return clock.start_of(since), clock.start_of(after)


def read_month(text: str, name: str) -> date:
    """A month's first day; raises ``Problem`` 422."""
    try:
        found = date.fromisoformat(f"{text}-01")
        if not 2000 <= found.year <= 2900:
            raise ValueError
    except ValueError:
        error = {"pointer": f"/{name}", "code": "month", "message": "Write YYYY-MM."}
        raise Problem(422, errors=[error]) from None
    return found


def show(row: Any, registry: UnitRegistry) -> dict[str, Any]:
    """One sum as JSON."""
    year, month = map(int, row.month.split("-"))
    name = registry.name(row.unit, date(year, month, 1))
    known = {"month": row.month, "unit": row.unit, "unit_name": name, "channel": row.channel}
    return known | {each: getattr(row, each) for each in SUMS}


def total(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The sum of all; the cost is null where none is known."""
    found: dict[str, Any] = {each: sum(row[each] or 0 for row in rows) for each in SUMS}
    if all(row["cost"] is None for row in rows):
        found["cost"] = None
    return found
