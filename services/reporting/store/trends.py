"""Figures by month, for pictures: running sums of a period, cut into months."""

from collections import Counter
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting.store import dossier_sums
from services.reporting.store.figures import OF_FIELD, OPEN_SPELL
from services.reporting.store.scope import PLACE, SPANS, Scope

_OLDEST = f"""
SELECT place, min(due_day) AS oldest FROM (
    SELECT s.place, o.due_day FROM {SPANS} CROSS JOIN LATERAL (
        SELECT f.due_day FROM overdue_spells f
        WHERE f.unit = s.unit AND f.era >= s.since AND f.era < s.until AND {OPEN_SPELL}
            AND f.since <= :last AND f.known_from <= :known AND {OF_FIELD}
        ORDER BY f.due_day LIMIT 1
    ) o
    UNION ALL
    SELECT {PLACE}, f.due_day FROM overdue_spells f {{within}}
    WHERE daterange(f.since, f.until) @> CAST(:last AS date)
        AND daterange(f.known_from, f.known_until) @> CAST(:known AS date)
        AND NOT ({OPEN_SPELL}) AND {OF_FIELD}
) f
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
    found = [
        Month(
            month,
            place.unit,
            sums["received_online"] + sums["received_counter_post"],
            sums["received_online"],
            sums["resolved_early"] + sums["resolved_on_time"],
            sums["resolved_late"],
        )
        for (month, place), sums in sorted((await dossier_sums.by_month(session, scope)).items())
    ]
    return [one for one in found if one.received or one.on_time or one.late]


async def late(session: AsyncSession, scope: Scope) -> list[Late]:
    """Which units have dossiers that are overdue at the end of the scope's last day; most first."""
    sums = await dossier_sums.dossier_sums(session, scope, ["unit"])
    counts: Counter[str] = Counter()
    for (place,), one in sums:
        counts[place.unit] += one.overdue
    query = _OLDEST.format(within=scope.within("era"))
    rows = await session.execute(sa.text(query), scope.parameters("last", "known", "field"))
    found = [Late(row.place, counts[row.place], row.oldest) for row in rows]
    return sorted(found, key=lambda one: (-one.dossiers, one.oldest, one.unit))
