"""The events behind a cell: installs, activities, surveys, words about a difficulty, notices."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting.store.figures import PLACE, STANDS, Scope

_QUARTER = """to_char(f.day, 'YYYY-"Q"Q') = :quarter"""
_CONDITIONS: Mapping[str, Mapping[str, str]] = {
    "installs": {
        "month": "to_char(f.day, 'YYYY-MM') = :month",
        "place": "f.place = :place",
        "installer": "f.installer = :installer",
        "succeeded": "f.succeeded",
        "failed": "NOT f.succeeded",
        "counted": "f.succeeded",
        "distinct_citizens": "f.citizen IS NOT NULL",
    },
    "activities": {
        "month": "to_char(f.day, 'YYYY-MM') = :month",
        "day": "f.day = CAST(:day AS date)",
        "team": "f.team = :team",
        "member": "f.member = :member",
        "kind": "f.kind = :kind",
    },
    "surveys": {
        "domain": "f.domain = :domain",
        "mode": "f.mode = :mode",
        "quarter": _QUARTER,
        "item": "jsonb_exists(f.scores, :item)",
        "score": "f.scores ->> :item IS NOT NULL",
        "cause": "f.reasons ->> :item = :cause",
    },
    "difficulties": {"difficulty": "f.difficulty = :difficulty"},
}
"""Table -> coordinate or column of a cell -> what its events fulfil."""

_TYPES = {
    "installs": "'motcua.install.recorded.v1'",
    "activities": "'motcua.activity.recorded.v1'",
    "surveys": "'motcua.survey.completed.v1'",
    "difficulties": "CASE WHEN f.resolved THEN 'motcua.difficulty.resolved.v1'"
    " ELSE 'motcua.difficulty.raised.v1' END",
}
_QUERY = """
SELECT f.source, f.event_id AS id, {type} AS type, f.time, f.unit, count(*) OVER () AS whole
FROM {table} f {within} LEFT JOIN voids v ON v.target = f.uid
WHERE f.day BETWEEN :first AND :last AND {stands} AND {conditions}
ORDER BY f.time, f.source COLLATE "C", f.event_id COLLATE "C" LIMIT :limit OFFSET :offset
"""
_OF_UNIT = f"""{PLACE} = :row_unit
    AND (CAST(:row_since AS date) IS NULL OR s.borne IS NULL OR s.borne = :row_since)"""
_NOTICES = """
SELECT f.notice, f.unit, f.channel, f.template, f.subject, f.state, f.day, count(*) OVER () AS whole
FROM notices f {within}
WHERE f.day BETWEEN :first AND :last AND {conditions}
ORDER BY f.day, f.notice COLLATE "C" LIMIT :limit OFFSET :offset
"""


def known_coordinates(table: str) -> frozenset[str]:
    """What a cell of such events may be told by, beside its unit."""
    return frozenset(_CONDITIONS[table])


async def events(
    session: AsyncSession,
    table: str,
    scope: Scope,
    unit: str | None,
    since: date | None,
    coordinates: Mapping[str, str],
    limit: int,
    offset: int,
) -> Sequence[sa.Row]:
    """A page of the events of a cell, in the order of events, each with how many there are.

    Args:
        unit: under which the cell stands, with the day since which it bears its code.
        coordinates: names of `known_coordinates`, with their values where they have any.
    """
    conditions = [_CONDITIONS[table][name] for name in coordinates]
    given: dict[str, Any] = {**coordinates}
    if unit is not None:
        conditions.append(_OF_UNIT)
        given |= {"row_unit": unit, "row_since": since}
    query = _QUERY.format(
        type=_TYPES[table],
        table=table,
        within=scope.within("day"),
        stands=STANDS,
        conditions=" AND ".join(conditions) or "true",
    )
    return await _page(session, query, scope, given, limit, offset, "first", "last", "known")


async def notices(
    session: AsyncSession,
    scope: Scope,
    unit: str | None,
    since: date | None,
    channel: str | None,
    states: Sequence[str] | None,
    limit: int,
    offset: int,
) -> Sequence[sa.Row]:
    """A page of the notices of a cell."""
    conditions = []
    given: dict[str, Any] = {}
    if unit is not None:
        conditions.append(_OF_UNIT)
        given |= {"row_unit": unit, "row_since": since}
    if channel is not None:
        conditions.append("f.channel = :channel")
        given["channel"] = channel
    if states is not None:
        conditions.append("f.state = ANY(CAST(:states AS text[]))")
        given["states"] = list(states)
    query = _NOTICES.format(
        within=scope.within("day"), conditions=" AND ".join(conditions) or "true"
    )
    return await _page(session, query, scope, given, limit, offset, "first", "last")


async def _page(
    session: AsyncSession,
    query: str,
    scope: Scope,
    given: Mapping[str, Any],
    limit: int,
    offset: int,
    *names: str,
) -> Sequence[sa.Row]:
    asked = scope.parameters(*names) | {"limit": limit, "offset": offset}
    used = {name: value for name, value in given.items() if f":{name}" in query}
    return (await session.execute(sa.text(query), asked | used)).all()
