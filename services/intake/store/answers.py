"""Answers that are given again to a repeated request."""

import zlib
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession


class Answer(NamedTuple):
    """What was answered, and a digest of the request that it answered."""

    digest: bytes
    status: int
    body: bytes


async def find_answer(session: AsyncSession, caller: str, key: str) -> Answer | None:
    """The answer that a caller's request with this key was given."""
    query = sa.text(
        "SELECT digest, status, body FROM answers WHERE caller = :caller AND key = :key"
    )
    row = (await session.execute(query, {"caller": caller, "key": key})).first()
    return Answer(row.digest, row.status, zlib.decompress(row.body)) if row else None


async def claim_answers(
    session: AsyncSession, asked: Sequence[tuple[str, str, bytes]], now: datetime
) -> set[tuple[str, str]]:
    """Claim (caller, key, digest) for this transaction; returns those that were free.

    A claim that another transaction holds is waited for.
    """
    ordered = sorted({(caller, key): digest for caller, key, digest in asked}.items())
    if not ordered:
        return set()
    rows = await session.execute(
        sa.text(
            "INSERT INTO answers (caller, key, digest, status, body, created_at)"
            " SELECT c, k, d, 0, '', CAST(:now AS timestamptz) FROM unnest("
            "CAST(:callers AS text[]), CAST(:keys AS text[]), CAST(:digests AS bytea[]))"
            " AS r(c, k, d) ON CONFLICT DO NOTHING RETURNING caller, key"
        ),
        {
            "callers": [caller for (caller, _), _ in ordered],
            "keys": [key for (_, key), _ in ordered],
            "digests": [digest for _, digest in ordered],
            "now": now,
        },
    )
    return {(row.caller, row.key) for row in rows}


async def fill_answer(
    session: AsyncSession, caller: str, key: str, status: int, body: bytes
) -> None:
    """Keep the answer of a claim."""
    await session.execute(
        sa.text(
            "UPDATE answers SET status = :status, body = :body"
            " WHERE caller = :caller AND key = :key"
        ),
        {"caller": caller, "key": key, "status": status, "body": zlib.compress(body, 1)},
    )


async def tidy_answers(session: AsyncSession, before: datetime) -> None:
    """Forget answers that were given before an instant."""
    await session.execute(
        sa.text("DELETE FROM answers WHERE created_at < :before"), {"before": before}
    )
