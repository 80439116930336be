"""Single events by their (source, id), and who withdrew one from here."""

from collections.abc import Collection
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

_TYPES = {
    "submissions": "'motcua.dossier.submitted.v1'",
    "statuses": "'motcua.dossier.status_changed.v1'",
    "installs": "'motcua.install.recorded.v1'",
    "activities": "'motcua.activity.recorded.v1'",
    "surveys": "'motcua.survey.completed.v1'",
    "difficulties": "CASE WHEN f.resolved THEN 'motcua.difficulty.resolved.v1'"
    " ELSE 'motcua.difficulty.raised.v1' END",
    "filings": "f.type",
}
"""Table of events -> the type of each."""
_FIND = sa.text(
    "SELECT e.*, v.rday AS voided FROM ("
    + " UNION ALL ".join(
        f"SELECT {type} AS type, f.source, f.event_id AS id, f.time, f.rday, f.unit,"
        f" to_jsonb(f) AS told, f.uid FROM {table} f WHERE f.uid = :uid"
        for table, type in _TYPES.items()
    )
    + ") e LEFT JOIN voids v ON v.target = e.uid"
)
_ADD = sa.text(
    "INSERT INTO withdrawals (void, target, at, by, reason, replaced_by)"
    " VALUES (:void, :target, :at, :by, :reason, :replaced_by)"
)
_SENT = sa.text("UPDATE withdrawals SET sent = true WHERE void = :void")
_OF = sa.text(
    "SELECT DISTINCT ON (target) target, at, by, reason, replaced_by FROM withdrawals"
    " WHERE sent AND target = ANY(CAST(:targets AS bytea[])) ORDER BY target, at"
)


async def find(session: AsyncSession, uid: bytes) -> sa.Row | None:
    """An event as it is kept: (type, source, id, time, rday, unit, told, voided), or None."""
    return (await session.execute(_FIND, {"uid": uid})).first()


async def voided(session: AsyncSession, uid: bytes) -> date | None:
    """Since when an event is known to be withdrawn, whether it is kept here or not."""
    return await session.scalar(sa.text("SELECT rday FROM voids WHERE target = :uid"), {"uid": uid})


async def add(
    session: AsyncSession,
    void: UUID,
    target: bytes,
    at: datetime,
    by: str,
    reason: str,
    replaced_by: str | None,
) -> None:
    """Keep that somebody is about to withdraw an event."""
    given = {"void": void, "target": target, "at": at, "by": by, "reason": reason}
    await session.execute(_ADD, given | {"replaced_by": replaced_by})


async def mark_sent(session: AsyncSession, void: UUID) -> None:
    """Note that intake took it."""
    await session.execute(_SENT, {"void": void})


async def of(session: AsyncSession, targets: Collection[bytes]) -> dict[bytes, sa.Row]:
    """(at, by, reason, replaced_by) of the first withdrawal of each event that was sent from here."""
    rows = await session.execute(_OF, {"targets": sorted(targets)})
    return {row.target: row for row in rows}
