"""Notices that are held back, and those withdrawn because they waited too long."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.store.notices import NewNotice

HOLD = sa.text(
    "WITH r AS (SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:reasons AS text[]),"
    " CAST(:untils AS timestamptz[]), CAST(:stales AS timestamptz[]))"
    " AS r(id, reason, until, stale)),"
    " held AS (UPDATE notices n SET reason = r.reason, next_at = r.until,"
    " stale_at = greatest(n.stale_at, r.stale), changed_at = :now"
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
GATHERING = sa.text(
    "SELECT pg_try_advisory_xact_lock(hashtextextended(current_schema() || '.gathering', 0))"
)
GATHERED = (
    "SELECT n.id, n.kind, n.version, n.audience, n.recipient, n.subject, n.unit, n.at, n.channel,"
    " n.address, n.title, n.facts, n.attempts, n.state, n.reason, n.created_at, n.digest"
    " FROM notices n"
)
READY_FOR = sa.text(
    f"{GATHERED} WHERE n.audience = 'officer' AND n.state = 'ready' AND n.next_at <= :now"
    " AND (n.stale_at IS NULL OR n.stale_at > :now) AND (n.recipient, n.channel, n.address) IN"
    " (SELECT * FROM unnest(CAST(:recipients AS text[]), CAST(:channels AS text[]),"
    " CAST(:addresses AS text[]))) ORDER BY n.at, n.seq LIMIT 5000 FOR UPDATE OF n SKIP LOCKED"
)
MEMBERS = sa.text(
    f"{GATHERED} WHERE n.digest = ANY(CAST(:digests AS uuid[])) AND n.state = 'digested'"
    " ORDER BY n.at, n.seq FOR UPDATE OF n"
)
FOLD = sa.text(
    "WITH r AS (SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:lists AS uuid[]))"
    " AS r(id, list)),"
    " told AS (UPDATE notices n SET state = 'digested', reason = 'digest', digest = r.list,"
    " next_at = NULL, stale_at = NULL, changed_at = :now FROM r WHERE n.id = r.id"
    " RETURNING n.id, n.digest)"
    " INSERT INTO notice_history (notice, at, state, reason, detail)"
    " SELECT id, CAST(:now AS timestamptz), 'digested', 'digest', digest::text FROM told"
)
REWRITE = sa.text(
    "UPDATE notices SET title = :title, body = :body, segments = :segments,"
    " facts = CAST(:facts AS jsonb), changed_at = :now WHERE id = :id"
)
RECORD = sa.text(
    "WITH r AS (SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:reasons AS text[]))"
    " AS r(id, reason)),"
    " kept AS (UPDATE notices n SET state = 'dry_run', reason = r.reason, next_at = NULL,"
    " stale_at = NULL, changed_at = :now FROM r WHERE n.id = r.id RETURNING n.id, n.reason)"
    " INSERT INTO notice_history (notice, at, state, reason)"
    " SELECT id, CAST(:now AS timestamptz), 'dry_run', reason FROM kept"
)
DUE_DATES = sa.text(
    "SELECT key, version, state, slips_at, fulfilled_at FROM deadlines"
    " WHERE kind IN ('dossier', 'obligation') AND key = ANY(CAST(:keys AS text[]))"
)


async def hold(
    session: AsyncSession,
    held: Sequence[tuple[UUID, str, datetime]],
    now: datetime,
    good_for: timedelta | None = None,
) -> None:
    """Have picked notices wait: (id, why, until when). With ``good_for`` waiting does not make them
    too old before as long after that."""
    if held:
        ids, reasons, untils = (list(column) for column in zip(*held, strict=True))
        stales = [until + good_for if good_for else None for until in untils]
        given = {"ids": ids, "reasons": reasons, "untils": untils, "stales": stales, "now": now}
        await session.execute(HOLD, given)


async def withdraw(session: AsyncSession, gone: Mapping[UUID, str], now: datetime) -> None:
    """Never send some picked notices: id -> why."""
    if gone:
        given = {"ids": list(gone), "reasons": list(gone.values()), "now": now}
        await session.execute(WITHDRAW, given)


async def may_gather(session: AsyncSession) -> bool:
    """Whether it is this transaction's turn to look at what officers are told: one at a time, so
    that what is ready for an officer is not torn into several lists."""
    return bool(await session.scalar(GATHERING))


async def ready_for(
    session: AsyncSession, readers: Collection[tuple[str, str, str]], now: datetime
) -> Sequence[sa.Row]:
    """All that is ready for some officers, known by (recipient, channel, address), locked."""
    recipients, channels, addresses = (list(column) for column in zip(*readers, strict=True))
    given = {"recipients": recipients, "channels": channels, "addresses": addresses, "now": now}
    return (await session.execute(READY_FOR, given)).all()


async def fold(session: AsyncSession, told: Mapping[UUID, UUID], now: datetime) -> None:
    """Record that notices are told in lists: id -> the list's."""
    given = {"ids": list(told), "lists": list(told.values()), "now": now}
    await session.execute(FOLD, given)


async def members(session: AsyncSession, digests: Collection[UUID]) -> Sequence[sa.Row]:
    """The notices that some lists tell, locked."""
    return (await session.execute(MEMBERS, {"digests": list(digests)})).all()


async def rewrite(session: AsyncSession, notice: NewNotice, now: datetime) -> None:
    """Give a list another text."""
    given = {
        "id": notice.id,
        "title": notice.title,
        "body": notice.body,
        "segments": notice.segments,
        "facts": orjson.dumps(notice.facts).decode(),
        "now": now,
    }
    await session.execute(REWRITE, given)


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


async def record(session: AsyncSession, barred: Mapping[UUID, str], now: datetime) -> None:
    """Leave picked notices as a trial has them, written and shown: id -> why they never leave."""
    if barred:
        given = {"ids": list(barred), "reasons": list(barred.values()), "now": now}
        await session.execute(RECORD, given)


async def due_dates(session: AsyncSession, keys: Collection[str]) -> dict[tuple[str, str], sa.Row]:
    """The due dates of some dossiers and duties as they stand, by (key, version)."""
    if not keys:
        return {}
    rows = await session.execute(DUE_DATES, {"keys": sorted(keys)})
    return {(row.key, row.version): row for row in rows}
