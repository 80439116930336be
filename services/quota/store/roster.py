"""Queries about half days on duty."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.quota.rules import OnDuty, Planned
from services.quota.store.batches import insert
from shared import clock


async def put_roster(
    session: AsyncSession, planned: Sequence[Planned], days: tuple[date, date] | None
) -> None:
    """Plan half days instead of what was planned for the same ones.

    ``days``: what the same units had planned from the first to the last of them goes, too.
    """
    slots = sorted({each.slot for each in planned})
    units, on, halves = (list(column) for column in zip(*slots, strict=True))
    await session.execute(
        sa.text(
            "DELETE FROM roster r USING unnest(CAST(:units AS text[]), CAST(:days AS date[]),"
            " CAST(:halves AS text[])) AS s(unit, day, session)"
            " WHERE r.unit = s.unit AND r.day = s.day AND r.session = s.session"
        ),
        {"units": units, "days": on, "halves": halves},
    )
    if days is not None:
        await session.execute(
            sa.text("DELETE FROM roster WHERE unit = ANY(:units) AND day BETWEEN :first AND :last"),
            {"units": sorted(set(units)), "first": days[0], "last": days[1]},
        )
    types = {"unit": "text", "day": "date", "session": "text", "member": "text"}
    await insert(session, "roster", types, sorted((*each.slot, each.member) for each in planned))


async def roster(session: AsyncSession, first: date, last: date) -> list[Planned]:
    """What is planned from one day to another."""
    rows = await session.execute(
        sa.text("SELECT * FROM roster WHERE day BETWEEN :first AND :last"),
        {"first": first, "last": last},
    )
    return [Planned(row.unit, row.day, row.session, row.member) for row in rows]


async def on_duty(session: AsyncSession, first: date, last: date) -> list[OnDuty]:
    """Who was on duty from one day to another."""
    rows: Sequence[Any] = (
        await session.execute(
            sa.text(
                "SELECT f.data ->> 'unit' AS unit, f.data ->> 'member' AS member, f.occurred_at"
                " FROM facts f LEFT JOIN voids v ON v.uid = f.uid"
                " WHERE f.type = 'motcua.activity.recorded.v1' AND f.data ->> 'kind' = 'duty'"
                " AND f.occurred_at >= :since AND f.occurred_at < :until AND v.uid IS NULL"
            ),
            {"since": clock.start_of(first), "until": clock.start_of(last + timedelta(days=1))},
        )
    ).all()
    return [OnDuty(row.unit, row.member, row.occurred_at) for row in rows]
