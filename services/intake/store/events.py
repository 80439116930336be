"""The event log, the tokens of contacts, and what of it is published."""

import secrets
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession


async def tokens_of(session: AsyncSession, codes: Iterable[str]) -> dict[str, str]:
    """The contact token of each dossier code, made at random where there is none yet."""
    ordered = sorted(set(codes))
    if not ordered:
        return {}
    fresh = [secrets.token_hex(16) for _ in ordered]
    await session.execute(
        sa.text(
            "INSERT INTO contact_tokens (code, token)"
            " SELECT * FROM unnest(CAST(:codes AS text[]), CAST(:tokens AS text[]))"
            " ON CONFLICT DO NOTHING"
        ),
        {"codes": ordered, "tokens": fresh},
    )
    rows = await session.execute(
        sa.text("SELECT code, token FROM contact_tokens WHERE code = ANY(:codes)"),
        {"codes": ordered},
    )
    return dict(rows.tuples().all())


LOG_EVENTS = sa.text(
    "INSERT INTO events (uid, message_id, source, event_id, type, unit, occurred_at, received_at,"
    " digest, key_id)"
    " SELECT * FROM unnest(CAST(:uid AS bytea[]), CAST(:message_id AS text[]),"
    " CAST(:source AS text[]), CAST(:event_id AS text[]), CAST(:type AS text[]),"
    " CAST(:unit AS text[]), CAST(:occurred_at AS timestamptz[]),"
    " CAST(:received_at AS timestamptz[]), CAST(:digest AS bytea[]), CAST(:key_id AS text[]))"
    " ON CONFLICT (uid) DO NOTHING RETURNING uid"
)


async def log_events(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> set[bytes]:
    """Log events; returns the uids that were new. Rows go in sorted, so replicas don't deadlock."""
    ordered = sorted(rows, key=lambda row: row["uid"])
    columns = {name: [row[name] for row in ordered] for name in ordered[0]}
    return set((await session.scalars(LOG_EVENTS, columns)).all())


async def digests_of(session: AsyncSession, uids: Iterable[bytes]) -> dict[bytes, bytes]:
    """The digest of each logged event."""
    rows = await session.execute(
        sa.text("SELECT uid, digest FROM events WHERE uid = ANY(:uids)"), {"uids": list(uids)}
    )
    return dict(rows.tuples().all())


async def units_of(session: AsyncSession, uids: Iterable[bytes]) -> dict[bytes, tuple[str, Any]]:
    """Unit and time of each logged event."""
    rows = await session.execute(
        sa.text("SELECT uid, unit, occurred_at FROM events WHERE uid = ANY(:uids)"),
        {"uids": list(uids)},
    )
    return {row.uid: (row.unit, row.occurred_at) for row in rows}


async def find_event(session: AsyncSession, uid: bytes) -> dict[str, Any] | None:
    """An event's log entry and where its message is."""
    row = await session.execute(
        sa.text(
            "SELECT e.source, e.event_id AS id, e.type, e.unit, e.occurred_at AS time,"
            " e.received_at AS receivedat, o.published_at, o.stream_seq FROM events e"
            " LEFT JOIN outbox o ON o.message_id = e.message_id AND o.stream = 'EVENTS'"
            " WHERE e.uid = :uid"
        ),
        {"uid": uid},
    )
    found = row.mappings().first()
    return dict(found) if found else None


async def reopen_outbox(session: AsyncSession, since: Any) -> int:
    """Have everything written since an instant published again."""
    result = await session.execute(
        sa.text(
            "UPDATE outbox SET published_at = NULL, stream_seq = NULL, issues = issues + 1"
            " WHERE created_at >= :since"
        ),
        {"since": since},
    )
    return int(result.rowcount)  # type: ignore[attr-defined]
