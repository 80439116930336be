"""Dossier codes that may lie behind a figure, found by what a figure has to rest on."""

from collections.abc import Collection
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

TOUCHED = """(f.received_at >= :first_at AND f.received_at < :end_at OR EXISTS (
    SELECT 1 FROM statuses s WHERE s.code = f.code AND (s.at >= :first_at AND s.at < :end_at
        OR s.returned_at >= :first_at AND s.returned_at < :end_at)))"""
"""Something was received, resolved or returned in the period."""

OPEN = """NOT EXISTS (SELECT 1 FROM statuses s LEFT JOIN voids v ON v.target = s.uid
    WHERE s.code = f.code AND s.status IN ('withdrawn', 'result_ready', 'returned')
    AND s.at < :{end} AND s.rday <= :known AND (v.rday IS NULL OR v.rday > :known))"""
"""It may still have been open at an instant: nothing had closed it for good."""

OVERDUE = """EXISTS (SELECT 1 FROM overdue_spells o WHERE o.code = f.code AND o.since <= :last
    AND o.until > :last AND o.known_from <= :known AND o.known_until > :known)"""

_OF = """SELECT DISTINCT f.code FROM submissions f WHERE f.code > :after
    AND (CAST(:units AS text[]) IS NULL OR f.unit = ANY(CAST(:units AS text[])))
    AND (CAST(:field AS text) IS NULL OR f.field = :field) AND {condition}
    ORDER BY f.code LIMIT :limit"""
_STRAYS = """SELECT DISTINCT f.code FROM statuses f WHERE f.code > :after
    AND (CAST(:units AS text[]) IS NULL OR f.unit = ANY(CAST(:units AS text[])))
    AND NOT EXISTS (SELECT 1 FROM submissions b LEFT JOIN voids v ON v.target = b.uid
        WHERE b.code = f.code AND b.rday <= :known AND (v.rday IS NULL OR v.rday > :known))
    ORDER BY f.code LIMIT :limit"""


async def candidates(
    session: AsyncSession,
    condition: str | None,
    *,
    units: Collection[str] | None,
    field: str | None,
    first_at: datetime,
    end_at: datetime,
    last: date,
    known: date,
    after: str,
    limit: int,
) -> list[str]:
    """Codes in their order, after one, that may lie behind a figure.

    Every code that does is among them; not every one of them does. Without a condition: codes of
    which only statuses are known.
    """
    query = _STRAYS if condition is None else _OF.format(condition=condition)
    given = {
        "units": None if units is None else sorted(units),
        "field": field,
        "first_at": first_at,
        "end_at": end_at,
        "last": last,
        "known": known,
        "after": after,
        "limit": limit,
    }
    text = sa.text(query)
    used = {name: value for name, value in given.items() if f":{name}" in query}
    return list((await session.scalars(text, used)).all())
