"""Results of indicators that give or cost points, as quota told them last."""

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting.rules import Result
from services.reporting.store.rows import Insert
from shared.events import Event
from shared.events.outcomes import Progress

_KEEP = Insert(
    "results",
    {
        "plan": "text",
        "indicator": "text",
        "unit": "text",
        "period": "text",
        "state": "text",
        "numerator": "bigint",
        "denominator": "bigint",
        "target": "double precision",
        "told_at": "timestamptz",
    },
    "ON CONFLICT (plan, indicator, unit, period) DO UPDATE SET state = excluded.state,"
    " numerator = excluded.numerator, denominator = excluded.denominator,"
    " target = excluded.target, told_at = excluded.told_at"
    " WHERE excluded.told_at > results.told_at",
)
_LOAD = sa.text(
    "SELECT plan, indicator, unit, period, state, numerator, denominator, target FROM results"
)


async def keep(session: AsyncSession, outcomes: Iterable[Event]) -> None:
    """Keep the latest state of each result, in whatever order they come."""
    latest: dict[tuple[str, ...], Event] = {}
    for event in outcomes:
        if isinstance(told := event.data, Progress) and told.state is not None:
            key = (told.plan, told.indicator, told.unit, told.period)
            if key not in latest or event.order > latest[key].order:
                latest[key] = event
    rows = []
    for key in sorted(latest):
        told = latest[key].data
        assert isinstance(told, Progress)
        figures = (told.numerator, told.denominator, told.target)
        rows.append((*key, told.state, *figures, latest[key].time))
    await _KEEP.run(session, rows)


async def load(session: AsyncSession) -> list[Result]:
    """All results."""
    return [Result(*row) for row in (await session.execute(_LOAD)).tuples()]
