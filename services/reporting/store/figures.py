"""What reports read: sums of a period, installs, scores, overdue dossiers, filings."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting.rules import FOREVER, DossierSums, Filed, Install, Tally

LATEST = FOREVER - timedelta(days=1)
"""The recorded day that asks for all that is known now."""

STANDS = "f.rday <= :known AND (v.rday IS NULL OR v.rday > :known)"
WITHIN = "(CAST(:units AS text[]) IS NULL OR {column} = ANY(CAST(:units AS text[])))"
_SUMS = """
SELECT {groups},
    sum(n) FILTER (WHERE measure = 'received' AND business_day < :first) AS received_before,
    sum(n) FILTER (WHERE measure LIKE 'resolved%' AND business_day < :first) AS resolved_before,
    sum(n) FILTER (WHERE measure = 'received' AND business_day >= :first
        AND channel = 'online') AS received_online,
    sum(n) FILTER (WHERE measure = 'received' AND business_day >= :first
        AND channel <> 'online') AS received_counter_post,
    sum(n) FILTER (WHERE measure = 'resolved_early' AND business_day >= :first) AS resolved_early,
    sum(n) FILTER (WHERE measure = 'resolved_on_time' AND business_day >= :first)
        AS resolved_on_time,
    sum(n) FILTER (WHERE measure = 'resolved_late' AND business_day >= :first) AS resolved_late,
    sum(n) FILTER (WHERE measure = 'overdue') AS overdue
FROM daily
WHERE (measure IN ('received', 'overdue') OR measure LIKE 'resolved%')
    AND business_day <= :last AND recorded_day <= :known AND {within}
GROUP BY {groups}
ORDER BY {order}
"""
_GROUPS = frozenset({"unit", "field", "authority"})
_INSTALL_GROUPS = {
    "unit": "f.unit",
    "month": "to_char(f.day, 'YYYY-MM')",
    "place": "f.place",
    "installer": "f.installer",
}
_INSTALLS = """
SELECT {group} AS "group", count(*) AS installs, count(*) FILTER (WHERE f.succeeded) AS succeeded,
    count(DISTINCT f.citizen) AS distinct_citizens
FROM installs f LEFT JOIN voids v ON v.target = f.uid
WHERE f.day BETWEEN :first AND :last AND {stands} AND {within}
GROUP BY 1 ORDER BY {group} COLLATE "C"
"""
_SUCCESSES = sa.text(f"""
SELECT f.* FROM installs f LEFT JOIN voids v ON v.target = f.uid
WHERE f.succeeded AND f.day BETWEEN :first AND :last AND {STANDS}
""")
_SCORES = sa.text(f"""
SELECT unit, domain, mode, to_char(business_day, 'YYYY-"Q"Q') AS quarter, item,
    sum(n) AS n, sum(scored) AS scored, sum(total) AS total
FROM scores
WHERE business_day BETWEEN :first AND :last AND recorded_day <= :known
    AND (CAST(:domain AS text) IS NULL OR domain = :domain) AND {WITHIN.format(column="unit")}
GROUP BY 1, 2, 3, 4, 5
HAVING sum(n) <> 0
ORDER BY unit COLLATE "C", domain, mode, quarter, item COLLATE "C"
""")
_QUALITY = sa.text(f"""
SELECT unit, measure, sum(n) AS n FROM daily
WHERE measure IN ('received', 'missing_phone', 'invalid_phone', 'missing_name',
    'missing_returned_at', 'eligible', 'no_submission')
    AND business_day BETWEEN :first AND :last AND recorded_day <= :known
    AND {WITHIN.format(column="unit")}
GROUP BY unit, measure HAVING sum(n) <> 0
""")
_OVERDUE_WHERE = f"""
FROM overdue_spells
WHERE since <= :day AND until > :day AND known_from <= :known AND known_until > :known
    AND {WITHIN.format(column="unit")}
