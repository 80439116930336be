"""Scores of surveys, summed by blocks of days."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta

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
    ELSE CAST(extract(year FROM {_DAY}) * 4 + extract(quarter FROM {_DAY}) - 1 AS integer) END"""
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
    more = "" if domain is None else _OF_DOMAIN
    query, values = _SUMS.reading(_GROUPS, figures, scope, ranges, more=more)
    if domain is not None:
        values["domain"] = domain
    found: dict[Group, Tally] = {}
    whole: dict[Group, Tally] = {}
    quarters: dict[int, str] = {}
    for (
        place,
        borne,
        of,
        mode,
        number,
        item,
        asked,
        part,
        n,
        scored,
        total,
        outside,
    ) in await session.execute(query, values):
        quarter = quarters.get(number)
        if quarter is None:
            quarter = quarters[number] = f"{number // 4:04d}-Q{number % 4 + 1}"
        group = (Place(place, borne), of, mode, quarter, item, asked)
        tally = Tally(int(n), int(scored), total, int(outside))
        if part == "in" and n:
            found[group] = tally
        known = whole.get(group)
        whole[group] = tally if known is None else known + tally
    ordered = sorted(
        found.items(), key=lambda one: ((one[0][0].unit, one[0][0].since or date.min), one[0][1:])
    )
    return ordered, {group: tally for group, tally in whole.items() if tally.n}
