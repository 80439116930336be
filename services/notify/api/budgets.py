"""What units may spend on messages in a month, and what they have spent."""

import csv
import io
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.api.costs import read_month
from services.notify.api.showing import Scope
from services.notify.handlers.budgets import Purse
from services.notify.rules import budgets as rules
from services.notify.store import budgets as store
from shared import clock
from shared.db import Database, take_turn
from shared.http import read_body
from shared.keys import Key
from shared.problems import Problem
from shared.service import needs
from shared.units import UnitRegistry

MOST = 10_000
LIST_BYTES = 2 << 20
MOST_VND = 10**13
MONTH = re.compile(r"^2\d{3}-(0[1-9]|1[0-2])$")
HEADINGS = {
    "unit": "unit", "don vi": "unit", "đơn vị": "unit", "mã đơn vị": "unit",
    "month": "month", "tháng": "month", "thang": "month",
    "amount": "amount", "số tiền": "amount", "so tien": "amount", "kinh phí": "amount",
}  # fmt: skip


class GivenBudget(BaseModel):
    """VND for a unit and all below it, which may have budgets of their own besides; without
    ``month`` (`YYYY-MM`) for every month. A null ``amount`` takes the budget away."""

    model_config = ConfigDict(extra="forbid")
    unit: str = Field(min_length=1, max_length=64)
    month: str | None = Field(default=None, pattern=MONTH.pattern)
    amount: int | None = Field(ge=0, le=MOST_VND)


LIST: TypeAdapter[list[GivenBudget]] = TypeAdapter(
    Annotated[list[GivenBudget], Field(max_length=MOST)]
)


def add_budgets(
    router: APIRouter,
    database: Database,
    registry: UnitRegistry,
    scope: Scope,
    wake: Any,
    unpriced: Sequence[str] = (),
) -> None:
    """Add the routes; ``unpriced`` are the ways out that have no price."""

    @router.get("/v1/budgets", tags=["budgets"])
    async def list_budgets(
        key: Annotated[Key, Depends(needs("notices:read"))],
        unit: str | None = None,
        month: str | None = None,
    ) -> dict[str, Any]:
        """What each unit with a budget may spend in a month (`YYYY-MM`, by default this one), what
        is spent or set aside of it, and how many notices wait for money, each counted where the
        least is left; ``unit`` includes what is below it. ``unpriced`` names the ways out without a
        price: their messages draw on no budget."""
        if month is not None:
            read_month(month, "month")
        units = scope.units(key, unit)
        async with database.transaction() as session:
            shown = await show_budgets(session, registry, units, month, clock.now())
        return shown | {"unpriced": list(unpriced)}

    @router.put("/v1/budgets", tags=["budgets"])
    async def put_budgets(
        request: Request, key: Annotated[Key, Depends(needs("admin"))]
    ) -> dict[str, int]:
        """Set budgets: a JSON list of ``unit``, ``month`` (absent: every month) and ``amount`` in
        VND (null: none), or CSV with these headings, in Vietnamese or English. Budgets that are not
        in it stay. What was held for want of money is looked at again."""
        body = await read_body(request, LIST_BYTES)
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        given = read_sheet(body, registry) if kind == "text/csv" else read_json(body)
        budgets = read_budgets(given, registry)
        if not all(scope.sees(key, unit) for unit, _ in budgets):
            raise Problem(403, "The key does not cover all of these units.")
        async with database.transaction() as session:
            await take_turn(session, "store")
            await store.put(session, budgets, key.name, clock.now())
        wake()
        return {"budgets": len(budgets)}


async def show_budgets(
    session: AsyncSession,
    registry: UnitRegistry,
    units: frozenset[str] | None,
    month: str | None,
    now: datetime,
) -> dict[str, Any]:
    """The budgets of a month as JSON."""
    month = month or rules.month_of(now)
    amounts = await store.amounts(session, month)
    used = await store.used(session, month)
    purse = Purse(registry)
    waiting: dict[str, int] = {}
    if month == rules.month_of(now):
        left = {
            unit: amount - (used[unit].used if unit in used else 0)
            for unit, amount in amounts.items()
        }
        for unit, count in (await store.held(session)).items():
            account = rules.tightest(purse.accounts(unit, amounts, now), left)
            waiting[account or unit] = waiting.get(account or unit, 0) + count
    rows = []
    for unit, amount in amounts.items():
        if units is not None and unit not in units:
            continue
        spent = used[unit].used if unit in used else 0
        rows.append(
            {
                "unit": unit,
                "unit_name": registry.name(unit),
                "month": month,
                "amount": amount,
                "used": spent,
                "left": max(0, amount - spent),
                "state": rules.state_of(spent, amount),
                "held": waiting.get(unit, 0),
                "warned_at": used[unit].warned_at if unit in used else None,
                "currency": "VND",
            }
        )
    return {"month": month, "budgets": rows}


def read_json(body: bytes) -> Any:
    """What a body of JSON says; raises ``Problem`` 400."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Problem(400, "Send a JSON list, or CSV as text/csv.") from None


def read_sheet(body: bytes, registry: UnitRegistry) -> list[dict[str, Any]]:
    """Budgets of a CSV file as the JSON list has them; raises ``Problem`` 422."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Problem(422, errors=[_fault("", "encoding", "Save the file as UTF-8.")]) from None
    lines = list(csv.reader(io.StringIO(text), delimiter=max(",;\t", key=text[:4000].count)))
    columns = [HEADINGS.get(cell.strip().lower()) for cell in lines[0]] if lines else []
    if not {"unit", "amount"} <= set(columns):
        raise Problem(422, errors=[_fault("/0", "heading", "Headings: unit, month, amount.")])
    found: list[dict[str, Any]] = []
    for line in lines[1:]:
        cells = {c: cell.strip() for c, cell in zip(columns, line, strict=False) if c}
        if not any(cells.values()):
            continue
        unit, amount = cells.get("unit", ""), cells.get("amount", "")
        digits = amount.replace(".", "").replace(" ", "").removesuffix("VND").strip()
        found.append(
            {
                "unit": unit if registry.known(unit) else registry.resolve(unit) or unit,
                "month": cells.get("month") or None,
                "amount": int(digits) if digits.isascii() and digits.isdigit() else digits or None,
            }
        )
    return found


def read_budgets(given: Any, registry: UnitRegistry) -> dict[tuple[str, str], int | None]:
    """(unit, month) -> VND; raises ``Problem`` 422 naming every fault, repeating nothing."""
    try:
        listed = LIST.validate_python(given)
    except ValidationError as fault:
        errors = [
            _fault("/" + "/".join(map(str, error["loc"])), str(error["type"]), str(error["msg"]))
            for error in fault.errors(include_input=False, include_url=False)
        ]
        raise Problem(422, errors=errors) from None
    errors = [
        _fault(f"/{n}/unit", "unknown_unit", "No such unit.")
        for n, each in enumerate(listed)
        if not registry.known(each.unit)
    ]
    if errors:
        raise Problem(422, errors=errors)
    return {(each.unit, each.month or rules.EVERY): each.amount for each in listed}


def _fault(pointer: str, code: str, message: str) -> dict[str, str]:
    return {"pointer": pointer, "code": code, "message": message}
