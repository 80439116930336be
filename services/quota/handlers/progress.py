"""Answers how far units are."""

from collections.abc import Sequence
from datetime import date
from fractions import Fraction
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from services.quota import rules, store
from services.quota.handlers.versions import Current
from services.quota.rules import OF, OVER, period_end, period_start, periods
from shared import clock
from shared.plans import Plan
from shared.units import UnitRegistry


async def progress(
    session: AsyncSession,
    current: Current,
    registry: UnitRegistry,
    indicator: str | None,
    as_of: date | None,
) -> list[dict[str, Any]]:
    """How far every unit of a plan is, per indicator and period; from counters only."""
    plan = current.plan
    sums = await store.totals(session, plan.plan, indicator, as_of)
    today = min(as_of or clock.today(), clock.today())
    rows = []
    for name, made in plan.indicators.items():
        if indicator not in (None, name):
            continue
        units: Sequence[str] = plan.target_units(name)
        if made.target.together:
            total = plan.total_unit(name)
            units = [total] if total else units
        for period in periods(plan, made.period, today):
            for unit in units:
                numerator = sums.get((name, OF, unit, period), 0)
                denominator = sums.get((name, OVER, unit, period), 0) if made.ratio else None
                rows.append(_row(plan, registry, name, unit, period, numerator, denominator, today))
    return rows


def _row(
    plan: Plan,
    registry: UnitRegistry,
    indicator: str,
    unit: str,
    period: str,
    numerator: int,
    denominator: int | None,
    today: date,
) -> dict[str, Any]:
    start = period_start(plan, period)
    end = period_end(plan, period)
    bound = plan.target_for(indicator, unit, start)
    ratio = denominator is not None
    ended = today > end
    length = Fraction((end - start).days + 1)
    pace = min(max(Fraction((today - start).days + 1) / length, Fraction(0)), Fraction(1))
    met = bound.met(numerator, denominator) if bound else None
    share = numerator / bound.value if bound and bound.value and not ratio else None
    if denominator is None:
        actual: float | int | None = numerator
        projected: float | int | None = rules.project(numerator, pace, ended)
    else:
        actual = numerator / denominator if denominator else None
        projected = actual
    target = None if bound is None else (float(bound.value) if ratio else _whole(bound.value))
    return {
        "plan": plan.plan,
        "indicator": indicator,
        "unit": unit,
        "unit_name": registry.name(unit, start),
        "period": period,
        "numerator": numerator,
        "denominator": denominator,
        "actual": actual,
        "target": target,
        "comparison": bound.comparison if bound else None,
        "state": rules.state(met, ratio=ratio, ended=ended, pace=pace, share=share),
        "projected": projected,
        "as_of": today.isoformat(),
    }


def _whole(value: Fraction) -> int | float:
    return int(value) if value.denominator == 1 else float(value)
