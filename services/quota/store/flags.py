"""Queries about installs that look odd."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

INSTALLS = (
    "SELECT m.plan, m.indicator, f.uid, f.source, f.event_id, f.occurred_at,"
    " f.data ->> 'unit' AS unit, f.data ->> 'installer' AS installer,"
    " f.data ->> 'device' AS device, f.data ->> 'citizen' AS citizen"
    " FROM memberships m JOIN facts f ON f.uid = m.uid LEFT JOIN voids v ON v.uid = f.uid"
    " WHERE m.plan = :plan AND m.part = 'of' AND m.indicator = ANY(:indicators)"
    " AND v.uid IS NULL AND f.data ? 'installer'"
)


async def several_devices(session: AsyncSession, plan: str, indicators: list[str]) -> list[Any]:
    """Installs of citizens who are seen on more than one device, with how many those are."""
    rows = await session.execute(
        sa.text(
            f"WITH i AS ({INSTALLS}), c AS (SELECT indicator, citizen,"
            " count(DISTINCT device) AS devices FROM i WHERE citizen IS NOT NULL"
            " GROUP BY indicator, citizen HAVING count(DISTINCT device) > 1)"
            " SELECT i.*, c.devices AS n FROM i JOIN c USING (indicator, citizen)"
            " ORDER BY i.indicator, i.citizen, i.occurred_at, i.source, i.event_id"
        ),
        {"plan": plan, "indicators": indicators},
    )
    return list(rows.all())


async def bursts(
    session: AsyncSession, plan: str, indicators: list[str], installs: int, minutes: int
) -> list[Any]:
    """Installs after which their installer had made more than ``installs`` within ``minutes``."""
    rows = await session.execute(
        sa.text(
            f"WITH i AS ({INSTALLS}), w AS (SELECT *, count(*) OVER ("
            " PARTITION BY indicator, installer ORDER BY occurred_at"
            " RANGE BETWEEN make_interval(mins => :minutes) PRECEDING AND CURRENT ROW) AS n"
            " FROM i) SELECT * FROM w WHERE n > :installs"
            " ORDER BY indicator, installer, occurred_at, source, event_id"
        ),
        {"plan": plan, "indicators": indicators, "installs": installs, "minutes": minutes},
    )
    return list(rows.all())


async def without_dossier(session: AsyncSession, plan: str, indicators: list[str]) -> list[Any]:
    """Installs with a citizen, and the units with which that citizen has a dossier."""
    rows = await session.execute(
        sa.text(
            f"WITH i AS ({INSTALLS}) SELECT i.*, (SELECT coalesce(array_agg(DISTINCT u.unit), '{{}}')"
            " FROM facts d LEFT JOIN voids v ON v.uid = d.uid CROSS JOIN LATERAL (VALUES"
            " (d.data ->> 'unit'), (d.data ->> 'credited_unit')) AS u(unit)"
            " WHERE d.data ->> 'citizen' = i.citizen AND v.uid IS NULL AND u.unit IS NOT NULL"
            " AND d.type = 'motcua.dossier.submitted.v1') AS filed_with"
            " FROM i WHERE i.citizen IS NOT NULL"
            " ORDER BY i.indicator, i.occurred_at, i.source, i.event_id"
        ),
        {"plan": plan, "indicators": indicators},
    )
    return list(rows.all())
