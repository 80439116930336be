"""What reports read about teams: activities and difficulties."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting.rules import Place
from services.reporting.store.scope import PLACE, STANDS, Scope

ACTIVITY_GROUPS = {
    "unit": PLACE,
    "team": "f.team",
    "member": "f.member",
    "day": "to_char(f.day, 'YYYY-MM-DD')",
    "month": "to_char(f.day, 'YYYY-MM')",
}
_ACTIVITIES = """
SELECT {group} AS "group", {borne} AS borne, f.kind, count(*) AS activities,
    sum(f.people)::bigint AS people, count(DISTINCT f.member) AS members
FROM activities f {within} LEFT JOIN voids v ON v.target = f.uid
WHERE f.day BETWEEN :first AND :last AND {stands}
GROUP BY 1, 2, 3 ORDER BY {group} COLLATE "C", 2, 3
"""
_DIFFICULTIES = f"""
SELECT f.difficulty, f.unit, f.day, f.category, f.text, f.resolved, f.time
FROM difficulties f LEFT JOIN voids v ON v.target = f.uid
WHERE f.day <= :last AND {STANDS}
    AND f.difficulty IN (SELECT f.difficulty FROM difficulties f {{within}} WHERE f.day <= :last)
ORDER BY f.time, f.source COLLATE "C", f.event_id COLLATE "C"
"""


async def activities(session: AsyncSession, scope: Scope, by: str) -> list[tuple[Any, ...]]:
    """(group, kind, activities, people, members) of a period; units as a `Place`."""
    query = _ACTIVITIES.format(
        group=ACTIVITY_GROUPS[by],
        borne="s.borne" if by == "unit" else "CAST(null AS date)",
        stands=STANDS,
        within=scope.within("day"),
    )
    rows = await session.execute(sa.text(query), scope.parameters("first", "last", "known"))
    return [
        (Place(group, borne) if by == "unit" else group, *figures)
        for group, borne, *figures in rows
    ]


async def difficulties(session: AsyncSession, scope: Scope) -> list[Any]:
    """What was said up to the last day of difficulties that units of the scope spoke of, in the
    order of events."""
    query = sa.text(_DIFFICULTIES.format(within=scope.within("day")))
    return list((await session.execute(query, scope.parameters("last", "known"))).all())
