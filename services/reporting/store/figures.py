"""What reports read: sums of a period, installs, scores, overdue dossiers, filings."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting.rules import (
    EVERYWHERE,
    FOREVER,
    DossierSums,
    Filed,
    Install,
    Place,
    Tally,
    Territory,
)

LATEST = FOREVER - timedelta(days=1)
"""The recorded day that asks for all that is known now."""

STANDS = "f.rday <= :known AND (v.rday IS NULL OR v.rday > :known)"
PLACE = "coalesce(s.place, f.unit)"
_SPANS = """unnest(CAST(:span_units AS text[]), CAST(:span_since AS date[]),
        CAST(:span_until AS date[]), CAST(:span_places AS text[]), CAST(:span_borne AS date[]))
    AS s(unit, since, until, place, borne)
    ON s.unit = f.unit AND f.{day} >= s.since AND f.{day} < s.until"""
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
FROM daily f {within}
WHERE (measure IN ('received', 'overdue') OR measure LIKE 'resolved%')
    AND business_day <= :last AND recorded_day <= :known AND {field}
GROUP BY {numbers}
ORDER BY {order}
"""
_OF_FIELD = "(CAST(:field AS text) IS NULL OR f.field = :field)"
_ORDER = {"unit": PLACE, "field": "f.field", "authority": "f.authority"}
_GROUPS = {"unit": f"{PLACE}, s.borne", "field": "f.field", "authority": "f.authority"}
_INSTALL_GROUPS = {
    "unit": PLACE,
    "month": "to_char(f.day, 'YYYY-MM')",
    "place": "f.place",
    "installer": "f.installer",
}
_INSTALLS = """
SELECT {group} AS "group", {borne} AS borne,
    count(*) AS installs, count(*) FILTER (WHERE f.succeeded) AS succeeded,
    count(DISTINCT f.citizen) AS distinct_citizens
FROM installs f {within} LEFT JOIN voids v ON v.target = f.uid
WHERE f.day BETWEEN :first AND :last AND {stands}
GROUP BY 1, 2 ORDER BY {group} COLLATE "C", 2
"""
_SUCCESSES = sa.text(f"""
SELECT f.* FROM installs f LEFT JOIN voids v ON v.target = f.uid
WHERE f.succeeded AND f.day BETWEEN :first AND :last AND {STANDS}
""")
_SCORES = f"""
SELECT {PLACE} AS place, s.borne, domain, mode, to_char(business_day, 'YYYY-"Q"Q') AS quarter,
    questionnaire, item, sum(n) AS n, sum(scored) AS scored, sum(total) AS total,
    sum(outside) AS outside
FROM scores f {{within}}
WHERE business_day BETWEEN :first AND :last AND recorded_day <= :known
    AND (CAST(:domain AS text) IS NULL OR domain = :domain)
GROUP BY 1, 2, 3, 4, 5, 6, 7
HAVING sum(n) <> 0
ORDER BY {PLACE} COLLATE "C", 2, domain, mode, quarter, item COLLATE "C",
    questionnaire COLLATE "C"
"""
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
_QUALITY = f"""
SELECT {PLACE} AS place, s.borne, measure, sum(n) AS n FROM daily f {{within}}
WHERE measure IN ('received', 'missing_phone', 'invalid_phone', 'missing_name',
    'missing_returned_at', 'eligible', 'no_submission')
    AND business_day BETWEEN :first AND :last AND recorded_day <= :known AND {_OF_FIELD}
GROUP BY 1, 2, measure HAVING sum(n) <> 0
"""
_OVERDUE_WHERE = f"""
FROM overdue_spells f {{within}}
WHERE f.since <= :last AND f.until > :last AND known_from <= :known AND known_until > :known
    AND {_OF_FIELD}
"""
_OVERDUE = f"""
SELECT code, f.unit, f.era, field, department, due_day {_OVERDUE_WHERE}
ORDER BY due_day, code COLLATE "C" LIMIT :limit OFFSET :offset
"""
_OVERDUE_COUNTS = f"SELECT {PLACE} AS place, s.borne, count(*) AS n {_OVERDUE_WHERE} GROUP BY 1, 2"
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
    end of the recorded day `known`, in a territory, of one field (null: all)."""

    first: date
    last: date
    known: date = LATEST
    territory: Territory = EVERYWHERE
    field: str | None = None

    def within(self, day: str) -> str:
        """The join of a table `f` with the territory as `s`, by the column that holds the day of
        the event: rows outside it fall away, and `PLACE` is where the others are shown."""
        return ("LEFT JOIN " if self.territory.open else "JOIN ") + _SPANS.format(day=day)

    def parameters(self, *names: str) -> dict[str, Any]:
        """Values for the join, and for those named of: first, last, known, field."""
        units, since, until, places = (
            zip(*self.territory.spans, strict=True) if self.territory.spans else ((), (), (), ())
        )
        return {name: getattr(self, name) for name in names} | {
            "span_units": list(units),
            "span_since": list(since),
            "span_until": list(until),
            "span_places": [place.unit for place in places],
            "span_borne": [place.since for place in places],
        }


async def hold_still(session: AsyncSession) -> None:
    """Have every query of the transaction see the same moment; must come first in it."""
    await session.execute(_HOLD_STILL)


async def dossier_sums(
    session: AsyncSession, scope: Scope, groups: Sequence[str]
) -> list[tuple[tuple[Any, ...], DossierSums]]:
    """The running sums of each group, by unit (a `Place`), field or authority; without zeros."""
    query = _SUMS.format(
        groups=", ".join(_GROUPS[group] for group in groups),
        numbers=", ".join(str(n + 1) for n in range(len(groups) + ("unit" in groups))),
        order=", ".join(f'{part} COLLATE "C"' for part in map(_ORDER.get, groups)),
        within=scope.within("era"),
        field=_OF_FIELD,
    )
    names = [one.name for one in fields(DossierSums)]
    found = []
    asked = scope.parameters("first", "last", "known", "field")
    for row in await session.execute(sa.text(query), asked):
        key, sums = list(row[: -len(names)]), row[-len(names) :]
        figures = dict(zip(names, (int(each or 0) for each in sums), strict=True))
        if any(figures.values()):
            if "unit" in groups:
                at = list(groups).index("unit")
                key[at : at + 2] = [Place(*key[at : at + 2])]
            found.append((tuple(key), DossierSums(**figures)))
    return found


async def quality_counts(session: AsyncSession, scope: Scope) -> dict[Place, dict[str, int]]:
    """Per unit how many dossiers were received in the period, and what their data lack."""
    found: dict[Place, dict[str, int]] = {}
    query = sa.text(_QUALITY.format(within=scope.within("era")))
    asked = scope.parameters("first", "last", "known", "field")
    for row in await session.execute(query, asked):
        found.setdefault(Place(row.place, row.borne), {})[row.measure] = int(row.n)
    return found


async def install_counts(
    session: AsyncSession, scope: Scope, by: str | None
) -> list[tuple[Any, int, int, int]]:
    """(group, attempts, successes, different citizens), by unit (a `Place`), month, place or
    installer; by null: one row of everything."""
    query = _INSTALLS.format(
        group="''" if by is None else _INSTALL_GROUPS[by],
        borne="s.borne" if by == "unit" else "CAST(null AS date)",
        stands=STANDS,
        within=scope.within("day"),
    )
    rows = await session.execute(sa.text(query), scope.parameters("first", "last", "known"))
    return [
        (
            Place(row.group, row.borne) if by == "unit" else row.group,
            row.installs,
            row.succeeded,
            row.distinct_citizens,
        )
        for row in rows
    ]


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
) -> list[tuple[tuple[Place, str, str, str, str, str], Tally]]:
    """Answers by (unit, domain, mode, quarter, item, questionnaire)."""
    query = sa.text(_SCORES.format(within=scope.within("business_day")))
    asked = scope.parameters("first", "last", "known") | {"domain": domain}
    return [
        (
            (
                Place(row.place, row.borne),
                row.domain,
                row.mode,
                row.quarter,
                row.item,
                row.questionnaire,
            ),
            Tally(int(row.n), int(row.scored), row.total, int(row.outside)),
        )
        for row in await session.execute(query, asked)
    ]


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


async def overdue(
    session: AsyncSession, scope: Scope, limit: int, offset: int
) -> tuple[dict[Place, int], list[tuple[str, str, date, str, str | None, date]]]:
    """How many dossiers are overdue at the end of the scope's last day, by unit, and a page of
    them as (code, unit, a day of the unit, field, department, due day), oldest first."""
    within = scope.within("era")
    asked = scope.parameters("last", "known", "field")
    counts = await session.execute(sa.text(_OVERDUE_COUNTS.format(within=within)), asked)
    rows = await session.execute(
        sa.text(_OVERDUE.format(within=within)), asked | {"limit": limit, "offset": offset}
    )
    return {Place(row.place, row.borne): row.n for row in counts}, [
        (row.code, row.unit, row.era, row.field, row.department, row.due_day) for row in rows
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