"""
_OVERDUE = sa.text(f"""
SELECT code, unit, field, department, due_day {_OVERDUE_WHERE}
ORDER BY due_day, code COLLATE "C" LIMIT :limit OFFSET :offset
""")
_OVERDUE_COUNT = sa.text(f"SELECT count(*) {_OVERDUE_WHERE}")
_FILINGS = sa.text(f"""
SELECT f.type, f.time, f.source, f.event_id, f.unit, f.data
FROM filings f LEFT JOIN voids v ON v.target = f.uid
WHERE {STANDS}
ORDER BY f.time, f.source COLLATE "C", f.event_id COLLATE "C"
""")
_HOLD_STILL = sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
_FRESHNESS = sa.text("SELECT received_at FROM freshness")


@dataclass(frozen=True, slots=True)
class Scope:
    """What a report looks at: business days from `first` to `last`, both included, known by the
    end of the recorded day `known`, at these units (null: all)."""

    first: date
    last: date
    known: date = LATEST
    units: frozenset[str] | None = None

    def parameters(self) -> dict[str, Any]:
        return {
            "first": self.first,
            "last": self.last,
            "known": self.known,
            "units": None if self.units is None else sorted(self.units),
        }


async def hold_still(session: AsyncSession) -> None:
    """Have every query of the transaction see the same moment; must come first in it."""
    await session.execute(_HOLD_STILL)


async def dossier_sums(
    session: AsyncSession, scope: Scope, groups: Sequence[str]
) -> list[tuple[tuple[str, ...], DossierSums]]:
    """The running sums of each group, by unit, field or authority; groups of zeros left out."""
    assert set(groups) <= _GROUPS
    query = _SUMS.format(
        groups=", ".join(groups),
        order=", ".join(f'{group} COLLATE "C"' for group in groups),
        within=WITHIN.format(column="unit"),
    )
    names = [one.name for one in fields(DossierSums)]
    found = []
    for row in (await session.execute(sa.text(query), scope.parameters())).mappings():
        figures = {name: int(row[name] or 0) for name in names}
        if any(figures.values()):
            found.append((tuple(row[group] for group in groups), DossierSums(**figures)))
    return found


async def quality_counts(session: AsyncSession, scope: Scope) -> dict[str, dict[str, int]]:
    """Per unit how many dossiers were received in the period, and what their data lack."""
    found: dict[str, dict[str, int]] = {}
    for row in await session.execute(_QUALITY, scope.parameters()):
        found.setdefault(row.unit, {})[row.measure] = int(row.n)
    return found


async def install_counts(
    session: AsyncSession, scope: Scope, by: str | None
) -> list[tuple[str, int, int, int]]:
    """(group, attempts, successes, different citizens); by null: one row of everything."""
    query = _INSTALLS.format(
        group="''" if by is None else _INSTALL_GROUPS[by],
        stands=STANDS,
        within=WITHIN.format(column="f.unit"),
    )
    rows = await session.execute(sa.text(query), scope.parameters())
    return [(row.group, row.installs, row.succeeded, row.distinct_citizens) for row in rows]


async def successes(session: AsyncSession, first: date, last: date, known: date) -> list[Install]:
    """Every standing success of some days, at whatever unit."""
    asked = {"first": first, "last": last, "known": known}
    return [
        Install(
            order=(row.time, row.source, row.event_id),
            unit=row.unit,
            app=row.app,
            installer=row.installer,
            place=row.place,
            succeeded=True,
            day=row.day,
            device=row.device,
            citizen=row.citizen,
        )
        for row in await session.execute(_SUCCESSES, asked)
    ]


async def tallies(
    session: AsyncSession, scope: Scope, domain: str | None
) -> list[tuple[tuple[str, str, str, str, str], Tally]]:
    """Answers by (unit, domain, mode, quarter, item)."""
    rows = await session.execute(_SCORES, scope.parameters() | {"domain": domain})
    return [
        (
            (row.unit, row.domain, row.mode, row.quarter, row.item),
            Tally(int(row.n), int(row.scored), row.total),
        )
        for row in rows
    ]


async def overdue(
    session: AsyncSession, scope: Scope, limit: int, offset: int
) -> tuple[int, list[tuple[str, str, str, str | None, date]]]:
    """How many dossiers are overdue at the end of the scope's last day, and a page of them as
    (code, unit, field, department, due day), oldest first."""
    asked = {
        "day": scope.last,
        "known": scope.known,
        "units": None if scope.units is None else sorted(scope.units),
    }
    count = await session.scalar(_OVERDUE_COUNT, asked)
    rows = await session.execute(_OVERDUE, asked | {"limit": limit, "offset": offset})
    return count or 0, [
        (row.code, row.unit, row.field, row.department, row.due_day) for row in rows
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
