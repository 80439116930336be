"""What an indicator's figure is made of: each key that counts, and the events behind it."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from services.quota import rules, store
from services.quota.rules import History
from shared import clock

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Figure:
    """A numerator (`part` of) or a denominator (over) of a plan's progress."""

    history: History
    indicator: str
    unit: str
    period: str
    part: str
    as_of: date | None


async def behind(
    session: AsyncSession, figure: Figure, limit: int, offset: int
) -> tuple[list[Row], Row] | None:
    """A page of what counts: (rows, total); null where the plan has no such period.

    A row is what counts once: a machine, a dossier, an event. `n` is what it adds; the total's `n`
    is the figure itself, unless opening figures stand in for events (`opening`).
    """
    today = min(figure.as_of or clock.today(), clock.today())
    one = next(
        (
            each
            for each in rules.owned_periods(figure.history, figure.indicator, today)
            if each.period == figure.period
        ),
        None,
    )
    if one is None:
        return None
    periods = rules.stored_periods(one.made.period, (one.start, one.end))
    measure = one.made.denominator if figure.part == rules.OVER else one.made.measure
    rows = await store.behind(
        session,
        figure.history.name,
        figure.indicator,
        figure.part,
        figure.unit,
        periods,
        figure.as_of,
        measure is not None and measure.fact in rules.DERIVED,
        limit,
        offset,
    )
    found = [row for row in rows if row.events is not None]
    after = offset + len(found)
    count = int(rows[0].rows)
    total = {
        "n": int(rows[0].whole),
        "rows": count,
        "next_offset": after if found and after < count else None,
    }
    return [{"n": row.n, "events": _events(row.events)} for row in found], total


def _events(told: Any) -> list[Row]:
    decoded: list[Row] = orjson.loads(told) if isinstance(told, str | bytes) else told
    return [
        each | {"time": datetime.fromisoformat(each["time"]).astimezone(clock.VN).isoformat()}
        for each in decoded
    ]
