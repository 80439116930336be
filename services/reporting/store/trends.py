"""Figures by month, for pictures: running sums of a period, cut into months."""

from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting.store.figures import PLACE, Scope

_MONTHS = f"""
SELECT to_char(business_day, 'YYYY-MM') AS month, {PLACE} AS unit,
    sum(n) FILTER (WHERE measure = 'received') AS received,
    sum(n) FILTER (WHERE measure = 'received' AND channel = 'online') AS online,
    sum(n) FILTER (WHERE measure IN ('resolved_early', 'resolved_on_time')) AS on_time,
    sum(n) FILTER (WHERE measure = 'resolved_late') AS late
FROM daily f {{within}}
WHERE (measure = 'received' OR measure LIKE 'resolved%')
    AND business_day BETWEEN :first AND :last AND recorded_day <= :known
    AND (CAST(:field AS text) IS NULL OR f.field = :field)
GROUP BY 1, 2
ORDER BY 1, 2
"""
_LATE = f"""
SELECT {PLACE} AS unit, count(*) AS n, min(due_day) AS oldest
FROM overdue_spells f {{within}}
WHERE f.since <= :last AND f.until > :last AND known_from <= :known AND known_until > :known
    AND (CAST(:field AS text) IS NULL OR f.field = :field)
GROUP BY 1
"""


@dataclass(frozen=True, slots=True)
class Month:
    """What a unit received and finished in a month."""

    month: str
    unit: str
    received: int
    online: int
    on_time: int
    late: int


@dataclass(frozen=True, slots=True)
class Late:
    """How many dossiers of a unit are overdue, and the due day of the oldest."""

    unit: str
    dossiers: int
    oldest: date


async def months(session: AsyncSession, scope: Scope) -> list[Month]:
    """By month and unit; months in which nothing happened are left out."""
    query = _MONTHS.format(within=scope.within("era"))
    asked = scope.parameters("first", "last", "known", "field")
    rows = await session.execute(sa.text(query), asked)
    found = [
        Month(
            row.month,
            row.unit,
            *(int(each or 0) for each in (row.received, row.online, row.on_time, row.late)),
        )
        for row in rows
    ]
    return [one for one in found if one.received or one.on_time or one.late]


async def late(session: AsyncSession, scope: Scope) -> list[Late]:
    """Which units have dossiers that are overdue at the end of the scope's last day; most first."""
    query = _LATE.format(within=scope.within("era"))
    asked = scope.parameters("last", "known", "field")
    rows = await session.execute(sa.text(query), asked)
    found = [Late(row.unit, row.n, row.oldest) for row in rows]
    return sorted(found, key=lambda one: (-one.dossiers, one.oldest, one.unit))
