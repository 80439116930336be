"""Answers how far units are."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import cache
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from services.quota import rules, store
from services.quota.rules import MISSING, Cell, History, Owned, Stand
from shared import clock
from shared.db import Database
from shared.units import UnitRegistry
from shared.working_days import working_days

ByUnit = dict[str, dict[tuple[str, str], int]]

SLICE = 1000
"""Rows that are made in one go."""


@dataclass(frozen=True, slots=True)
class Question:
    """Which rows of a plan's progress are asked for, and as seen on which day.

    Args:
        history: the plan in all its versions.
        indicator: only this one.
        allowed: which units are asked for; all without it.
        as_of: by what had been received up to the end of that day.
        period: only this one.
        state: only rows in this state.
        today: the present day, where it is not the clock's.
    """

    history: History
    registry: UnitRegistry
    indicator: str | None = None
    allowed: Callable[[str], bool] | None = None
    as_of: date | None = None
    period: str | None = None
    state: str | None = None
    today: date | None = None


@dataclass(frozen=True, slots=True)
class Slice:
    """The rows of one indicator and period, for some units: not made yet."""

    indicator: str
    owned: Owned
    units: list[str]


class Walk:
    """Makes the rows of a plan's progress, some at a time and always in the same order."""

    def __init__(self, asked: Question) -> None:
        today = asked.today or clock.today()
        self.asked, self.today = asked, min(asked.as_of or today, today)
        history = asked.history
        self.names = [each for each in history.indicators() if asked.indicator in (None, each)]
        self.may = None if asked.allowed is None else cache(asked.allowed)

    def slices(self) -> Iterator[Slice]:
        """Everything asked for, in the order of the rows."""
        for name in self.names:
            shown: dict[int, list[str]] = {}
            for one in rules.owned_periods(self.asked.history, name, self.today):
                if self.asked.period not in (None, one.period):
                    continue
                number = one.version.number
                if number not in shown:
                    every = one.version.plan.result_units(name)
                    shown[number] = [u for u in every if self.may is None or self.may(u)]
                units = shown[number]
                for start in range(0, len(units), SLICE):
                    yield Slice(name, one, units[start : start + SLICE])

    def most(self) -> int:
        """How many rows there may be; never fewer than there are."""
        return sum(len(each.units) for each in self.slices())

    async def sums(self, session: AsyncSession, names: Sequence[str]) -> dict[str, ByUnit]:
        """What the rows of some indicators are made of, in one statement; from counters only."""
        units = None
        if self.may is not None:
            units = _reached(self.asked.history, names, self.asked.registry, self.may)
        name, as_of = self.asked.history.name, self.asked.as_of
        found: dict[str, ByUnit] = {}
        for row in await store.totals(session, name, names, units, as_of):
            by_unit = found.setdefault(row.indicator, {})
            by_unit.setdefault(row.unit, {})[row.part, row.period] = row.n
        return found

    def existing(self, part: Slice) -> list[str]:
        """The units of a slice that there are in its period."""
        registry = self.asked.registry
        return [unit for unit in part.units if rules.exists(registry, unit, part.owned)]

    def rows(self, part: Slice, sums: ByUnit, units: Iterable[str]) -> list[dict[str, Any]]:
        """The rows of a slice for these units."""
        one, name, registry = part.owned, part.indicator, self.asked.registry
        ended = self.today > one.end
        pace = rules.pace_of(one.start, one.end, self.today, working_days())
        found = []
        for unit in units:
            mine = sums.get(unit, {})
            cell = rules.add_up(one.version.plan, one.made, mine, rules.reported(mine), one.period)
            stand = rules.stand_of(one, name, unit, cell, pace, ended)
            if self.asked.state not in (None, stand.state):
                continue
            row = _row(one, name, unit, cell, stand)
            row["unit_name"] = registry.name(unit, one.start)
            row["missing_unit"] = _missing(one, unit, sums, registry)
            found.append(row | {"as_of": self.today.isoformat()})
        return found


async def progress(
    session: AsyncSession,
    history: History,
    registry: UnitRegistry,
    indicator: str | None = None,
    today: date | None = None,
) -> list[dict[str, Any]]:
    """How far every unit of a plan is, per indicator and period; from counters only."""
    asked = Question(history, registry, indicator, today=today)
    return await progress_of(session, Walk(asked))


async def progress_of(session: AsyncSession, walk: Walk) -> list[dict[str, Any]]:
    """The rows that somebody asks for, all of one moment."""
    sums = await walk.sums(session, walk.names)
    rows: list[dict[str, Any]] = []
    for part in walk.slices():
        mine = sums.get(part.indicator, {})
        rows += await asyncio.to_thread(walk.rows, part, mine, walk.existing(part))
    return rows


async def stream_progress(
    database: Database, asked: Sequence[Question], passed: int = 0
) -> AsyncIterator[list[dict[str, Any]]]:
    """The rows of some plans a slice at a time, where there are too many to be held: one
    indicator's counters are in memory, and no transaction is open while somebody reads. Each
    indicator is of one moment.

    ``passed`` rows are passed over; without a ``state`` they are not even made.
    """
    for each in asked:
        walk = Walk(each)
        at = None
        sums: ByUnit = {}
        for part in walk.slices():
            units = await asyncio.to_thread(walk.existing, part)
            if each.state is None:
                skipped = min(passed, len(units))
                passed, units = passed - skipped, units[skipped:]
            if not units:
                continue
            if part.indicator != at:
                at, sums = part.indicator, {}
                async with database.transaction() as session:
                    sums = (await walk.sums(session, [at])).get(at, {})
            rows = await asyncio.to_thread(walk.rows, part, sums, units)
            if each.state is not None:
                skipped = min(passed, len(rows))
                passed, rows = passed - skipped, rows[skipped:]
            if rows:
                yield rows


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
