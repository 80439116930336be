"""The event log, the tokens of contacts, and what of it is published."""

import secrets
from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession


class Token(NamedTuple):
    """The token of a dossier's contact; of an erased one nothing more may be kept."""

    token: str
    erased: bool


async def tokens_of(session: AsyncSession, codes: Iterable[str]) -> dict[str, Token]:
    """The contact token of each dossier code, made at random where there is none yet.

    Until the commit none of them can be erased.
    """
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
        sa.text(
            "SELECT code, token, erased_at IS NOT NULL AS erased FROM contact_tokens"
            " WHERE code = ANY(:codes) ORDER BY code FOR KEY SHARE"
        ),
        {"codes": ordered},
    )
    return {row.code: Token(row.token, row.erased) for row in rows}


Log = Literal["events", "sandbox_events"]
"""The event log, or the one of what keys of the sandbox send."""


def _log_events(log: Log) -> sa.TextClause:
    return sa.text(
        f"INSERT INTO {log} (uid, message_id, source, event_id, type, unit, occurred_at,"
        " received_at, digest, key_id)"
        " SELECT * FROM unnest(CAST(:uid AS bytea[]), CAST(:message_id AS text[]),"
        " CAST(:source AS text[]), CAST(:event_id AS text[]), CAST(:type AS text[]),"
        " CAST(:unit AS text[]), CAST(:occurred_at AS timestamptz[]),"
        " CAST(:received_at AS timestamptz[]), CAST(:digest AS bytea[]),"
        " CAST(:key_id AS text[])) ON CONFLICT (uid) DO NOTHING RETURNING uid"
    )


LOG_EVENTS = {"events": _log_events("events"), "sandbox_events": _log_events("sandbox_events")}


async def log_events(
    session: AsyncSession, rows: Sequence[dict[str, Any]], log: Log = "events"
) -> set[bytes]:
    """Log events; returns the uids that were new. Rows go in sorted, so replicas don't deadlock."""
    if not rows:
        return set()
    ordered = sorted(rows, key=lambda row: row["uid"])
    columns = {name: [row[name] for row in ordered] for name in ordered[0]}
    return set((await session.scalars(LOG_EVENTS[log], columns)).all())


async def digests_of(
    session: AsyncSession, uids: Iterable[bytes], log: Log = "events"
) -> dict[bytes, bytes]:
    """The digest of each logged event."""
    wanted = list(uids)
    if not wanted:
        return {}
    rows = await session.execute(
        sa.text(f"SELECT uid, digest FROM {log} WHERE uid = ANY(:uids)"), {"uids": wanted}
    )
    return dict(rows.tuples().all())


async def units_of(
    session: AsyncSession, uids: Iterable[bytes], log: Log = "events"
) -> dict[bytes, tuple[str, Any]]:
    """Unit and time of each logged event."""
    rows = await session.execute(
        sa.text(f"SELECT uid, unit, occurred_at FROM {log} WHERE uid = ANY(:uids)"),
        {"uids": list(uids)},
    )
    return {row.uid: (row.unit, row.occurred_at) for row in rows}


async def find_sandbox_event(session: AsyncSession, uid: bytes) -> dict[str, Any] | None:
    """The log entry of an event in the sandbox."""
    row = await session.execute(
        sa.text(
            "SELECT source, event_id AS id, type, unit, occurred_at AS time,"
            " received_at AS receivedat FROM sandbox_events WHERE uid = :uid"
        ),
        {"uid": uid},
    )
    found = row.mappings().first()
    return dict(found) if found else None


async def tidy_sandbox(session: AsyncSession, before: Any) -> None:
    """Forget what came into the sandbox before an instant."""
    await session.execute(
        sa.text("DELETE FROM sandbox_events WHERE received_at < :before"), {"before": before}
    )


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


async def published(session: AsyncSession, message_id: str) -> bytes | None:
    """An event as everybody may read it."""
    payload = await session.scalar(
        sa.text("SELECT payload FROM outbox WHERE message_id = :id AND stream = 'EVENTS'"),
        {"id": message_id},
    )
    return None if payload is None else bytes(payload)


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
