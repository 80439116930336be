"""Sending: picking what is ready, recording attempts and how they ended, receipts, the lost."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from shared import clock

PICK = sa.text(
    "SELECT n.id, n.kind, n.version, n.audience, n.recipient, n.subject, n.unit, n.at, n.channel,"
    " n.address, n.title, n.body, n.segments, n.facts, n.attempts, n.state, n.reason, n.stale_at,"
    " n.created_at, n.left_on, t.providers, t.verdicts"
    " FROM unnest(CAST(:channels AS text[]), CAST(:rooms AS integer[])) AS c(channel, room)"
    " CROSS JOIN LATERAL (SELECT * FROM notices m WHERE m.channel = c.channel"
    " AND m.state IN ('ready', 'retrying') AND m.next_at <= :now AND m.address IS NOT NULL"
    " AND (m.stale_at IS NULL OR m.stale_at > :now)"
    " AND (CAST(:officers AS boolean) OR m.audience <> 'officer')"
    " ORDER BY m.next_at, m.seq LIMIT c.room FOR UPDATE SKIP LOCKED) AS n"
    " LEFT JOIN LATERAL (SELECT array_agg(a.provider) AS providers,"
    " array_agg(a.verdict) AS verdicts FROM attempts a"
    " WHERE n.attempts > 0 AND a.notice = n.id) AS t ON true"
)
BEGIN = sa.text(
    "WITH r AS (SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:providers AS text[]),"
    " CAST(:references AS text[]), CAST(:prices AS bigint[]), CAST(:segments AS integer[]))"
    " AS r(id, provider, reference, price, segments)),"
    " claimed AS (UPDATE notices n SET state = 'sending', reason = NULL, next_at = NULL,"
    " left_on = :today, attempts = attempts + 1, claimed_by = :instance, claimed_at = :now, changed_at = :now"
    " FROM r WHERE n.id = r.id"
    " RETURNING n.id, n.attempts, r.provider, r.reference, r.price, r.segments),"
    " noted AS (INSERT INTO notice_history (notice, at, state)"
    " SELECT id, CAST(:now AS timestamptz), 'sending' FROM claimed)"
    " INSERT INTO attempts (notice, number, provider, reference, price, segments, instance,"
    " started_at) SELECT id, attempts, provider, reference, price, segments, :instance, :now"
    " FROM claimed"
)
DEFER = sa.text("UPDATE notices SET next_at = :until WHERE id = ANY(CAST(:ids AS uuid[]))")
PACES = sa.text(
    "SELECT provider, tokens, at FROM paces WHERE provider = ANY(CAST(:providers AS text[]))"
    " ORDER BY provider FOR UPDATE"
)
KNOW_PACES = sa.text(
    "INSERT INTO paces (provider, tokens, at)"
    " SELECT p, t, :now FROM unnest(CAST(:providers AS text[]),"
    " CAST(:tokens AS double precision[])) AS r(p, t) ORDER BY p"
    " ON CONFLICT (provider) DO NOTHING"
)
SPEND = sa.text(
    "UPDATE paces p SET tokens = r.t, at = greatest(p.at, CAST(:now AS timestamptz))"
    " FROM unnest(CAST(:providers AS text[]), CAST(:tokens AS double precision[])) AS r(p, t)"
    " WHERE p.provider = r.p"
)
SETTLE = sa.text(
    "WITH r AS (SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:numbers AS integer[]),"
    " CAST(:verdicts AS text[]), CAST(:details AS text[]), CAST(:providers AS text[]),"
    " CAST(:states AS text[]), CAST(:reasons AS text[]), CAST(:nexts AS timestamptz[]),"
    " CAST(:costs AS bigint[]), CAST(:segments AS integer[]))"
    " AS r(id, number, verdict, detail, provider, state, reason, next_at, cost, segments)),"
    " held AS MATERIALIZED (SELECT n.id FROM notices n JOIN r ON r.id = n.id"
    " ORDER BY n.id FOR UPDATE OF n),"
    " ended AS (UPDATE attempts a SET ended_at = :now, verdict = r.verdict, detail = r.detail"
    " FROM r WHERE a.notice = r.id AND a.number = r.number),"
    " settled AS (UPDATE notices n SET next_at = r.next_at,"
    " state = CASE WHEN r.state = 'retrying' AND n.address IS NULL THEN 'withheld'"
    " ELSE r.state END, reason = CASE WHEN r.state = 'retrying' AND n.address IS NULL"
    " THEN 'erased' ELSE r.reason END, provider = r.provider, claimed_by = NULL,"
    " left_on = CASE WHEN r.state <> 'failed' THEN n.left_on END,"
    " claimed_at = NULL, changed_at = :now, cost = coalesce(r.cost, n.cost),"
    " segments = coalesce(r.segments, n.segments)"
    " FROM r, held WHERE n.id = r.id AND held.id = n.id AND n.attempts = r.number"
    " AND n.state IN ('sending', 'unknown')"
    " RETURNING n.id, n.kind, n.audience, n.channel, n.unit, n.subject, n.segments, n.state,"
    " n.reason, n.cost, r.number, r.provider, r.detail),"
    " noted AS (INSERT INTO notice_history (notice, at, state, reason, detail)"
    " SELECT id, CAST(:now AS timestamptz), state, reason, detail FROM settled)"
    " SELECT * FROM settled ORDER BY id"
)
LOSE = (
    "WITH lost AS (UPDATE notices SET state = 'unknown', reason = 'interrupted',"
    " claimed_by = NULL, claimed_at = NULL, changed_at = :now"
    " WHERE state = 'sending' AND {} RETURNING id),"
    " noted AS (INSERT INTO notice_history (notice, at, state, reason)"
    " SELECT id, CAST(:now AS timestamptz), 'unknown', 'interrupted' FROM lost)"
    " SELECT count(*) FROM lost"
)
LOSE_OLD = sa.text(LOSE.format("claimed_at < :before"))
LOSE_OF = sa.text(LOSE.format("claimed_by = ANY(CAST(:instances AS text[]))"))
# An instance holds the lock of its name as long as it lives: what can be locked is dead.
INSTANCE_LOCK = "hashtextextended(current_schema() || '.instance.' || {}, 0)"
HOLD = sa.text(f"SELECT pg_advisory_lock({INSTANCE_LOCK.format(':instance')})")
DEAD = sa.text(
    "SELECT claimed_by FROM (SELECT DISTINCT claimed_by FROM notices WHERE state = 'sending') AS c"
    f" WHERE pg_try_advisory_xact_lock({INSTANCE_LOCK.format('claimed_by')})"
)
EXPIRE = sa.text(
    "WITH old AS (SELECT id FROM notices"
    " WHERE state IN ('waiting_contact', 'ready', 'retrying') AND stale_at <= :now"
    " ORDER BY stale_at LIMIT 500 FOR UPDATE SKIP LOCKED),"
    " expired AS (UPDATE notices n SET state = CASE WHEN n.attempts > 0 THEN 'failed'"
    " ELSE 'withheld' END, reason = 'stale', next_at = NULL, stale_at = NULL, changed_at = :now"
    " WHERE n.id = ANY(ARRAY(SELECT id FROM old)) RETURNING n.id, n.state),"
    " noted AS (INSERT INTO notice_history (notice, at, state, reason)"
    " SELECT id, CAST(:now AS timestamptz), state, 'stale' FROM expired)"
    " SELECT count(*) FROM expired"
)
FURTHEST = (  # a receipt never falls behind one that was heard before
    "CASE WHEN coalesce(array_position(ARRAY['buffered', 'accepted', 'failed', 'delivered'],"
    " {new}), 0) > coalesce(array_position(ARRAY['buffered', 'accepted', 'failed', 'delivered'],"
    " {old}), 0) THEN {new} ELSE {old} END"
)
NAME_PARTS = sa.text(  # a name that a provider uses anew belongs to the newer message
    "INSERT INTO handovers (provider, message_id, notice, number, parts, at)"
    " SELECT p, m, n, k, c, CAST(:now AS timestamptz) FROM unnest(CAST(:providers AS text[]),"
    " CAST(:ids AS text[]), CAST(:notices AS uuid[]), CAST(:numbers AS integer[]),"
    " CAST(:parts AS integer[])) AS r(p, m, n, k, c) ORDER BY p, m"
    " ON CONFLICT (provider, message_id) DO UPDATE SET notice = excluded.notice,"
    " number = excluded.number, parts = excluded.parts, at = excluded.at,"
    " receipt = CASE WHEN handovers.notice IS NULL OR (handovers.notice = excluded.notice"
    " AND handovers.number = excluded.number) THEN handovers.receipt END"
    " RETURNING provider, notice, number, receipt, detail"
)
HEAR = sa.text(
    "INSERT INTO handovers (provider, message_id, receipt, detail, at)"
    " SELECT p, m, t, d, CAST(:now AS timestamptz) FROM unnest(CAST(:providers AS text[]),"
    " CAST(:ids AS text[]), CAST(:receipts AS text[]), CAST(:details AS text[]))"
    " AS r(p, m, t, d) ORDER BY p, m"
    " ON CONFLICT (provider, message_id) DO UPDATE SET"
    f" receipt = {FURTHEST.format(new='excluded.receipt', old='handovers.receipt')},"
    " detail = excluded.detail RETURNING provider, message_id, notice, number"
)
WHOLE = sa.text(
    "SELECT notice, number, array_agg(receipt) AS receipts, max(parts) AS parts"
    " FROM handovers WHERE (notice, number) IN (SELECT * FROM unnest(CAST(:notices AS uuid[]),"
    " CAST(:numbers AS integer[]))) GROUP BY 1, 2"
)
REFERRED = sa.text(
    "SELECT notice, number, reference FROM attempts"
    " WHERE reference = ANY(CAST(:references AS text[]))"
    " AND provider = ANY(CAST(:providers AS text[]))"
)
JUDGED = sa.text(
    "SELECT n.id, n.state, n.receipt_failed, n.attempts, n.kind, n.audience, n.channel, n.unit,"
    " n.subject, coalesce(a.segments, n.segments) AS segments, coalesce(n.cost, a.price) AS cost,"
    " a.number, a.provider"
    " FROM unnest(CAST(:notices AS uuid[]), CAST(:numbers AS integer[])) AS r(notice, number)"
    " JOIN notices n ON n.id = r.notice"
    " JOIN attempts a ON a.notice = r.notice AND a.number = r.number"
    " ORDER BY n.id FOR UPDATE OF n"
)
RECEIVE = sa.text(
    "UPDATE notices n SET state = r.state, reason = r.reason, receipt_failed = r.state = 'failed',"
    " next_at = NULL, claimed_by = NULL, claimed_at = NULL, changed_at = :now,"
    " cost = coalesce(n.cost, r.cost), segments = r.segments"
    " FROM unnest(CAST(:ids AS uuid[]), CAST(:states AS text[]), CAST(:reasons AS text[]),"
    " CAST(:costs AS bigint[]), CAST(:segments AS integer[]))"
    " AS r(id, state, reason, cost, segments) WHERE n.id = r.id"
)
NOTES = sa.text(
    "INSERT INTO notice_history (notice, at, state, reason, detail)"
    " SELECT i, CAST(:now AS timestamptz), s, r, d FROM unnest(CAST(:ids AS uuid[]),"
    " CAST(:states AS text[]), CAST(:reasons AS text[]), CAST(:details AS text[]))"
    " WITH ORDINALITY AS x(i, s, r, d, o) ORDER BY o"
)
FORGET = sa.text(
    "DELETE FROM handovers WHERE ctid = ANY(ARRAY(SELECT ctid FROM handovers"
    " WHERE at < :before ORDER BY at LIMIT 1000))"
)
LATEST = sa.text("SELECT id, attempts FROM notices WHERE id = :id AND attempts > 0")


@dataclass(frozen=True, slots=True)
class Beginning:
    """An attempt about to be made; ``price`` is VND where it is taken, null where unknown."""

    notice: UUID
    provider: str
    reference: str
    price: int | None = None
    segments: int | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """How an attempt ended, and what its notice becomes; null ``segments`` leaves them as counted."""

    notice: UUID
    number: int
    provider: str
    verdict: str
    detail: str
    state: str
    reason: str | None
    next_at: datetime | None
    cost: int | None = None
    segments: int | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """What a provider calls a part of a message."""

    provider: str
    message_id: str
    notice: UUID
    number: int
    parts: int


async def pick(
    session: AsyncSession, rooms: Mapping[str, int], now: datetime, officers: bool = True
) -> Sequence[sa.Row]:
    """Notices that are ready, locked, at most so many of each channel, the longest due first; with
    or without those to officers."""
    given = {"channels": list(rooms), "rooms": list(rooms.values()), "now": now}
    given["officers"] = officers
    return (await session.execute(PICK, given)).all()


async def begin(
    session: AsyncSession, attempts: Sequence[Beginning], instance: str, now: datetime
) -> None:
    """Record that providers are about to be called for picked notices."""
    if attempts:
        given = {
            "ids": [each.notice for each in attempts],
            "providers": [each.provider for each in attempts],
            "references": [each.reference for each in attempts],
            "prices": [each.price for each in attempts],
            "segments": [each.segments for each in attempts],
        }
        await session.execute(
            BEGIN, given | {"instance": instance, "now": now, "today": clock.local_day(now)}
        )


async def defer(session: AsyncSession, notices: Collection[UUID], until: datetime) -> None:
    """Let others go before picked notices that no provider can take now."""
    if notices:
        await session.execute(DEFER, {"ids": list(notices), "until": until})


async def paces(
    session: AsyncSession, full: Mapping[str, float], now: datetime
) -> Sequence[sa.Row]:
    """(provider, tokens, at) of providers with a rate limit, locked; ``full`` is where a bucket
    begins."""
    providers = sorted(full)
    rows = (await session.execute(PACES, {"providers": providers})).all()
    if len(rows) < len(providers):
        given = {"providers": providers, "tokens": [full[name] for name in providers], "now": now}
        await session.execute(KNOW_PACES, given)
        rows = (await session.execute(PACES, {"providers": providers})).all()
    return rows


async def spend(session: AsyncSession, left: Mapping[str, float], now: datetime) -> None:
    """Keep what is left in the buckets."""
    given = {"providers": list(left), "tokens": list(left.values()), "now": now}
    await session.execute(SPEND, given)


async def name_parts(
    session: AsyncSession, parts: Sequence[Part], now: datetime
) -> Sequence[sa.Row]:
    """Keep what providers call our messages; returns (provider, notice, number, receipt, detail),
    with the receipts that came before the answers."""
    single = {(part.provider, part.message_id): part for part in parts}
    if not single:
        return []
    kept = [single[key] for key in sorted(single)]
    given = {
        "providers": [part.provider for part in kept],
        "ids": [part.message_id for part in kept],
        "notices": [part.notice for part in kept],
        "numbers": [part.number for part in kept],
        "parts": [part.parts for part in kept],
        "now": now,
    }
    return (await session.execute(NAME_PARTS, given)).all()


async def settle(
    session: AsyncSession, endings: Sequence[Ending], now: datetime
) -> Sequence[sa.Row]:
    """Record how attempts ended; returns the notices that took on the state given, not those that
    a receipt or another attempt had settled before."""
    given = {
        "ids": [each.notice for each in endings],
        "numbers": [each.number for each in endings],
        "verdicts": [each.verdict for each in endings],
        "details": [each.detail for each in endings],
        "providers": [each.provider for each in endings],
        "states": [each.state for each in endings],
        "reasons": [each.reason for each in endings],
        "nexts": [each.next_at for each in endings],
        "costs": [each.cost for each in endings],
        "segments": [each.segments for each in endings],
        "now": now,
    }
    return (await session.execute(SETTLE, given)).all()


async def lose_older(session: AsyncSession, before: datetime, now: datetime) -> int:
    """Mark as unknown what was being sent by somebody who has not said anything since."""
    return await session.scalar(LOSE_OLD, {"before": before, "now": now}) or 0


async def lose_of_dead(session: AsyncSession, now: datetime) -> int:
    """Mark as unknown what was being sent by instances that are no more."""
    dead = (await session.scalars(DEAD)).all()
    if not dead:
        return 0
    return await session.scalar(LOSE_OF, {"instances": list(dead), "now": now}) or 0


async def hold_name(connection: AsyncConnection, instance: str) -> None:
    """Take the lock that says this instance lives; it is let go with the connection."""
    await connection.execute(HOLD, {"instance": instance})


async def expire(session: AsyncSession, now: datetime) -> int:
    """Settle what became too old while it waited."""
    return await session.scalar(EXPIRE, {"now": now}) or 0


async def forget(session: AsyncSession, before: datetime) -> None:
    """Forget what providers called messages long ago."""
    await session.execute(FORGET, {"before": before})


async def hear(
    session: AsyncSession, heard: Mapping[tuple[str, str], tuple[str, str]], now: datetime
) -> Sequence[sa.Row]:
    """Keep receipts, (provider, message id) -> (receipt, detail); returns (provider, message_id,
    notice, number), null where the message's own answer has not come yet."""
    keys = sorted(heard)
    given = {
        "providers": [provider for provider, _ in keys],
        "ids": [message for _, message in keys],
        "receipts": [heard[key][0] for key in keys],
        "details": [heard[key][1] for key in keys],
        "now": now,
    }
    return (await session.execute(HEAR, given)).all()


