"""When officers are to be told of a due date, each time once."""

from collections.abc import Collection, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.rules.alerts import Alarm

CLEAR = sa.text(
    "DELETE FROM alerts a WHERE kind = :kind AND key = ANY(CAST(:keys AS text[]))"
    " AND done_at IS NULL AND NOT EXISTS (SELECT 1 FROM unnest(CAST(:wanted AS text[]),"
    " CAST(:versions AS text[]), CAST(:whats AS text[]), CAST(:ats AS timestamptz[]))"
    " AS r(key, version, what, at) WHERE r.key = a.key AND r.version = a.version"
    " AND r.what = a.what AND r.at = a.at)"
)
PUT = sa.text(
    "INSERT INTO alerts (kind, key, version, what, at, units)"
    " SELECT :kind, r.key, r.version, r.what, r.at, string_to_array(r.units, ',')"
    " FROM unnest(CAST(:wanted AS text[]), CAST(:versions AS text[]), CAST(:whats AS text[]),"
    " CAST(:ats AS timestamptz[]), CAST(:units AS text[])) AS r(key, version, what, at, units)"
    " ORDER BY r.key, r.version, r.what, r.at"
    " ON CONFLICT (kind, key, version, what, at) DO UPDATE SET units = excluded.units"
    " WHERE alerts.done_at IS NULL AND alerts.units <> excluded.units"
)
ANY_DUE = sa.text("SELECT min(at) <= :now FROM alerts WHERE done_at IS NULL")
DUE = sa.text(  # OFFSET 0: due dates are looked up one by one, never read through
    "SELECT a.kind, a.key, a.version, a.what, a.at, a.units, d.number, d.subject, d.unit, d.due_at,"
    " d.due_day, d.state, d.slips_at, d.fulfilled_at, d.moved, d.origin, d.source, d.origin_time,"
    " d.plan, d.obligation, d.period, d.facts, d.approached_at, d.announced_at,"
    " (SELECT array_agg(DISTINCT u.target) FROM alerts b, unnest(b.units) AS u(target)"
    "  WHERE b.kind = a.kind AND b.key = a.key AND b.version = a.version AND b.done_at IS NULL"
    "  AND b.at > a.at AND b.at <= :now) AS later"
    " FROM alerts a LEFT JOIN LATERAL (SELECT * FROM deadlines x WHERE x.kind = a.kind"
    " AND x.key = a.key AND x.version = a.version OFFSET 0) AS d ON true"
    " WHERE a.done_at IS NULL AND a.at <= :now ORDER BY a.at, a.kind, a.key, a.version, a.what"
    " LIMIT :limit FOR UPDATE OF a SKIP LOCKED"
)
DONE = sa.text(
    "UPDATE alerts a SET done_at = :now FROM unnest(CAST(:kinds AS text[]), CAST(:keys AS text[]),"
    " CAST(:versions AS text[]), CAST(:whats AS text[]), CAST(:ats AS timestamptz[]))"
    " AS r(kind, key, version, what, at) WHERE a.kind = r.kind AND a.key = r.key"
    " AND a.version = r.version AND a.what = r.what AND a.at = r.at"
)
APPROACHED = sa.text(
    "UPDATE deadlines SET approached_at = :now FROM unnest(CAST(:kinds AS text[]),"
    " CAST(:keys AS text[]), CAST(:versions AS text[])) AS r(k, s, v)"
    " WHERE kind = r.k AND key = r.s AND version = r.v"
)


Set = tuple[str, str, Alarm]
"""Key and version of a due date, and an alarm of it."""


async def put(
    session: AsyncSession,
    kind: str,
    keys: Collection[str],
    standing: Sequence[Set],
    fresh: Sequence[Set],
) -> None:
    """Keep the alarms of some due dates: those that stand if they are known, and the fresh ones.

    What is done stays done.
    """
    if not keys:
        return
    await session.execute(CLEAR, {"kind": kind, "keys": sorted(keys), **_columns(standing)})
    if fresh:
        units = [",".join(alarm.units) for _, _, alarm in fresh]
        await session.execute(PUT, {"kind": kind, "units": units, **_columns(fresh)})


def _columns(alarms: Sequence[Set]) -> dict[str, list]:
    return {
        "wanted": [key for key, _, _ in alarms],
        "versions": [version for _, version, _ in alarms],
        "whats": [alarm.what for _, _, alarm in alarms],
        "ats": [alarm.at for _, _, alarm in alarms],
    }


async def any_due(session: AsyncSession, now: datetime) -> bool:
    """Whether somebody is to be told."""
    return bool(await session.scalar(ANY_DUE, {"now": now}))


async def take_due(session: AsyncSession, now: datetime, limit: int) -> Sequence[sa.Row]:
    """The alarms whose time has come, with their due dates, locked."""
    return (await session.execute(DUE, {"now": now, "limit": limit})).all()


async def mark_done(session: AsyncSession, rows: Sequence[sa.Row], now: datetime) -> None:
    """Record that nothing more is to be done about some alarms."""
    if rows:
        given = {
            "kinds": [row.kind for row in rows],
            "keys": [row.key for row in rows],
            "versions": [row.version for row in rows],
            "whats": [row.what for row in rows],
            "ats": [row.at for row in rows],
        }
        await session.execute(DONE, given | {"now": now})


async def mark_approached(session: AsyncSession, rows: Sequence[sa.Row], now: datetime) -> None:
    """Record that it was announced that some due dates approach."""
    if rows:
        given = {
            "kinds": [row.kind for row in rows],
            "keys": [row.key for row in rows],
            "versions": [row.version for row in rows],
        }
        await session.execute(APPROACHED, given | {"now": now})
