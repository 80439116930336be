"""What reports read: installs, reasons, filings."""

from datetime import date, datetime
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting.rules import Filed, Install, Place
from services.reporting.store.planner import in_order
from services.reporting.store.scope import PLACE, STANDS, Scope
from services.reporting.store.successes import success

_INSTALL_GROUPS = {
    "unit": PLACE,
    "month": "to_char(f.day, 'YYYY-MM')",
    "place": "f.place",
    "installer": "f.installer",
}
_INSTALLS = """
WITH seen AS (
    SELECT {group} AS "group", {borne} AS borne, f.citizen,
        count(*) AS installs, count(*) FILTER (WHERE f.succeeded) AS succeeded
    FROM installs f {within} LEFT JOIN voids v ON v.target = f.uid
    WHERE f.day BETWEEN :first AND :last AND {stands}
    GROUP BY 1, 2, 3
)
SELECT * FROM (
    SELECT FALSE AS whole, "group", borne, sum(installs)::bigint, sum(succeeded)::bigint,
        count(citizen)
    FROM seen GROUP BY "group", borne
    UNION ALL
    SELECT TRUE, null, null, coalesce(sum(installs), 0)::bigint,
        coalesce(sum(succeeded), 0)::bigint,
        (SELECT count(*) FROM (SELECT DISTINCT citizen FROM seen) c WHERE citizen IS NOT NULL)
    FROM seen
) counts
ORDER BY whole, "group" COLLATE "C", borne
"""
_SUCCESSES = sa.text(f"""
SELECT f.* FROM installs f LEFT JOIN voids v ON v.target = f.uid
WHERE f.succeeded AND f.day BETWEEN :first AND :last AND {STANDS}
""")
_REASONS = f"""
SELECT {PLACE} AS place, s.borne, domain, mode, to_char(business_day, 'YYYY-"Q"Q') AS quarter,
    item, reason, sum(n)::bigint AS n
FROM reasons f {{within}}
WHERE business_day BETWEEN :first AND :last AND recorded_day <= :known
    AND (CAST(:domain AS text) IS NULL OR domain = :domain)
GROUP BY 1, 2, 3, 4, 5, 6, 7
HAVING sum(n) <> 0
ORDER BY {PLACE} COLLATE "C", 2, domain, mode, quarter, item COLLATE "C", n DESC, reason COLLATE "C"
"""
_FILINGS = sa.text(f"""
SELECT f.type, f.time, f.source, f.event_id, f.unit, f.data
FROM filings f LEFT JOIN voids v ON v.target = f.uid
WHERE {STANDS}
ORDER BY f.time, f.source COLLATE "C", f.event_id COLLATE "C"
""")
_HOLD_STILL = sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
_FRESHNESS = sa.text("SELECT received_at FROM freshness")


async def hold_still(session: AsyncSession) -> None:
    """Have every query of the transaction see the same moment; must come first in it.

    What was read once need not be read again then: `session.info` holds it under `kept`.
    """
    await session.execute(_HOLD_STILL)
    session.info["kept"] = {}


Counts = tuple[int, int, int]
"""Attempts, successes, different citizens."""


async def install_counts(
    session: AsyncSession, scope: Scope, by: str
) -> tuple[list[tuple[Any, Counts]], Counts]:
    """Installs by unit (a `Place`), month, place or installer; and of them all."""
    query = _INSTALLS.format(
        group=_INSTALL_GROUPS[by],
        borne="s.borne" if by == "unit" else "CAST(null AS date)",
        stands=STANDS,
        within=scope.within("day"),
    )
    asked = scope.parameters("first", "last", "known")
    async with in_order(session):
        *rows, whole = (await session.execute(sa.text(query), asked)).all()
    groups = [
        (Place(group, borne) if by == "unit" else group, tuple(counts))
        for _, group, borne, *counts in rows
    ]
    _, _, _, *total = whole
    return groups, tuple(total)


async def successes(session: AsyncSession, first: date, last: date, known: date) -> list[Install]:
    """Every standing success of some days, at whatever unit."""
    asked = {"first": first, "last": last, "known": known}
    return [success(row) for row in await session.execute(_SUCCESSES, asked)]


async def reasons(
    session: AsyncSession, scope: Scope, domain: str | None
) -> list[tuple[tuple[Place, str, str, str, str, str], int]]:
    """How often each reason was chosen, by (unit, domain, mode, quarter, item, reason)."""
    query = sa.text(_REASONS.format(within=scope.within("business_day")))
    asked = scope.parameters("first", "last", "known") | {"domain": domain}
    return [
        (
            (
                Place(row.place, row.borne),
                row.domain,
                row.mode,
                row.quarter,
                row.item,
                row.reason,
            ),
            row.n,
        )
        for row in await session.execute(query, asked)
    ]


async def filings(session: AsyncSession, known: date) -> list[Filed]:
    """Every standing filing, in the order of events."""
    return [
        Filed(
            type=row.type,
            order=(row.time, row.source, row.event_id),
            unit=row.unit,
            data=orjson.loads(row.data) if isinstance(row.data, str | bytes) else row.data,
        )
        for row in await session.execute(_FILINGS, {"known": known})
    ]


async def freshness(session: AsyncSession) -> datetime | None:
    """Until when events were applied; null before the first."""
    return await session.scalar(_FRESHNESS)
