"""How many events intake refused, per unit and day."""

from collections import Counter
from collections.abc import Iterable
from datetime import date

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting.store.rows import Insert
from shared import clock
from shared.events import Event
from shared.events.outcomes import Refusals

_ADD = Insert(
    "refusals",
    {"unit": "text", "day": "date", "n": "bigint"},
    "ON CONFLICT (unit, day) DO UPDATE SET n = refusals.n + excluded.n",
)
_COUNTS = sa.text(
    "SELECT unit, sum(n)::bigint AS n FROM refusals WHERE day BETWEEN :first AND :last"
    " AND (CAST(:units AS text[]) IS NULL OR unit = ANY(CAST(:units AS text[]))) GROUP BY unit"
)


async def add(session: AsyncSession, outcomes: Iterable[Event]) -> None:
    """Add up refused events per unit and day of refusal."""
    sums: Counter[tuple[str, date]] = Counter()
    for event in outcomes:
        if isinstance(told := event.data, Refusals):
            sums[told.unit or "_", clock.local_day(told.at)] += told.count
    await _ADD.run(session, [(*place, n) for place, n in sorted(sums.items())])


async def counts(
    session: AsyncSession, first: date, last: date, units: frozenset[str] | None
) -> dict[str, int]:
    """Per unit the events that intake refused; `_` where they named no unit that exists."""
    asked = {"first": first, "last": last, "units": None if units is None else sorted(units)}
    return {row.unit: row.n for row in await session.execute(_COUNTS, asked)}
