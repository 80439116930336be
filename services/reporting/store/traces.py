"""What lies behind a cell: installs, activities, surveys, words about a difficulty, notices."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting.store.facts import OUTSIDE
from services.reporting.store.figures import PLACE, STANDS, Scope
from services.reporting.store.notices import (
    KNOWN_COST,
    KNOWN_DAY,
    KNOWN_SEGMENTS,
    KNOWN_STATE,
    UNSERVED,
    WRONG,
)

_QUARTER = """to_char(f.day, 'YYYY-"Q"Q') = :quarter"""
_SCORED = f"f.scores ->> :item IS NOT NULL AND f.scores ->> :item <> '{OUTSIDE}'"
_CONDITIONS: Mapping[str, Mapping[str, str]] = {
    "installs": {
        "month": "to_char(f.day, 'YYYY-MM') = :month",
        "place": "f.place = :place",
        "installer": "f.installer = :installer",
        "succeeded": "f.succeeded",
        "failed": "NOT f.succeeded",
        "distinct_citizens": "f.citizen IS NOT NULL",
    },
    "activities": {
        "month": "to_char(f.day, 'YYYY-MM') = :month",
        "day": "to_char(f.day, 'YYYY-MM-DD') = :day",
        "team": "f.team = :team",
        "member": "f.member = :member",
        "kind": "f.kind = :kind",
    },
    "surveys": {
        "domain": "f.domain = :domain",
        "mode": "f.mode = :mode",
        "quarter": _QUARTER,
        "questionnaire": "f.questionnaire = :questionnaire",
        "item": "jsonb_exists(f.scores, :item)",
        "scored": _SCORED,
        "unscored": "f.scores ->> :item IS NULL",
        "out_of_scale": f"f.scores ->> :item = '{OUTSIDE}'",
        "answered": "jsonb_exists(f.reasons, :item)",
        "cause": "f.reasons ->> :item = :cause",
    },
}
"""Table -> coordinate or column of a cell -> what its events fulfil."""

_TYPES = {
    "installs": "'motcua.install.recorded.v1'",
    "activities": "'motcua.activity.recorded.v1'",
    "surveys": "'motcua.survey.completed.v1'",
}
_ONCE = {"distinct_citizens": "citizen", "members": "member"}
"""Column that counts different ones -> what tells them apart: the earliest event of each stands for
it."""
_ALSO = {"activities": "people"}
"""Table -> what a column adds up, beside how many events there are."""
_MORE = {"surveys": ", f.dossier"}
"""Table -> what else is told of each event."""
_ORDER = 'f.time, f.source COLLATE "C", f.event_id COLLATE "C"'
_QUERY = f"""
SELECT f.*, count(*) OVER () AS whole FROM (
    SELECT {{once}} f.source, f.event_id, {{type}} AS type, f.time, f.unit, {{also}} AS n{{more}}
    FROM {{table}} f {{within}} LEFT JOIN voids v ON v.target = f.uid
    WHERE f.day BETWEEN :first AND :last AND {{stands}} AND {{conditions}}
    ORDER BY {{first}} {_ORDER}
) f ORDER BY {_ORDER} LIMIT :limit OFFSET :offset
"""
_WORDS = f"""
SELECT f.source, f.event_id, CASE WHEN f.resolved THEN 'motcua.difficulty.resolved.v1'
    ELSE 'motcua.difficulty.raised.v1' END AS type, f.time, f.unit, f.resolved
