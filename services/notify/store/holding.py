"""Notices that are held back, and those withdrawn because they waited too long."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

HOLD = sa.text(
    "WITH r AS (SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:reasons AS text[]),"
    " CAST(:untils AS timestamptz[])) AS r(id, reason, until)),"
    " held AS (UPDATE notices n SET reason = r.reason, next_at = r.until, changed_at = :now"
    " FROM r WHERE n.id = r.id RETURNING n.id, n.state, n.reason, n.next_at)"
    " INSERT INTO notice_history (notice, at, state, reason, detail)"
    " SELECT id, CAST(:now AS timestamptz), state, reason, 'until '"
    " || to_char(next_at AT TIME ZONE 'Asia/Ho_Chi_Minh', 'YYYY-MM-DD HH24:MI') FROM held"
)
WITHDRAW = sa.text(
    "WITH r AS (SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:reasons AS text[]))"
    " AS r(id, reason)),"
    " gone AS (UPDATE notices n SET state = 'withdrawn', reason = r.reason, next_at = NULL,"
    " stale_at = NULL, changed_at = :now FROM r WHERE n.id = r.id RETURNING n.id, n.reason)"
    " INSERT INTO notice_history (notice, at, state, reason)"
    " SELECT id, CAST(:now AS timestamptz), 'withdrawn', reason FROM gone"
)
# Whoever counts what an address was sent waits for those who are counting it: in one order.
COUNTING = sa.text(
    "SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || '.left.' || k, 0))"
    " FROM (SELECT k FROM unnest(CAST(:keys AS text[])) AS r(k) ORDER BY k) AS sorted"
)
LEFT = sa.text(
    "SELECT n.channel, n.address, count(*) AS n FROM unnest(CAST(:channels AS text[]),"
    " CAST(:addresses AS text[])) AS r(channel, address) JOIN notices n"
    " ON n.address = r.address AND n.channel = r.channel AND n.left_on = CAST(:day AS date)"
    " GROUP BY 1, 2"
)
DUE_DATES = sa.text(
    "SELECT key, version, state, slips_at, fulfilled_at FROM deadlines"
    " WHERE kind IN ('dossier', 'obligation') AND key = ANY(CAST(:keys AS text[]))"
)


async def hold(
    session: AsyncSession, held: Sequence[tuple[UUID, str, datetime]], now: datetime
) -> None:
    """Have picked notices wait: (id, why, until when)."""
    if held:
        ids, reasons, untils = (list(column) for column in zip(*held, strict=True))
        await session.execute(HOLD, {"ids": ids, "reasons": reasons, "untils": untils, "now": now})


async def withdraw(session: AsyncSession, gone: Mapping[UUID, str], now: datetime) -> None:
    """Never send some picked notices: id -> why."""
    if gone:
        given = {"ids": list(gone), "reasons": list(gone.values()), "now": now}
        await session.execute(WITHDRAW, given)


async def count_left(
    session: AsyncSession, readers: Collection[tuple[str, str]], day: date
) -> dict[tuple[str, str], int]:
    """How many notices each (channel, address) was sent on a local day; nobody else counts those
    until this transaction ends."""
    ordered = sorted(readers)
    channels, addresses = [channel for channel, _ in ordered], [address for _, address in ordered]
    await session.execute(COUNTING, {"keys": [f"{c}/{a}" for c, a in ordered]})
    given = {"channels": channels, "addresses": addresses, "day": day}
    rows = await session.execute(LEFT, given)
    return {(row.channel, row.address): row.n for row in rows}


async def due_dates(session: AsyncSession, keys: Collection[str]) -> dict[tuple[str, str], sa.Row]:
    """The due dates of some dossiers and duties as they stand, by (key, version)."""
    if not keys:
        return {}
    rows = await session.execute(DUE_DATES, {"keys": sorted(keys)})
    return {(row.key, row.version): row for row in rows}
