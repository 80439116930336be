"""Queries about what was known of results on which day, as it was announced."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.quota.store.batches import insert

Added = dict[str, dict[tuple[str, str], dict[date, int]]]
"""unit -> (part, period of storage) -> recorded day -> how much more."""
Told = dict[tuple[str, str], dict[date, tuple[int, int | None]]]
"""(unit, period) -> recorded day -> numerator and denominator."""
ResultDay = tuple[str, str, str, str, date, int, int | None]
"""(plan, indicator, unit, period, recorded day, numerator, denominator)."""

_SUMS = sa.text(
    "SELECT unit, sum(hashtextextended(concat_ws(' ', part, period, rday, n), 0)::numeric)::text AS digest"
    " FROM counters WHERE plan = :plan AND indicator = :indicator AND n <> 0 GROUP BY unit"
)
_MARKS = sa.text(
    "SELECT unit, mark FROM result_marks WHERE plan = :plan AND indicator = :indicator"
)
_ADDED = sa.text(
    "SELECT unit, part, period, rday, n FROM counters WHERE plan = :plan"
    " AND indicator = :indicator AND unit = ANY(:units) AND n <> 0"
)
_TOLD = sa.text(
    "SELECT unit, period, rday, numerator, denominator FROM result_days WHERE plan = :plan"
    " AND indicator = :indicator AND unit = ANY(:units)"
)


async def digests(session: AsyncSession, plan: str, indicator: str) -> dict[str, str]:
    """Unit -> what stands for all its counts of an indicator; `plan` is the name of the counts."""
    rows = await session.execute(_SUMS, {"plan": plan, "indicator": indicator})
    return {row.unit: row.digest for row in rows}


async def marks(session: AsyncSession, plan: str, indicator: str) -> dict[str, str]:
    """Unit -> by which counts its days were announced."""
    rows = await session.execute(_MARKS, {"plan": plan, "indicator": indicator})
    return {row.unit: row.mark for row in rows}


async def put_marks(
    session: AsyncSession, plan: str, indicator: str, new: Mapping[str, str]
) -> None:
    """Note by which counts the days of some units were announced."""
    types = {"plan": "text", "indicator": "text", "unit": "text", "mark": "text"}
    rows = [(plan, indicator, unit, mark) for unit, mark in sorted(new.items())]
    after = "ON CONFLICT (plan, indicator, unit) DO UPDATE SET mark = excluded.mark"
    await insert(session, "result_marks", types, rows, after)


async def added_by_day(
    session: AsyncSession, plan: str, indicator: str, units: Collection[str]
) -> Added:
    """What was recorded of some units, by day; `plan` is the name of the counts."""
    found: Added = {}
    asked = {"plan": plan, "indicator": indicator, "units": sorted(units)}
    for unit, part, period, rday, n in await session.execute(_ADDED, asked):
        found.setdefault(unit, {}).setdefault((part, period), {})[rday] = n
    return found


async def told_days(
    session: AsyncSession, plan: str, indicator: str, units: Collection[str]
) -> Told:
    """What was announced of some units."""
    found: Told = {}
    asked = {"plan": plan, "indicator": indicator, "units": sorted(units)}
    for unit, period, rday, *figures in await session.execute(_TOLD, asked):
        found.setdefault((unit, period), {})[rday] = (figures[0], figures[1])
    return found


async def put_days(session: AsyncSession, rows: Sequence[ResultDay]) -> None:
    """Note what is announced."""
    types = {
        "plan": "text", "indicator": "text", "unit": "text", "period": "text", "rday": "date",
        "numerator": "bigint", "denominator": "bigint",
    }  # fmt: skip
    await insert(
        session,
        "result_days",
        types,
        sorted(rows, key=lambda row: row[:5]),
        "ON CONFLICT (plan, indicator, unit, period, rday) DO UPDATE SET"
        " numerator = excluded.numerator, denominator = excluded.denominator",
    )
