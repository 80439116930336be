"""How many events intake refused, per unit and day."""

from collections import Counter
from collections.abc import Iterable
from datetime import date

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting.rules import Place
from services.reporting.store.rows import Insert
from services.reporting.store.scope import PLACE, Scope
from shared import clock
from shared.events import Event
from shared.events.outcomes import Refusals

_ADD = Insert(
    "refusals",
    {"unit": "text", "day": "date", "n": "bigint"},
    "ON CONFLICT (unit, day) DO UPDATE SET n = refusals.n + excluded.n",
)
_COUNTS = f"""
SELECT {PLACE} AS place, s.borne, sum(n)::bigint AS n FROM refusals f {{within}}
WHERE day BETWEEN :first AND :last GROUP BY 1, 2
"""


async def add(session: AsyncSession, outcomes: Iterable[Event]) -> None:
    """Add up refused events per unit and day of refusal."""
    sums: Counter[tuple[str, date]] = Counter()
    for event in outcomes:
        if isinstance(told := event.data, Refusals):
            sums[told.unit or "_", clock.local_day(told.at)] += told.count
    await _ADD.run(session, [(*place, n) for place, n in sorted(sums.items())])


async def counts(session: AsyncSession, scope: Scope) -> dict[Place, int]:
    """Per unit the events that intake refused; `_` where they named no unit that exists."""
    query = sa.text(_COUNTS.format(within=scope.within("day")))
    rows = await session.execute(query, scope.parameters("first", "last"))
    return {Place(row.place, row.borne): row.n for row in rows}
