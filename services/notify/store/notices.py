"""Notices: their making, claiming, settling, and what people read of them."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.rules.notices import REACHING, RETRIABLE, UNCLAIMED, UNSENT, Told

ADD = sa.text(
    "WITH made AS (INSERT INTO notices (id, subject, kind, version, audience, recipient, channel,"
    " address, unit, state, reason, at, event_uid, event_source, event_time, stale_at, next_at,"
    " facts, title, body, segments, created_at, changed_at)"
    " SELECT r.*, CAST(:now AS timestamptz), CAST(:now AS timestamptz) FROM unnest("
    " CAST(:ids AS uuid[]), CAST(:subjects AS text[]), CAST(:kinds AS text[]),"
    " CAST(:versions AS text[]), CAST(:audiences AS text[]), CAST(:recipients AS text[]),"
    " CAST(:channels AS text[]), CAST(:addresses AS text[]), CAST(:units AS text[]),"
    " CAST(:states AS text[]), CAST(:reasons AS text[]), CAST(:ats AS timestamptz[]),"
    " CAST(:uids AS bytea[]), CAST(:sources AS text[]), CAST(:times AS timestamptz[]),"
    " CAST(:stales AS timestamptz[]), CAST(:nexts AS timestamptz[]), CAST(:facts AS jsonb[]),"
    " CAST(:titles AS text[]), CAST(:bodies AS text[]), CAST(:segments AS integer[])) AS r"
    " ON CONFLICT DO NOTHING RETURNING id, state, reason)"
    " INSERT INTO notice_history (notice, at, state, reason)"
    " SELECT id, CAST(:now AS timestamptz), state, reason FROM made"
)
DATED = sa.text(
    "SELECT DISTINCT subject FROM notices WHERE subject = ANY(CAST(:subjects AS text[]))"
    " AND audience = 'citizen' AND state = ANY(CAST(:states AS text[]))"
    " AND (facts->>'new_due' IS NOT NULL"
    " OR kind = ANY(CAST(:kinds AS text[])) AND facts->>'due' IS NOT NULL)"
)
TOLD = sa.text(
    "SELECT n.subject, n.kind, n.version,"
    " bool_or(NOT EXISTS (SELECT 1 FROM voids v WHERE v.uid = n.event_uid)) AS standing"
    " FROM notices n WHERE n.subject = ANY(CAST(:subjects AS text[])) AND n.audience = :audience"
    " AND n.state <> 'cancelled' GROUP BY 1, 2, 3"
)
LATE = sa.text(
    "SELECT id, subject, kind, version FROM notices WHERE kind = ANY(CAST(:kinds AS text[]))"
    " AND subject = ANY(CAST(:subjects AS text[])) AND state = ANY(CAST(:unclaimed AS text[]))"
)
CANCEL = (
    "WITH gone AS (UPDATE notices SET state = 'cancelled', reason = :reason, next_at = NULL,"
    " stale_at = NULL, changed_at = :now WHERE state = ANY(CAST(:unclaimed AS text[])) AND {}"
    " RETURNING id) INSERT INTO notice_history (notice, at, state, reason)"
    " SELECT id, CAST(:now AS timestamptz), 'cancelled', :reason FROM gone"
)
CANCEL_BY_EVENT = sa.text(CANCEL.format("event_uid = ANY(CAST(:uids AS bytea[]))"))
CANCEL_BY_ID = sa.text(CANCEL.format("id = ANY(CAST(:ids AS uuid[]))"))
WAITING = sa.text(
    "SELECT id, subject, kind, version, audience, recipient, unit, at, event_uid, event_source,"
    " event_time, stale_at, facts, reason FROM notices WHERE state = 'waiting_contact'"
    " AND subject = ANY(CAST(:subjects AS text[])) ORDER BY seq FOR UPDATE"
)
PENDING = sa.text(
    "SELECT id, subject, kind, version, audience, recipient, channel, unit, at, event_uid,"
    " event_source, event_time, facts FROM notices WHERE state IN ('ready', 'retrying')"
    " AND audience = 'citizen' AND subject = ANY(CAST(:subjects AS text[]))"
    " ORDER BY seq FOR UPDATE"
)
TAKEN = sa.text(
    "SELECT subject, kind, version, channel FROM notices WHERE channel IS NOT NULL"
    " AND audience = 'citizen' AND state <> 'cancelled'"
    " AND subject = ANY(CAST(:subjects AS text[]))"
)
WITHHOLD = sa.text(
    "WITH kept AS (UPDATE notices SET state = 'withheld', reason = :reason, next_at = NULL,"
    " stale_at = NULL, changed_at = :now WHERE id = ANY(CAST(:ids AS uuid[])) RETURNING id)"
    " INSERT INTO notice_history (notice, at, state, reason)"
    " SELECT id, CAST(:now AS timestamptz), 'withheld', :reason FROM kept"
)
WRITTEN = sa.text(
    "SELECT id, facts, title, body FROM notices WHERE audience = 'citizen'"
    " AND subject = ANY(CAST(:subjects AS text[])) ORDER BY seq FOR UPDATE"
)
BLANK = sa.text(
    "WITH gone AS (UPDATE notices n SET address = NULL, facts = n.facts - 'name', title = r.title,"
    " body = r.body, state = CASE WHEN state = ANY(CAST(:open AS text[])) THEN 'withheld'"
    " ELSE state END, reason = CASE WHEN state = ANY(CAST(:open AS text[])) THEN 'erased'"
    " ELSE reason END, next_at = NULL, stale_at = NULL, changed_at = :now"
    " FROM unnest(CAST(:ids AS uuid[]), CAST(:titles AS text[]), CAST(:bodies AS text[]))"
    " AS r(id, title, body) WHERE n.id = r.id RETURNING n.id, n.state)"
    " INSERT INTO notice_history (notice, at, state, reason)"
    " SELECT id, CAST(:now AS timestamptz), state, 'erased' FROM gone"
)
RELEASE = sa.text(
    "WITH freed AS (UPDATE notices SET channel = :channel, address = :address, state = :state,"
    " reason = :reason, next_at = :next_at, facts = CAST(:facts AS jsonb), title = :title,"
    " body = :body, segments = :segments, changed_at = :now WHERE id = :id RETURNING id)"
    " INSERT INTO notice_history (notice, at, state, reason)"
    " SELECT id, CAST(:now AS timestamptz), :state, :reason FROM freed"
)
NOTE = sa.text(
    "INSERT INTO notice_history (notice, at, state, reason, detail)"
    " VALUES (:id, :now, :state, :reason, :detail)"
)
RETRY = sa.text(
    "UPDATE notices SET state = 'ready', reason = 'ordered', next_at = :now, stale_at = NULL,"
    " receipt_failed = false, changed_at = :now"
    " WHERE id = :id AND state = ANY(CAST(:retriable AS text[])) AND address IS NOT NULL"
    " RETURNING id"
)
COLUMNS = (
    "id, seq, subject, kind, version, audience, recipient, channel, address, unit, state, reason, at,"
    " attempts, provider, segments, cost, title, body, facts, created_at, changed_at, next_at, digest"
)
ONE = sa.text(f"SELECT {COLUMNS} FROM notices WHERE id = :id")
HISTORY = sa.text(
    "SELECT at, state, reason, detail FROM notice_history WHERE notice = :id ORDER BY id"
)
ATTEMPTS = sa.text(
    "SELECT number, provider, started_at, ended_at, verdict, detail FROM attempts"
    " WHERE notice = :id ORDER BY number"
)
TOLD_IN = sa.text(
    "SELECT id, kind, subject, state FROM notices WHERE digest = :id ORDER BY at, seq"
)
COUNTS = "SELECT state, count(*) AS n FROM notices {} GROUP BY state ORDER BY state"


@dataclass(slots=True)
class NewNotice:
    """A notice about to be kept."""

    id: UUID
    subject: str
    kind: str
    version: str
    audience: str
    recipient: str
    channel: str | None
    address: str | None
    unit: str
    state: str
    reason: str | None
    at: datetime
    event_uid: bytes
    event_source: str
    event_time: datetime
    stale_at: datetime | None
    next_at: datetime | None
    title: str | None
    body: str
    segments: int
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Query:
    """What a person wants to see; ``units`` null means all. ``since`` and ``until`` bound when a
    notice was made."""

    units: Collection[str] | None = None
    subject: str | None = None
    state: str | None = None
    before: int | None = None
    limit: int = 100
    kind: str | None = None
    channel: str | None = None
    audience: str | None = None
    since: datetime | None = None
    until: datetime | None = None


async def add(session: AsyncSession, notices: Sequence[NewNotice], now: datetime) -> None:
    """Keep notices; one that exists already is left as it is."""
    if not notices:
        return
    await session.execute(
        ADD,
        {
            "now": now,
            "ids": [n.id for n in notices],
            "subjects": [n.subject for n in notices],
            "kinds": [n.kind for n in notices],
            "versions": [n.version for n in notices],
            "audiences": [n.audience for n in notices],
            "recipients": [n.recipient for n in notices],
            "channels": [n.channel for n in notices],
            "addresses": [n.address for n in notices],
            "units": [n.unit for n in notices],
            "states": [n.state for n in notices],
            "reasons": [n.reason for n in notices],
            "ats": [n.at for n in notices],
            "uids": [n.event_uid for n in notices],
            "sources": [n.event_source for n in notices],
            "times": [n.event_time for n in notices],
            "stales": [n.stale_at for n in notices],
            "nexts": [n.next_at for n in notices],
            "facts": [orjson.dumps(n.facts).decode() for n in notices],
            "titles": [n.title for n in notices],
            "bodies": [n.body for n in notices],
            "segments": [n.segments for n in notices],
        },
    )


async def told(
    session: AsyncSession, subjects: Collection[str], audience: str
) -> dict[str, list[Told]]:
    """The facts that notices exist for, by subject."""
    found: dict[str, list[Told]] = {}
    if subjects:
        rows = await session.execute(TOLD, {"subjects": sorted(subjects), "audience": audience})
        for row in rows:
            found.setdefault(row.subject, []).append(Told(row.kind, row.version, row.standing))
    return found


async def told_a_date(
    session: AsyncSession, subjects: Collection[str], kinds: Collection[str]
) -> frozenset[str]:
    """The dossiers of which an applicant was told a due date, or is about to be, by a notice of
    some kinds or by one about a new date."""
    given = {"subjects": sorted(subjects), "kinds": sorted(kinds), "states": sorted(REACHING)}
    return frozenset((await session.scalars(DATED, given)).all())


async def unclaimed(
    session: AsyncSession, subjects: Collection[str], kinds: Collection[str]
) -> Sequence[sa.Row]:
    """(id, subject, kind, version) of the notices of some kinds that nobody was handed yet."""
    if not subjects:
        return []
    given = {"kinds": list(kinds), "subjects": sorted(subjects), "unclaimed": list(UNCLAIMED)}
    return (await session.execute(LATE, given)).all()


async def cancel_by_event(
    session: AsyncSession, uids: Collection[bytes], reason: str, now: datetime
) -> None:
    """Cancel what rests on withdrawn events, unless it is on its way."""
    if uids:
        given = {"uids": list(uids), "reason": reason, "now": now, "unclaimed": list(UNCLAIMED)}
        await session.execute(CANCEL_BY_EVENT, given)


async def cancel(session: AsyncSession, ids: Collection[UUID], reason: str, now: datetime) -> None:
    """Cancel notices, unless they are on their way."""
    if ids:
        given = {"ids": list(ids), "reason": reason, "now": now, "unclaimed": list(UNCLAIMED)}
        await session.execute(CANCEL_BY_ID, given)


async def waiting(session: AsyncSession, subjects: Collection[str]) -> Sequence[sa.Row]:
    """The notices of some dossiers that wait for their contact, locked."""
    if not subjects:
        return []
    return (await session.execute(WAITING, {"subjects": sorted(subjects)})).all()


async def pending(session: AsyncSession, subjects: Collection[str]) -> Sequence[sa.Row]:
    """The notices to citizens about some dossiers that are about to be sent, locked."""
    return (await session.execute(PENDING, {"subjects": sorted(subjects)})).all()


async def channels_taken(
    session: AsyncSession, subjects: Collection[str]
) -> set[tuple[str, str, str, str]]:
    """(subject, kind, version, channel) of the notices to citizens about some dossiers."""
    rows = await session.execute(TAKEN, {"subjects": sorted(subjects)})
    return {(row.subject, row.kind, row.version, row.channel) for row in rows}


async def withhold(
    session: AsyncSession, ids: Collection[UUID], reason: str, now: datetime
) -> None:
    """Never send some notices that are not on their way."""
    if ids:
        await session.execute(WITHHOLD, {"ids": list(ids), "reason": reason, "now": now})


async def written_to(session: AsyncSession, subjects: Collection[str]) -> Sequence[sa.Row]:
    """The notices to citizens about some dossiers, locked."""
    if not subjects:
        return []
    return (await session.execute(WRITTEN, {"subjects": sorted(subjects)})).all()


async def blank(
    session: AsyncSession, notices: Sequence[tuple[UUID, str | None, str]], now: datetime
) -> None:
    """Take address and name out of notices, given (id, title, text); what waits stays here."""
    if not notices:
        return
    given = {
        "ids": [id for id, _, _ in notices],
        "titles": [title for _, title, _ in notices],
        "bodies": [body for _, _, body in notices],
        "open": sorted(UNSENT - {"sending"}),
        "now": now,
    }
    await session.execute(BLANK, given)


async def release(session: AsyncSession, notice: NewNotice, now: datetime) -> None:
    """Give a waiting notice its recipient and state."""
    await session.execute(
        RELEASE,
        {
            "id": notice.id,
            "channel": notice.channel,
            "address": notice.address,
            "state": notice.state,
            "reason": notice.reason,
            "next_at": notice.next_at,
            "facts": orjson.dumps(notice.facts).decode(),
            "title": notice.title,
            "body": notice.body,
            "segments": notice.segments,
            "now": now,
        },
    )


async def note(
    session: AsyncSession,
    notice: UUID,
    state: str,
    reason: str | None,
    detail: str | None,
    now: datetime,
) -> None:
    """Add a line to a notice's history."""
    await session.execute(
        NOTE, {"id": notice, "state": state, "reason": reason, "detail": detail, "now": now}
    )


