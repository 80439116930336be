"""Results of indicators that give or cost points, as quota told them last."""

from collections.abc import Collection, Iterable
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting.rules import Result
from services.reporting.store.rows import Insert
from services.reporting.store.scope import LATEST
from shared.events import Event
from shared.events.outcomes import KnownFrom, Progress

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
    " target = excluded.target, told_at = excluded.told_at, seq = excluded.seq"
    " WHERE excluded.told_at > results.told_at",
)
_CHOSEN = (
    " WHERE (CAST(:plans AS text[]) IS NULL OR r.plan = ANY(CAST(:plans AS text[])))"
    " AND (CAST(:units AS text[]) IS NULL OR r.unit = ANY(CAST(:units AS text[])))"
)
_LOAD = sa.text(
    "SELECT plan, indicator, unit, period, state, numerator, denominator, target FROM results r"
    f"{_CHOSEN}"
)
_KEEP_DAYS = Insert(
    "result_days",
    {
        "plan": "text",
        "indicator": "text",
        "unit": "text",
        "period": "text",
        "rday": "date",
        "numerator": "bigint",
        "denominator": "bigint",
        "told_at": "timestamptz",
    },
    "ON CONFLICT (plan, indicator, unit, period, rday) DO UPDATE SET"
    " numerator = excluded.numerator, denominator = excluded.denominator,"
    " told_at = excluded.told_at, seq = excluded.seq"
    " WHERE excluded.told_at > result_days.told_at",
)
_LOAD_KNOWN = sa.text(
    "SELECT r.plan, r.indicator, r.unit, r.period, r.state, coalesce(d.numerator, 0),"
    " CASE WHEN r.denominator IS NOT NULL THEN coalesce(d.denominator, 0) END, r.target"
    " FROM results r LEFT JOIN (SELECT DISTINCT ON (plan, indicator, unit, period) * FROM result_days"
    " WHERE rday <= :known ORDER BY plan, indicator, unit, period, rday DESC) d"
    f" USING (plan, indicator, unit, period){_CHOSEN}"
)


async def keep(session: AsyncSession, outcomes: Collection[Event]) -> None:
    """Keep the latest state of each result and of each day on which it was known otherwise, in
    whatever order they come."""
    await _keep_days(session, outcomes)
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


async def _keep_days(session: AsyncSession, outcomes: Iterable[Event]) -> None:
    latest: dict[tuple[Any, ...], tuple[Event, KnownFrom]] = {}
    for event in outcomes:
        if isinstance(told := event.data, Progress):
            for each in told.recorded or ():
                key = (told.plan, told.indicator, told.unit, told.period, each.day)
                if key not in latest or event.order > latest[key][0].order:
                    latest[key] = event, each
    rows = [
        (*key, each.numerator, each.denominator, event.time)
        for key, (event, each) in sorted(latest.items(), key=lambda item: item[0])
    ]
    await _KEEP_DAYS.run(session, rows)


async def load(
    session: AsyncSession,
    known: date = LATEST,
    *,
    plans: Collection[str] | None = None,
    units: Collection[str] | None = None,
) -> list[Result]:
    """The results of some plans and units (null: of all) with the figures known on a day of
    recording; `state` is always the newest."""
    asked: dict[str, Any] = {
        "plans": None if plans is None else sorted(plans),
        "units": None if units is None else sorted(units),
    }
    if known == LATEST:
        return [Result(*row) for row in await session.execute(_LOAD, asked)]
    rows = await session.execute(_LOAD_KNOWN, asked | {"known": known})
    return [Result(*row) for row in rows]
