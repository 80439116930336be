"""The dossiers whose applicants can be asked, as known in each span of recorded days."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting.rules import Askable
from services.reporting.store.planner import in_order
from services.reporting.store.rows import Insert
from services.reporting.store.scope import OF_UNIT, SPANS, Scope

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
_KEPT = """f.returned BETWEEN :first AND :last
            AND (f.returned, f.code) > (CAST(:after_day AS date), CAST(:after_code AS text))
            AND f.known_from <= :known AND f.known_until > :known
            AND (CAST(:field AS text) IS NULL OR f.field = :field)"""
_EACH_UNIT = f"""{SPANS} CROSS JOIN LATERAL (
        SELECT f.* FROM interviews f WHERE {OF_UNIT} AND {_KEPT}
        ORDER BY f.returned, f.code LIMIT CAST(:limit AS bigint)
    ) f"""
_ALL_UNITS = f"interviews f WHERE {_KEPT} AND {{within}}"
_PAGE = """
SELECT f.code, f.unit, f.era, f.field, f.returned FROM {found}
ORDER BY f.returned, f.code LIMIT CAST(:limit AS bigint)
"""


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
    session: AsyncSession, scope: Scope, after: tuple[date, str] | None, limit: int
) -> list[Interviewee]:
    """Those whose result was returned in a period, by day and code, from after a day and code on."""
    query, asked = _page(scope, after, limit)
    async with in_order(session):
        return [Interviewee(*row) for row in await session.execute(query, asked)]


async def pages(session: AsyncSession, scope: Scope) -> AsyncIterator[list[Interviewee]]:
    """All of them, so many at a time: the list is never held as a whole."""
    query, asked = _page(scope, None, None)
    result = await session.stream(query, asked, execution_options={"yield_per": ROWS_AT_ONCE})
    async for rows in result.partitions(ROWS_AT_ONCE):
        yield [Interviewee(*row) for row in rows]


def _page(
    scope: Scope, after: tuple[date, str] | None, limit: int | None
) -> tuple[sa.TextClause, dict[str, Any]]:
    day, code = after or (scope.first, "")
    asked = scope.parameters("first", "last", "known", "field")
    asked |= {"after_day": day, "after_code": code, "limit": limit, "always": scope.always}
    condition = scope.condition
    found = _EACH_UNIT if condition is None else _ALL_UNITS.format(within=condition)
    return sa.text(_PAGE.format(found=found)), asked
