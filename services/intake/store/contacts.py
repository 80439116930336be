"""Contacts' tokens, their erasure, and who looked at what."""

from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession


class Erased(NamedTuple):
    """An erased contact; ``purge_due`` while the stream may still hold it."""

    code: str
    token: str
    erased_at: datetime
    purge_due: bool


HOLD = sa.text("SELECT 1 FROM contact_tokens WHERE token = :token FOR UPDATE")
ERASE = sa.text(
    "UPDATE contact_tokens SET erased_at = coalesce(erased_at, :now), purge_due = true"
    " WHERE token = :token RETURNING code, token, erased_at, purge_due"
)


async def mark_erased(session: AsyncSession, token: str, now: datetime) -> Erased | None:
    """Leave a tombstone for a token's contact; None where there is no such token.

    From then on `tokens_of` says that nothing more of it may be kept.
    """
    await session.execute(HOLD, {"token": token})
    row = (await session.execute(ERASE, {"token": token, "now": now})).first()
    return Erased(*row) if row else None


async def known_tokens(session: AsyncSession, tokens: list[str]) -> dict[str, bool]:
    """Those of some tokens that are known here, and whether they were erased."""
    query = sa.text(
        "SELECT token, erased_at IS NOT NULL FROM contact_tokens"
        " WHERE token = ANY(CAST(:tokens AS text[])) ORDER BY token"
    )
    return dict((await session.execute(query, {"tokens": tokens})).tuples().all())


async def drop_contact_messages(session: AsyncSession, token: str) -> int:
    """Delete what the outbox keeps of a contact; returns how many messages that were."""
    result = await session.execute(
        sa.text("DELETE FROM outbox WHERE stream = 'CONTACTS' AND subject = :subject"),
        {"subject": f"motcua.contacts.{token}"},
    )
    return int(result.rowcount)  # type: ignore[attr-defined]


async def drop_sealed(session: AsyncSession, code: str) -> None:
    """Delete the sealed contents of refused events about a dossier."""
    await session.execute(
        sa.text("UPDATE quarantine SET sealed = NULL WHERE dossier = :code AND sealed IS NOT NULL"),
        {"code": code},
    )


async def due_purges(session: AsyncSession) -> list[Erased]:
    """Erased contacts that the stream may still hold."""
    rows = await session.execute(
        sa.text(
            "SELECT code, token, erased_at, purge_due FROM contact_tokens WHERE purge_due"
            " ORDER BY code LIMIT 100"
        )
    )
    return [Erased(*row) for row in rows]


async def note_purged(session: AsyncSession, token: str) -> None:
    """The stream holds nothing of a contact any more."""
    await session.execute(
        sa.text("UPDATE contact_tokens SET purge_due = false WHERE token = :token"),
        {"token": token},
    )


async def note_access(
    session: AsyncSession,
    key_id: str,
    action: str,
    subject: str,
    reason: str | None,
    now: datetime,
) -> None:
    """Write down who did what with whose data, and why."""
    await session.execute(
        sa.text(
            "INSERT INTO access_log (at, key_id, action, subject, reason)"
            " VALUES (:now, :key_id, :action, :subject, :reason)"
        ),
        {"now": now, "key_id": key_id, "action": action, "subject": subject, "reason": reason},
    )


async def list_access(
    session: AsyncSession, before: int | None, limit: int
) -> list[dict[str, object]]:
    """Who did what with whose data, newest first, below the id ``before``."""
    rows = await session.execute(
        sa.text(
            "SELECT id, at, key_id AS key, action, subject, reason FROM access_log"
            " WHERE (CAST(:before AS bigint) IS NULL OR id < :before)"
            " ORDER BY id DESC LIMIT :limit"
        ),
        {"before": before, "limit": limit},
    )
    return [dict(row) for row in rows.mappings()]
