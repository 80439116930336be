"""Budgets, and what attempts have set aside or spent of them: counted exactly, whoever claims."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

AMOUNTS = sa.text(
    "SELECT DISTINCT ON (unit) unit, amount FROM budgets WHERE month IN ('', :month)"
    " ORDER BY unit, month DESC"
)
OPEN = sa.text(
    "INSERT INTO budget_months (unit, month) SELECT u, :month FROM unnest(CAST(:units AS text[]))"
    " AS r(u) ORDER BY u ON CONFLICT DO NOTHING"
)
USED = "SELECT unit, month, used, warned_at FROM budget_months WHERE {} ORDER BY unit, month"
LOCKED = sa.text(
    USED.format("month = :month AND unit = ANY(CAST(:units AS text[]))") + " FOR UPDATE"
)
SEEN = sa.text(USED.format("month = :month"))
ADD = sa.text(
    "UPDATE budget_months b SET used = b.used + r.vnd FROM (SELECT unit, month, sum(vnd) AS vnd"
    " FROM unnest(CAST(:units AS text[]), CAST(:months AS text[]), CAST(:vnds AS bigint[]))"
    " AS r(unit, month, vnd) GROUP BY 1, 2) AS r"
    " WHERE b.unit = r.unit AND b.month = r.month"
)
RESERVE = sa.text(
    "UPDATE attempts a SET reserved = r.vnd, budget = r.unit, budget_month = :month,"
    " budgets_above = CASE WHEN r.above = '' THEN NULL ELSE string_to_array(r.above, chr(10)) END"
    " FROM unnest(CAST(:ids AS uuid[]), CAST(:numbers AS integer[]), CAST(:vnds AS bigint[]),"
    " CAST(:units AS text[]), CAST(:aboves AS text[])) AS r(id, number, vnd, unit, above)"
    " WHERE a.notice = r.id AND a.number = r.number"
)
RESERVED = sa.text(
    "SELECT a.notice, a.number, a.reserved, a.budget, a.budgets_above, a.budget_month FROM unnest("
    " CAST(:ids AS uuid[]), CAST(:numbers AS integer[])) AS r(id, number)"
    " JOIN attempts a ON a.notice = r.id AND a.number = r.number"
    " WHERE a.budget IS NOT NULL ORDER BY a.notice, a.number FOR UPDATE OF a"
)
LOCK_MONTHS = sa.text(
    "SELECT b.unit FROM budget_months b JOIN (SELECT DISTINCT u, m FROM unnest("
    " CAST(:units AS text[]), CAST(:months AS text[])) AS r(u, m)) AS r"
    " ON b.unit = r.u AND b.month = r.m ORDER BY b.unit, b.month FOR UPDATE OF b"
)
WARNED = sa.text(
    "UPDATE budget_months SET warned_at = :now WHERE month = :month AND unit = :unit"
    " AND warned_at IS NULL RETURNING unit"
)
HELD = sa.text(
    "SELECT unit, count(*) AS n FROM notices WHERE reason = 'budget'"
    " AND state IN ('ready', 'retrying') GROUP BY unit"
)
RECONSIDER = sa.text(
    "UPDATE notices SET next_at = :now WHERE reason = 'budget' AND state IN ('ready', 'retrying')"
)
PUT = sa.text(
    "INSERT INTO budgets (unit, month, amount, key_name, changed_at)"
    " SELECT u, m, a, :who, :now FROM unnest(CAST(:units AS text[]), CAST(:months AS text[]),"
    " CAST(:amounts AS bigint[])) AS r(u, m, a) ORDER BY u, m ON CONFLICT (unit, month)"
    " DO UPDATE SET amount = excluded.amount, key_name = excluded.key_name,"
    " changed_at = excluded.changed_at"
)
DROP = sa.text(
    "DELETE FROM budgets b USING unnest(CAST(:units AS text[]), CAST(:months AS text[]))"
    " AS r(u, m) WHERE b.unit = r.u AND b.month = r.m"
)


@dataclass(frozen=True, slots=True)
class Reserve:
    """VND that an attempt will cost, and the units on whose budgets it draws, nearest first."""

    notice: UUID
    number: int
    vnd: int
    units: tuple[str, ...]


async def amounts(session: AsyncSession, month: str) -> dict[str, int]:
    """VND that units may spend in a month."""
    rows = await session.execute(AMOUNTS, {"month": month})
    return {row.unit: row.amount for row in rows}


async def lock_used(session: AsyncSession, units: Collection[str], month: str) -> dict[str, int]:
    """What is spent or set aside of some units' budgets; nobody else adds to it until this
    transaction ends."""
    given = {"units": sorted(units), "month": month}
    await session.execute(OPEN, given)
    return {row.unit: row.used for row in await session.execute(LOCKED, given)}


async def used(session: AsyncSession, month: str) -> dict[str, sa.Row]:
    """(used, warned_at) of a month, by unit."""
    return {row.unit: row for row in await session.execute(SEEN, {"month": month})}


async def reserve(session: AsyncSession, attempts: Sequence[Reserve], month: str) -> None:
    """Set aside what attempts will cost, in each of their budgets."""
    if not attempts:
        return
    given = {
        "ids": [each.notice for each in attempts],
        "numbers": [each.number for each in attempts],
        "vnds": [each.vnd for each in attempts],
        "units": [each.units[0] for each in attempts],
        "aboves": ["\n".join(each.units[1:]) for each in attempts],
        "month": month,
    }
    await session.execute(RESERVE, given)
    drawn = [(unit, each.vnd) for each in attempts for unit in each.units]
    units, vnds = (list(column) for column in zip(*drawn, strict=True))
    await session.execute(ADD, {"units": units, "months": [month] * len(units), "vnds": vnds})


async def settle(session: AsyncSession, costs: Mapping[tuple[UUID, int], int | None]) -> None:
    """What attempts cost in the end, by (notice, number); null: not known, as it was set aside."""
    if not costs:
        return
    keys = sorted(costs)
    given = {"ids": [id for id, _ in keys], "numbers": [number for _, number in keys]}
    changes: dict[tuple[str, str], int] = {}
    kept: list[tuple[UUID, int, int]] = []
    for row in (await session.execute(RESERVED, given)).all():
        cost = costs[row.notice, row.number]
        if cost is not None and cost != row.reserved:
            for unit in (row.budget, *(row.budgets_above or ())):
                account = (unit, row.budget_month)
                changes[account] = changes.get(account, 0) + cost - row.reserved
            kept.append((row.notice, row.number, cost))
    if not kept:
        return
    accounts = sorted(changes)
    months = {"units": [unit for unit, _ in accounts], "months": [month for _, month in accounts]}
    await session.execute(LOCK_MONTHS, months)
    await session.execute(ADD, months | {"vnds": [changes[each] for each in accounts]})
    ids, numbers, vnds = (list(column) for column in zip(*kept, strict=True))
    await session.execute(KEEP, {"ids": ids, "numbers": numbers, "vnds": vnds})


KEEP = sa.text(
    "UPDATE attempts a SET reserved = r.vnd FROM unnest(CAST(:ids AS uuid[]),"
    " CAST(:numbers AS integer[]), CAST(:vnds AS bigint[])) AS r(id, number, vnd)"
    " WHERE a.notice = r.id AND a.number = r.number"
)


async def mark_warned(session: AsyncSession, unit: str, month: str, now: datetime) -> bool:
    """Record that a unit's officers are told; False where another has done it."""
    given = {"unit": unit, "month": month, "now": now}
    return await session.scalar(WARNED, given) is not None


async def held(session: AsyncSession) -> dict[str, int]:
    """How many notices wait for money, by their unit."""
    return {row.unit: row.n for row in await session.execute(HELD)}


async def put(
    session: AsyncSession, given: Mapping[tuple[str, str], int | None], who: str, now: datetime
) -> None:
    """Set budgets, (unit, month) -> VND; null takes one away. What waits is looked at again."""
    gone = [key for key, amount in given.items() if amount is None]
    kept = [(key, amount) for key, amount in given.items() if amount is not None]
    if gone:
        await session.execute(DROP, {"units": [u for u, _ in gone], "months": [m for _, m in gone]})
    if kept:
        rows = {
            "units": [unit for (unit, _), _ in kept],
            "months": [month for (_, month), _ in kept],
            "amounts": [amount for _, amount in kept],
        }
        await session.execute(PUT, rows | {"who": who, "now": now})
    await session.execute(RECONSIDER, {"now": now})