FROM difficulties f LEFT JOIN voids v ON v.target = f.uid
WHERE f.difficulty = :difficulty AND f.day <= :last AND {STANDS}
ORDER BY {_ORDER}
"""
_OF_UNIT = f"""{PLACE} = :row_unit
    AND (CAST(:row_since AS date) IS NULL OR s.borne IS NULL OR s.borne = :row_since)"""
_NOTICES = f"""
SELECT f.*, count(*) OVER () AS whole FROM (
    SELECT {{once}} f.notice, f.unit, f.channel, f.template, f.subject,
        f.known_segments AS segments, f.known_cost AS cost, f.state, f.day,
        CASE f.state WHEN 'failed' THEN f.reason WHEN 'wrong' THEN '{WRONG}' END AS reason
    FROM (
        SELECT f.*, {KNOWN_DAY} AS day, {KNOWN_STATE} AS state, {KNOWN_SEGMENTS} AS known_segments,
            {KNOWN_COST} AS known_cost
        FROM notices f
    ) f {{within}}
    WHERE f.day BETWEEN :first AND :last AND {{conditions}}
    ORDER BY {{first}} f.day DESC, f.notice COLLATE "C"
) f ORDER BY f.day, f.notice COLLATE "C" LIMIT :limit OFFSET :offset
"""
_OUTCOMES = {
    "notices": "true",
    "segments": "true",
    "sent": "f.state IN ('sent', 'delivered')",
    "delivered": "f.state = 'delivered'",
    "failed": "f.state IN ('failed', 'wrong')",
    "cost": "f.known_cost IS NOT NULL",
}
"""Column of the report on notices -> which of them it counts."""
_REFUSALS = f"""
SELECT {PLACE} AS unit, f.day, sum(f.n)::bigint AS n, count(*) OVER () AS whole
FROM refusals f {{within}}
WHERE f.day BETWEEN :first AND :last AND {{conditions}}
GROUP BY 1, 2 ORDER BY 2, 1 LIMIT :limit OFFSET :offset
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
    counting: str | None = None,
) -> Sequence[sa.Row]:
    """A page of the events of a cell, in the order of events, each with how many there are
    (`whole`) and what the event adds (`n`: people of an activity, else 1); of surveys with their
    dossier.

    Args:
        unit: under which the cell stands, with the day since which it bears its code.
        coordinates: names of `known_coordinates`, with their values where they have any.
        counting: a column that counts different ones: of each its earliest event alone.
    """
    once = _ONCE.get(counting or "")
    conditions, given = _of_unit(unit, since)
    conditions += [_CONDITIONS[table][name] for name in coordinates]
    given |= coordinates
    query = _QUERY.format(
        type=_TYPES[table],
        table=table,
        also=f"f.{_ALSO[table]}" if table in _ALSO else "1",
        more=_MORE.get(table, ""),
        once=f"DISTINCT ON (f.{once})" if once else "",
        first=f"f.{once}," if once else "",
        within=scope.within("day"),
        stands=STANDS,
        conditions=" AND ".join(conditions) or "true",
    )
    return await _page(session, query, scope, given, limit, offset, "first", "last", "known")


async def words_about(
    session: AsyncSession, difficulty: str, last: date, known: date
) -> Sequence[sa.Row]:
    """Every event about a difficulty up to a day, in their order."""
    asked = {"difficulty": difficulty, "last": last, "known": known}
    return (await session.execute(sa.text(_WORDS), asked)).all()


async def notices(
    session: AsyncSession,
    scope: Scope,
    unit: str | None,
    since: date | None,
    channel: str | None,
    column: str,
    limit: int,
    offset: int,
) -> Sequence[sa.Row]:
    """A page of the notices of a cell, each as far as it was known: never to whom it went."""
    conditions, given = _of_unit(unit, since)
    conditions.append(_OUTCOMES[column])
    if channel is not None:
        conditions.append("f.channel = :channel")
        given["channel"] = channel
    query = _NOTICES.format(
        once="", first="", within=scope.within("day"), conditions=" AND ".join(conditions)
    )
    return await _page(session, query, scope, given, limit, offset, "first", "last", "known")


NOTICE_COLUMNS = frozenset(_OUTCOMES)
"""The columns of the report on notices that lead to notices."""


async def undeliverable(
    session: AsyncSession,
    scope: Scope,
    unit: str | None,
    since: date | None,
    limit: int,
    offset: int,
) -> Sequence[sa.Row]:
    """A page of what messages were about whose applicant the carrier did not serve: of each the
    last message, never to which number."""
    conditions, given = _of_unit(unit, since)
    conditions.append(UNSERVED)
    query = _NOTICES.format(
        once=f"DISTINCT ON ({PLACE}, s.borne, f.subject)",
        first=f"{PLACE}, s.borne, f.subject,",
        within=scope.within("day"),
        conditions=" AND ".join(conditions),
    )
    return await _page(session, query, scope, given, limit, offset, "first", "last", "known")


async def refusals(
    session: AsyncSession,
    scope: Scope,
    unit: str | None,
    since: date | None,
    limit: int,
    offset: int,
) -> Sequence[sa.Row]:
    """A page of (unit, day, n): how many events intake refused; `_` where they named no unit."""
    conditions, given = _of_unit(unit, since)
    query = _REFUSALS.format(
        within=scope.within("day"), conditions=" AND ".join(conditions) or "true"
    )
    return await _page(session, query, scope, given, limit, offset, "first", "last")


def _of_unit(unit: str | None, since: date | None) -> tuple[list[str], dict[str, Any]]:
    """What the rows of a unit fulfil, and what is to be given for it; nothing for all units."""
    if unit is None:
        return [], {}
    return [_OF_UNIT], {"row_unit": unit, "row_since": since}


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
