"""Scores of surveys, summed by day and month."""

from collections.abc import Callable, Mapping
from datetime import date

from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting.rules import MONTH, Place, ScoreCell, Tally
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
_QUARTER = f"""CASE f.level WHEN {MONTH} THEN f.block / 3
    ELSE CAST(extract(year FROM {_DAY}) * 4 + extract(quarter FROM {_DAY}) - 1 AS integer) END"""
_GROUPS = (PLACE, "s.borne", "f.domain", "f.mode", _QUARTER, "f.item", "f.questionnaire")
_OF_DOMAIN = "AND f.domain = :domain"


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
) -> list[tuple[tuple[Place, str, str, str, str, str], Tally]]:
    """Answers by (unit, domain, mode, quarter, item, questionnaire)."""
    figures = ("n", "scored", "total", "outside")
    more = "" if domain is None else _OF_DOMAIN
    query, values = _SUMS.reading(_GROUPS, figures, scope, period(scope), more=more)
    if domain is not None:
        values["domain"] = domain
    found = [
        (
            (Place(place, borne), of, mode, f"{number // 4:04d}-Q{number % 4 + 1}", item, asked),
            Tally(int(n), int(scored), total, int(outside)),
        )
        for place, borne, of, mode, number, item, asked, _, n, scored, total, outside in (
            await session.execute(query, values)
        )
        if n
    ]
    return sorted(
        found, key=lambda one: ((one[0][0].unit, one[0][0].since or date.min), one[0][1:])
    )
