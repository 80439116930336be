"""Spells in which dossiers were overdue: kept by dossier, listed oldest first.

A spell of a day ago and one of a year ago may both hold a day that is asked for; to look through all
that began earlier would cost what ever was overdue. So each spell is kept under its reach: how long
after its due day it may be told of, in powers of two (see `tables.OverdueSpell`). Within a reach only
the due days just before a day come into question, in their order, and about half of them hold it.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting.rules import Overdue
from services.reporting.store.planner import in_order
from services.reporting.store.rows import Insert
from services.reporting.store.scope import OF_UNIT, SPANS, Scope

OF_FIELD = "(CAST(:field AS text) IS NULL OR f.field = :field)"
ROWS_AT_ONCE = 2000
"""Rows of a whole list that are held together."""
FAR_REACH = 20
"""From here on a reach is longer than anybody counts back: that of spells without an end, above all."""
_INSERT = Insert(
    "overdue_spells",
    {
        "code": "text",
        "unit": "text",
        "era": "date",
        "field": "text",
        "department": "text",
        "due_day": "date",
        "since": "date",
        "until": "date",
        "known_from": "date",
        "known_until": "date",
    },
    on_conflict="",
)
_FORGET = sa.text("DELETE FROM overdue_spells WHERE code = ANY(CAST(:codes AS text[]))")
_REACHES = f"""
WITH RECURSIVE known(reach) AS (
    (SELECT reach FROM overdue_spells ORDER BY reach LIMIT 1)
    UNION ALL
    SELECT (SELECT f.reach FROM overdue_spells f WHERE f.reach > k.reach ORDER BY f.reach LIMIT 1)
    FROM known k WHERE k.reach IS NOT NULL
),
reaches AS MATERIALIZED (
    SELECT reach, CASE WHEN reach < {FAR_REACH} THEN CAST(:last AS date) - (1 << reach)
        ELSE DATE '-infinity' END AS after
    FROM known WHERE reach IS NOT NULL
)
"""
"""The reaches that spells have, and after which day those lie due that may hold the last day."""
_HELD = f"""f.reach = r.reach AND f.due_day > r.after AND f.due_day < :last
            AND f.since <= :last AND f.until > :last
            AND f.known_from <= :known AND f.known_until > :known AND {OF_FIELD}"""
_EACH_UNIT = f"""{SPANS} CROSS JOIN reaches r CROSS JOIN LATERAL (
        SELECT f.* FROM overdue_spells f WHERE {OF_UNIT} AND {_HELD}
        ORDER BY f.due_day, f.code COLLATE "C" LIMIT CAST(:most AS bigint)
    ) f"""
_ALL_UNITS = f"""reaches r CROSS JOIN LATERAL (
        SELECT f.* FROM overdue_spells f WHERE {_HELD} AND {{within}}
        ORDER BY f.due_day, f.code COLLATE "C" LIMIT CAST(:most AS bigint)
    ) f"""
_PAGE = f"""{_REACHES}
SELECT f.code, f.unit, f.era, f.field, f.department, f.due_day FROM {{found}}
ORDER BY f.due_day, f.code COLLATE "C" LIMIT CAST(:limit AS bigint) OFFSET CAST(:offset AS bigint)
"""
_OLDEST = f"""{_REACHES}
SELECT s.place, min(f.due_day) AS oldest FROM {_EACH_UNIT} GROUP BY 1
"""

Row = tuple[str, str, date, str, str | None, date]
"""(code, unit, a day of the unit, field, department, due day)."""


async def replace(session: AsyncSession, spells: Mapping[str, Sequence[Overdue]]) -> None:
    """Put the overdue spells of these codes in the place of those kept."""
    if not spells:
        return
    await session.execute(_FORGET, {"codes": sorted(spells)})
    await _INSERT.run(
        session,
        [
            (
                code,
                one.unit,
                one.era,
                one.field,
                one.department,
                one.due_day,
                one.since,
                one.until,
                one.known_from,
                one.known_until,
            )
            for code in sorted(spells)
            for one in spells[code]
        ],
    )


async def page(session: AsyncSession, scope: Scope, limit: int, offset: int) -> list[Row]:
    """A page of the dossiers overdue at the end of the scope's last day, oldest first. How many
    there are the sums say."""
    query, asked = _page(scope, limit, offset)
    async with in_order(session):
        return [tuple(row) for row in await session.execute(query, asked)]  # type: ignore[misc]


async def pages(session: AsyncSession, scope: Scope) -> AsyncIterator[Sequence[Row]]:
    """Every dossier overdue at the end of the scope's last day, as `page` gives them, so many at a
    time: the list is never held as a whole."""
    query, asked = _page(scope, None, 0)
    result = await session.stream(query, asked, execution_options={"yield_per": ROWS_AT_ONCE})
    async for rows in result.partitions(ROWS_AT_ONCE):
        yield [tuple(row) for row in rows]  # type: ignore[misc]


async def oldest(session: AsyncSession, scope: Scope) -> list[tuple[str, date]]:
    """Of each place with dossiers overdue at the end of the scope's last day: the due day of the
    oldest."""
    async with in_order(session):
        rows = await session.execute(sa.text(_OLDEST), _asked(scope) | {"most": 1})
    return [(row.place, row.oldest) for row in rows]


def _page(scope: Scope, limit: int | None, offset: int) -> tuple[sa.TextClause, dict[str, Any]]:
    """The query of a page, and its values; without a limit all that follows."""
    asked = _asked(scope)
    asked |= {"limit": limit, "offset": offset, "most": limit and limit + offset}
    condition = scope.condition
    found = _EACH_UNIT if condition is None else _ALL_UNITS.format(within=condition)
    return sa.text(_PAGE.format(found=found)), asked | {"always": scope.always}


def _asked(scope: Scope) -> dict[str, Any]:
    return scope.parameters("last", "known", "field")
