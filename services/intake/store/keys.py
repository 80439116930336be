"""Callers' keys, and the fingerprints of our own secrets."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession


async def list_keys(session: AsyncSession) -> list[dict[str, Any]]:
    """All keys without their hashes, oldest first."""
    rows = await session.execute(
        sa.text(
            "SELECT id, name, scopes, units, sources, created_at, revoked_at FROM keys"
            " ORDER BY created_at, id"
        )
    )
    return [dict(row) for row in rows.mappings()]


async def revoke_key(session: AsyncSession, key_id: str) -> dict[str, Any] | None:
    """Revoke a key by its id; returns its row, or None where there is none."""
    row = await session.execute(
        sa.text(
            "UPDATE keys SET revoked_at = coalesce(revoked_at, now()) WHERE id = :id RETURNING *"
        ),
        {"id": key_id},
    )
    found = row.mappings().first()
    return dict(found) if found else None


async def check_fingerprint(session: AsyncSession, name: str, value: str) -> bool:
    """Remember a secret's fingerprint the first time; later say whether it is the same."""
    await session.execute(
        sa.text("INSERT INTO fingerprints (name, value) VALUES (:n, :v) ON CONFLICT DO NOTHING"),
        {"n": name, "v": value},
    )
    kept = await session.scalar(
        sa.text("SELECT value FROM fingerprints WHERE name = :n"), {"n": name}
    )
    return kept == value