async def order_retry(session: AsyncSession, notice: UUID, who: str, now: datetime) -> bool:
    """Make a failed or unknown notice ready again, by order of a person's key."""
    given = {"id": notice, "now": now, "retriable": list(RETRIABLE)}
    done = await session.scalar(RETRY, given)
    if done is not None:
        await note(session, notice, "ready", "ordered", f"key {who}", now)
    return done is not None


def _where(query: Query) -> tuple[str, dict[str, Any]]:
    parts, given = [], {}
    if query.units is not None:
        parts.append("unit = ANY(CAST(:units AS text[]))")
        given["units"] = sorted(query.units)
    if query.subject is not None:
        parts.append("subject = :subject")
        given["subject"] = query.subject
    if query.state is not None:
        parts.append("state = :state")
        given["state"] = query.state
    for name in ("kind", "channel", "audience"):
        if (value := getattr(query, name)) is not None:
            parts.append(f"{name} = :{name}")
            given[name] = value
    if query.since is not None:
        parts.append("created_at >= :since")
        given["since"] = query.since
    if query.until is not None:
        parts.append("created_at < :until")
        given["until"] = query.until
    if query.before is not None:
        parts.append("seq < :before")
        given["before"] = query.before
    return (f"WHERE {' AND '.join(parts)}" if parts else ""), given


