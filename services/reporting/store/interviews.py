"""The dossiers whose applicants can be asked, as known in each span of recorded days."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting.rules import Askable
from services.reporting.store.rows import Insert

ROWS_AT_ONCE = 2000
"""Rows of a whole list that are held together."""

_KEEP = Insert(
    "interviews",
    {
        "code": "text",
        "unit": "text",
        "era": "date",
        "field": "text",
        "returned": "date",
        "known_from": "date",
        "known_until": "date",
    },
    on_conflict="",
)
_FORGET = sa.text("DELETE FROM interviews WHERE code = ANY(CAST(:codes AS text[]))")
_SIZE = sa.text("SELECT reltuples FROM pg_class WHERE oid = CAST('interviews' AS regclass)")
_COLUMNS = "f.code, f.unit, f.era, f.field, f.returned"
_CONDITIONS = """f.known_from <= :known AND f.known_until > :known AND f.code > :after
    AND (CAST(:units AS text[]) IS NULL OR f.unit = ANY(CAST(:units AS text[])))
    AND (CAST(:field AS text) IS NULL OR f.field = :field)"""
_BY_DAY = f"""
WITH found AS MATERIALIZED (
    SELECT {_COLUMNS} FROM interviews f
    WHERE f.returned BETWEEN :first AND :last AND {_CONDITIONS}
)
SELECT * FROM found f ORDER BY f.code LIMIT CAST(:limit AS bigint)
"""
"""Reads what was returned in the period, and sorts it."""
_BY_CODE = f"""
SELECT {_COLUMNS} FROM interviews f
WHERE f.returned + 0 BETWEEN :first AND :last AND {_CONDITIONS}
ORDER BY f.code LIMIT CAST(:limit AS bigint)
"""
"""Reads on from a code, and passes over what was returned at other times (`+ 0` keeps the database
from reading by day)."""


class Interviewee(NamedTuple):
    """A dossier whose applicant can be asked; `era` is the day by which its unit is meant."""

    code: str
    unit: str
    era: date
    field: str
    returned: date


async def replace(
    session: AsyncSession, told: Mapping[str, Sequence[Askable]], known: Collection[str]
) -> None:
    """Keep when the applicants of some dossiers can be asked; what is kept of those `known` is
    forgotten before."""
    if known:
        await session.execute(_FORGET, {"codes": sorted(known)})
    await _KEEP.run(session, [(code, *one) for code in sorted(told) for one in told[code]])


async def page(
    session: AsyncSession,
    *,
    first: date,
    last: date,
    known: date,
    units: Collection[str] | None,
    field: str | None,
    after: str,
    limit: int,
    expected: int,
) -> list[Interviewee]:
    """Those of some codes (units null: all) whose result was returned in a period, by code.

    Args:
        after: the code after which the page begins.
        expected: about how many there are on all pages: where they are few among all dossiers, they
            are found by day and sorted; where they are many, by code: then a page passes over few.
    """
    size = max(0, await session.scalar(_SIZE) or 0)
    few = expected * expected <= limit * size
    asked = _asked(first, last, known, units, field, after) | {"limit": limit}
    rows = await session.execute(sa.text(_BY_DAY if few else _BY_CODE), asked)
    return [Interviewee(*row) for row in rows]


async def everything(
    session: AsyncSession,
    *,
    first: date,
    last: date,
    known: date,
    units: Collection[str] | None,
    field: str | None,
) -> AsyncIterator[list[Interviewee]]:
    """All of them by code, so many at a time: the list is never held as a whole."""
    asked = _asked(first, last, known, units, field, "") | {"limit": None}
    result = await session.stream(
        sa.text(_BY_DAY), asked, execution_options={"yield_per": ROWS_AT_ONCE}
    )
    async for rows in result.partitions(ROWS_AT_ONCE):
        yield [Interviewee(*row) for row in rows]


def _asked(
    first: date,
    last: date,
    known: date,
    units: Collection[str] | None,
    field: str | None,
    after: str,
) -> dict[str, Any]:
    return {
        "first": first,
        "last": last,
        "known": known,
        "units": None if units is None else sorted(units),
        "field": field,
        "after": after,
    }