async def wholes(session: AsyncSession, attempts: Collection[tuple[UUID, int]]) -> Sequence[sa.Row]:
    """(notice, number, receipts, parts) of attempts whose parts have names."""
    pairs = sorted(attempts)
    given = {"notices": [n for n, _ in pairs], "numbers": [k for _, k in pairs]}
    return (await session.execute(WHOLE, given)).all()


async def referred(
    session: AsyncSession, references: Collection[str], providers: Collection[str]
) -> dict[str, tuple[UUID, int]]:
    """The attempts that references stand for."""
    given = {"references": list(references), "providers": list(providers)}
    rows = await session.execute(REFERRED, given)
    return {row.reference: (row.notice, row.number) for row in rows}


async def latest_attempt(session: AsyncSession, notice: UUID) -> tuple[UUID, int] | None:
    """A notice's newest attempt."""
    row = (await session.execute(LATEST, {"id": notice})).first()
    return (row.id, row.attempts) if row is not None else None


async def judged(session: AsyncSession, attempts: Collection[tuple[UUID, int]]) -> Sequence[sa.Row]:
    """The notices of some attempts as they stand, locked."""
    pairs = sorted(attempts)
    given = {"notices": [n for n, _ in pairs], "numbers": [k for _, k in pairs]}
    return (await session.execute(JUDGED, given)).all()


async def receive(
    session: AsyncSession,
    states: Mapping[UUID, tuple[str, str | None, int | None, int]],
    now: datetime,
) -> None:
    """Take on states that receipts teach, with their reasons, and what the message costs in how
    many segments: the answer that says so may never come, or only later."""
    if states:
        ids = sorted(states)
        given = {
            "ids": ids,
            "states": [states[id][0] for id in ids],
            "reasons": [states[id][1] for id in ids],
            "costs": [states[id][2] for id in ids],
            "segments": [states[id][3] for id in ids],
        }
        await session.execute(RECEIVE, given | {"now": now})


async def note(
    session: AsyncSession,
    lines: Sequence[tuple[UUID, str, str | None, str | None]],
    now: datetime,
) -> None:
    """Add (notice, state, reason, detail) to the notices' histories, in this order."""
    if lines:
        ids, states, reasons, details = (list(column) for column in zip(*lines, strict=True))
        given = {"ids": ids, "states": states, "reasons": reasons, "details": details}
        await session.execute(NOTES, given | {"now": now})
