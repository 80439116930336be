"""Months are closed for payment."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from services.quota import rules, store
from services.quota.handlers.recounts import RUNNING
from services.quota.rules import History
from shared import clock
from shared.amount_words import dong_in_words
from shared.db import Database, take_turn
from shared.units import UnitRegistry


class OutOfTurn(ValueError):
    """A month that cannot be closed: it is not over, or a later one is closed already."""


@dataclass(frozen=True, slots=True)
class Closed:
    """A closed month, and whether it was closed just now."""

    run: int
    changed: bool


async def close_month(database: Database, plan: str, month: str, by: str) -> Closed:
    """Close a month: everything booked for events up to its end that no run pays yet.

    A month that was closed before stays as it is. What is booked later for it lands in the next
    one, as a correction.

    Raises:
        OutOfTurn: the month is not over, a later one is closed, or the plan is being counted anew.
    """
    end = month_end(month)
    if clock.today() <= end:
        raise OutOfTurn("month_not_over")
    async with database.transaction() as session:
        await take_turn(session, "store")
        known = await store.runs(session, plan, limit=10_000)
        same = next((row for row in known if row.month == month), None)
        if same is not None:
            return Closed(same.id, False)
        if any(row.month > month for row in known):
            raise OutOfTurn("later_month_closed")
        if any(row.plan == plan and row.state in RUNNING for row in await store.tallies(session)):
            raise OutOfTurn("counting_anew")
        run = await store.add_run(session, plan, month, by, clock.now())
        before = clock.start_of(end + timedelta(days=1))
        await store.fill_run(session, run, plan, before)
    return Closed(run, True)


def month_end(month: str) -> date:
    """The last day of a month YYYY-MM."""
    year, number = int(month[:4]), int(month[5:7])
    return date(year + number // 12, number % 12 + 1, 1) - timedelta(days=1)


async def list_runs(
    session: AsyncSession,
    plan: str | None,
    after: int,
    limit: int,
    allowed: Callable[[str], bool],
) -> list[dict[str, Any]]:
    """Closed months with what they come to in the units that the caller may see."""
    rows = await store.runs(session, plan, after, limit)
    sums: dict[int, list[int]] = {}
    for line in await store.run_lines(session, [row.id for row in rows]):
        if allowed(line.unit):
            sums.setdefault(line.run_id, []).append(line.amount)
    return [_head(row) | _total(sums.get(row.id, [])) for row in rows]


def _head(row: Any) -> dict[str, Any]:
    return {
        "run": row.id,
        "plan": row.plan,
        "month": row.month,
        "closed_by": row.closed_by,
        "closed_at": row.closed_at,
    }


def _total(amounts: Sequence[int]) -> dict[str, Any]:
    installs = sum(1 if amount > 0 else -1 for amount in amounts)
    return {"installs": installs, "amount": sum(amounts)}


async def show_run(
    session: AsyncSession,
    run: int,
    histories: dict[str, History],
    registry: UnitRegistry,
    allowed: Callable[[str], bool],
) -> dict[str, Any] | None:
    """Who is paid what for which installs; None where there is no such run."""
    head = await store.find_run(session, run)
    if head is None:
        return None
    lines = [line for line in await store.run_lines(session, [run]) if allowed(line.unit)]
    end = month_end(head.month)
    codes = sorted({line.installer for line in lines if line.installer})
    names = {row.code: row.name for row in await store.people(session, codes=codes)}
    names |= {row.code: row.name for row in await store.people(session, at=end, codes=codes)}
    history = histories.get(head.plan)
    payments: dict[tuple[str, str | None], dict[str, Any]] = {}
    for line in lines:
        payee = None if _pays_unit(history, line) else line.installer
        unit_name = registry.name(line.unit, line.occurred_at)
        row = payments.setdefault(
            (line.unit, payee),
            {
                "unit": line.unit,
                "unit_name": unit_name,
                "installer": payee,
                "name": (names.get(payee) if payee else unit_name),
                "installs": 0,
                "amount": 0,
                "currency": line.currency,
            },
        )
        row["installs"] += 1 if line.amount > 0 else -1
        row["amount"] += line.amount
    total = _total([line.amount for line in lines])
    return _head(head) | {
        "title": history.newest.plan.title if history else head.plan,
        "payments": list(payments.values()),
        "lines": [_line(line) for line in lines],
        "total": total | {"amount_in_words": dong_in_words(total["amount"])},
    }


def _pays_unit(history: History | None, line: Any) -> bool:
    version = history.at(line.occurred_at) if history else None
    made = version.plan.indicators.get(line.indicator) if version else None
    return bool(made and made.stipend and made.stipend.to == "unit")


def _line(line: Any) -> dict[str, Any]:
    return {
        "indicator": line.indicator,
        "unit": line.unit,
        "installer": line.installer,
        "source": line.source,
        "id": line.event_id,
        "occurred_at": line.occurred_at.astimezone(clock.VN).isoformat(),
        "amount": line.amount,
        "currency": line.currency,
        "kind": "paid" if line.amount > 0 else "correction",
    }


async def unassigned(
    session: AsyncSession, history: History, registry: UnitRegistry
) -> list[dict[str, Any]]:
    """The units of a plan that pays for installs, with how many people are assigned to each."""
    today = min(max(clock.today(), history.newest.plan.runs.from_), history.newest.plan.runs.to)
    entries = [
        rules.Person(row.code, row.name, row.role, row.unit, row.valid_from, row.valid_to)
        for row in await store.people(session, rules.INSTALLER, today)
    ]
    rows = []
    plan = history.newest.plan
    for name, made in plan.indicators.items():
        if made.stipend is None:
            continue
        for unit in plan.target_units(name):
            assigned = sum(rules.serves(each, unit, registry, today) for each in entries)
            bound = plan.target_for(name, unit, plan.runs.from_)
            rows.append(
                {
                    "plan": plan.plan,
                    "indicator": name,
                    "unit": unit,
                    "unit_name": registry.name(unit, today),
                    "target": int(bound.value) if bound else None,
                    "assigned": assigned,
                    "state": "assigned" if assigned else "unassigned",
                }
            )
    return rows