async def find(session: AsyncSession, query: Query) -> Sequence[sa.Row]:
    """Notices, newest first."""
    where, given = _where(query)
    statement = sa.text(f"SELECT {COLUMNS} FROM notices {where} ORDER BY seq DESC LIMIT :limit")
    return (await session.execute(statement, given | {"limit": query.limit})).all()


async def count_states(session: AsyncSession, units: Collection[str] | None) -> dict[str, int]:
    """How many notices are in each state."""
    where, given = _where(Query(units=units))
    rows = await session.execute(sa.text(COUNTS.format(where)), given)
    return {row.state: row.n for row in rows}


async def count_unsent(session: AsyncSession) -> dict[str, int]:
    """How many notices are in each state that is still to be sent."""
    where = "WHERE state = ANY(CAST(:states AS text[]))"
    rows = await session.execute(sa.text(COUNTS.format(where)), {"states": sorted(UNSENT)})
    return {row.state: row.n for row in rows}


async def get(session: AsyncSession, notice: UUID) -> sa.Row | None:
    """One notice."""
    return (await session.execute(ONE, {"id": notice})).first()


async def members(session: AsyncSession, digest: UUID) -> Sequence[sa.Row]:
    """(id, kind, subject, state) of the notices that a list tells."""
    return (await session.execute(TOLD_IN, {"id": digest})).all()


async def get_history(
    session: AsyncSession, notice: UUID
) -> tuple[Iterable[sa.Row], Iterable[sa.Row]]:
    """The states that a notice took on, and its attempts, oldest first."""
    history = (await session.execute(HISTORY, {"id": notice})).all()
    attempts = (await session.execute(ATTEMPTS, {"id": notice})).all()
    return history, attempts
