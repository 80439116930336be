"""Scores of surveys, summed by blocks of days."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from functools import lru_cache
from operator import itemgetter

from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting.rules import MONTH, QUARTER, THIRD, Place, ScoreCell, Tally
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
) -> list[tuple[Group, Tally]]:
    """Answers by (unit, domain, mode, quarter, item, questionnaire)."""
    return (await tallies_since(session, scope, scope.first, domain))[0]


async def tallies_since(
    session: AsyncSession, scope: Scope, since: date, domain: str | None
) -> tuple[list[tuple[Group, Tally]], dict[Group, Tally]]:
    """The same, and beside it what they are from an earlier day on: all days are read once."""
    ranges = period(scope)
    if since < scope.first:
        earlier = replace(scope, first=since, last=scope.first - timedelta(days=1))
        ranges += [(each, "before") for each, _ in period(earlier)]
    figures = ("n", "scored", "total", "outside")
    more, values = ("", {}) if domain is None else (_OF_DOMAIN, {"domain": domain})
    rows = await _SUMS.read(session, _GROUPS, figures, scope, ranges, more=more, **values)
    found: dict[Place, list[tuple[Group, Tally]]] = {}
    whole: dict[Group, Tally] = {}
    for place, borne, of, mode, number, item, asked, part, n, scored, total, outside in rows:
        group = (Place(place, borne), of, mode, _named(number), item, asked)
        tally = Tally(n, scored, total, outside)
        if part == "in" and n:
            found.setdefault(group[0], []).append((group, tally))
        known = whole.get(group)
        whole[group] = tally if known is None else known + tally
    places = sorted(found, key=lambda one: (one.unit, one.since or date.min))
    ordered = [one for place in places for one in sorted(found[place], key=itemgetter(0))]
    return ordered, {group: tally for group, tally in whole.items() if tally.n}


@lru_cache(maxsize=512)
def _named(quarter: int) -> str:
    return f"{quarter // 4:04d}-Q{quarter % 4 + 1}"
