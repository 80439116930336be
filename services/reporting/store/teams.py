"""What reports read about teams: activities and difficulties."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting.store.figures import STANDS, WITHIN, Scope

ACTIVITY_GROUPS = {
    "unit": "f.unit",
    "team": "f.team",
    "member": "f.member",
    "day": "to_char(f.day, 'YYYY-MM-DD')",
    "month": "to_char(f.day, 'YYYY-MM')",
}
_ACTIVITIES = """
SELECT {group} AS "group", f.kind, count(*) AS activities, sum(f.people)::bigint AS people,
    count(DISTINCT f.member) AS members
FROM activities f LEFT JOIN voids v ON v.target = f.uid
WHERE f.day BETWEEN :first AND :last AND {stands} AND {within}
GROUP BY 1, 2 ORDER BY 1, 2
"""
_DIFFICULTIES = sa.text(f"""
SELECT f.difficulty, f.unit, f.category, f.text, f.resolved, f.time
FROM difficulties f LEFT JOIN voids v ON v.target = f.uid
WHERE f.day <= :last AND {STANDS} AND {WITHIN.format(column="f.unit")}
ORDER BY f.time, f.source COLLATE "C", f.event_id COLLATE "C"
""")


async def activities(session: AsyncSession, scope: Scope, by: str) -> list[sa.Row]:
    """(group, kind, activities, people, members) of a period."""
    query = _ACTIVITIES.format(
        group=ACTIVITY_GROUPS[by], stands=STANDS, within=WITHIN.format(column="f.unit")
    )
    return list((await session.execute(sa.text(query), scope.parameters())).all())


async def difficulties(session: AsyncSession, scope: Scope) -> list[Any]:
    """What was said of difficulties up to the last day, in the order of events."""
    asked = scope.parameters()
    del asked["first"]
    return list((await session.execute(_DIFFICULTIES, asked)).all())
