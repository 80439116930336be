"""Scores of surveys, summed by blocks of days."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from functools import lru_cache
from operator import itemgetter

from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting.rules import (
    MONTH,
    QUARTER,
    THIRD,
    Place,
    ScoreCell,
    Tally,
    start_before,
)
from services.reporting.store.blocks import Sums, period
from services.reporting.store.scope import PLACE, Scope

_SUMS = Sums(
    "score_sums",
    {
        "unit": "text",
        "domain": "text",
        "mode": "text",
        "questionnaire": "text",
        "item": "text",
    },
    {"n": "bigint", "scored": "bigint", "total": "numeric", "outside": "bigint"},
)
_DAY = "(DATE '0001-01-01' + f.block)"
_QUARTER = f"""CASE f.level WHEN {QUARTER} THEN f.block WHEN {MONTH} THEN f.block / 3
    WHEN {THIRD} THEN f.block / 9
    ELSE CAST(date_part('year', {_DAY}) * 4 + date_part('quarter', {_DAY}) - 1 AS integer) END"""
_GROUPS = (PLACE, "s.borne", "f.domain", "f.mode", _QUARTER, "f.item", "f.questionnaire")
_OF_DOMAIN = "AND f.domain = :domain"

Group = tuple[Place, str, str, str, str, str]
"""(unit, domain, mode, quarter, item, questionnaire)."""


async def add(
    session: AsyncSession, change: Mapping[ScoreCell, Tally], era: Callable[[date], date]
) -> None:
    """Add signed tallies to the sums."""
    await _SUMS.add(
        session,
        (
            (
                cell[:5],
                cell.business_day,
                cell.recorded_day,
                (one.n, one.scored, one.total, one.outside),
            )
            for cell, one in change.items()
        ),
        era,
    )


async def tallies(
    session: AsyncSession, scope: Scope, domain: str | None
) -> list[tuple[Group, Tally, Tally | None]]:
    """Answers by (unit, domain, mode, quarter, item, questionnaire), each beside those of the whole
    quarter before; null where there were none. All days are read once."""
    ranges, since = period(scope), start_before(scope.first)
    if since < scope.first:
        earlier = replace(scope, first=since, last=scope.first - timedelta(days=1))
        ranges += [(each, "before") for each, _ in period(earlier)]
    figures = ("n", "scored", "total", "outside")
    more, values = ("", {}) if domain is None else (_OF_DOMAIN, {"domain": domain})
    rows = await _SUMS.read(session, _GROUPS, figures, scope, ranges, more=more, **values)
    places: dict[tuple[str, date | None], Place] = {}
    within: dict[Place, list[tuple[_Key, Tally]]] = {}
    whole: dict[_Key, Tally] = {}
    for unit, borne, of, mode, quarter, item, asked, part, n, scored, total, outside in rows:
        place = places.get((unit, borne))
        if place is None:
            place = places[unit, borne] = Place(unit, borne)
        key = (place, of, mode, quarter, item, asked)
        tally = Tally(n, scored, total, outside)
        if part == "in" and n:
            within.setdefault(place, []).append((key, tally))
        known = whole.get(key)
        whole[key] = tally if known is None else known + tally
    found = []
    for place in sorted(within, key=lambda one: (one.unit, one.since or date.min)):
        for (_, of, mode, quarter, item, asked), tally in sorted(within[place], key=itemgetter(0)):
            before = whole.get((place, of, mode, quarter - 1, item, asked))
            group = (place, of, mode, _named(quarter), item, asked)
            found.append((group, tally, before if before is not None and before.n else None))
    return found


_Key = tuple[Place, str, str, int, str, str]


@lru_cache(maxsize=512)
def _named(quarter: int) -> str:
    return f"{quarter // 4:04d}-Q{quarter % 4 + 1}"
