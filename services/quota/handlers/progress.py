"""Answers how far units are."""

from collections.abc import Callable, Iterable
from datetime import date
from fractions import Fraction
from functools import cache
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from services.quota import rules, store
from services.quota.rules import MISSING, Cell, History, Owned, Stand
from shared import clock
from shared.units import UnitRegistry
from shared.working_days import working_days

ByUnit = dict[str, dict[tuple[str, str], int]]


async def progress(
    session: AsyncSession,
    history: History,
    registry: UnitRegistry,
    indicator: str | None = None,
    allowed: Callable[[str], bool] | None = None,
    as_of: date | None = None,
    period: str | None = None,
    today: date | None = None,
) -> list[dict[str, Any]]:
    """How far every unit of a plan is, per indicator and period; from counters only.

    Args:
        indicator: only this one.
        allowed: which units are asked for; all without it.
        period: only this one.
        as_of: by what had been received up to the end of that day.
        today: the present day, where it is not the clock's.
    """
    today = today or clock.today()
    today = min(as_of or today, today)
    names = [name for name in history.indicators() if indicator in (None, name)]
    may = None if allowed is None else cache(allowed)
    units = None if may is None else _reached(history, names, registry, may)
    sums: dict[str, ByUnit] = {}
    for row in await store.totals(session, history.name, names, units, as_of):
        by_unit = sums.setdefault(row.indicator, {})
        by_unit.setdefault(row.unit, {})[row.part, row.period] = row.n
    rows: list[dict[str, Any]] = []
    for name in names:
        mine = sums.get(name, {})
        owned = rules.owned_periods(history, name, today)
        given = {unit: rules.reported(of) for unit, of in mine.items()}
        shown: dict[int, list[str]] = {}
        for one in owned:
            if period not in (None, one.period):
                continue
            plan = one.version.plan
            ended = today > one.end
            pace = rules.pace_of(one.start, one.end, today, working_days())
            if one.version.number not in shown:
                every = plan.result_units(name)
                shown[one.version.number] = [unit for unit in every if may is None or may(unit)]
            for unit in shown[one.version.number]:
                if not rules.exists(registry, unit, one):
                    continue
                cell = rules.add_up(
                    plan, one.made, mine.get(unit, {}), given.get(unit, ()), one.period
                )
                stand = rules.stand_of(one, name, unit, cell, pace, ended)
                row = _row(one, name, unit, cell, stand)
                row["unit_name"] = registry.name(unit, one.start)
                row["missing_unit"] = _missing(one, unit, mine, registry)
                rows.append(row | {"as_of": today.isoformat()})
    return rows


def _reached(
    history: History,
    names: Iterable[str],
    registry: UnitRegistry,
    allowed: Callable[[str], bool],
) -> list[str]:
    """The units whose counts some rows are made of: their own, and the offices above them."""
    found: set[str] = set()
    for name in names:
        for version, made in history.variants(name):
            for unit in version.plan.result_units(name):
                if unit not in found and allowed(unit):
                    found.add(unit)
                    if made.by == "credited_unit":
                        for each in registry.versions(unit):
                            found.update(registry.ancestors(unit, each.valid_from))
    return sorted(found)


def _row(one: Owned, indicator: str, unit: str, cell: Cell, stand: Stand) -> dict[str, Any]:
    ratio = cell.denominator is not None
    actual: float | int | None = cell.numerator
    if cell.denominator is not None:
        actual = cell.numerator / cell.denominator if cell.denominator else None
    target = None
    if stand.bound is not None:
        target = float(stand.bound.value) if ratio else _whole(stand.bound.value)
    projection = rules.project(cell, one.made, stand.pace, stand.ended)
    return {
        "plan": one.version.plan.plan,
        "indicator": indicator,
        "unit": unit,
        "unit_name": unit,
        "period": one.period,
        "numerator": cell.numerator,
        "denominator": cell.denominator,
        "actual": actual,
        "target": target,
        "comparison": stand.bound.comparison if stand.bound else None,
        "state": stand.state,
        "projected": projection.value,
        "projected_low": projection.low,
        "projected_high": projection.high,
        "pace": round(float(stand.pace), 4),
        "opening": cell.opening,
        "missing_unit": 0,
        "version": one.version.judged_as,
    }


def _whole(value: Fraction) -> int | float:
    return int(value) if value.denominator == 1 else float(value)


def _missing(one: Owned, unit: str, sums: ByUnit, registry: UnitRegistry) -> int | None:
    """How many events in the offices above a unit name no unit to credit; null where none need."""
    if one.made.by != "credited_unit":
        return None
    offices: Iterable[str] = registry.ancestors(unit, one.start) or (unit,)
    periods = set(rules.stored_periods(one.made.period, (one.start, one.end)))
    return sum(
        n
        for office in offices
        for (part, period), n in sums.get(office, {}).items()
        if part == MISSING and period in periods
    )
