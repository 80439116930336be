"""Sessions of the national sync calls, and what was accepted of each dossier: digests and dates."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession


async def open_session(
    session: AsyncSession, digest: bytes, key_id: str, key_hash: str, now: datetime, until: datetime
) -> None:
    """Keep a session; those that have expired go."""
    await session.execute(
        sa.text("DELETE FROM lgsp_sessions WHERE expires_at <= :now"), {"now": now}
    )
    await session.execute(
        sa.text(
            "INSERT INTO lgsp_sessions (digest, key_id, key_hash, created_at, expires_at)"
            " VALUES (:digest, :key_id, :key_hash, :now, :until)"
        ),
        {"digest": digest, "key_id": key_id, "key_hash": key_hash, "now": now, "until": until},
    )


async def find_session(session: AsyncSession, digest: bytes, now: datetime) -> sa.Row | None:
    """The key of a session that has not expired: its id and hash, and its name and rights where
    it is a stored one that is not revoked."""
    rows = await session.execute(
        sa.text(
            "SELECT s.key_id, s.key_hash, k.name, k.scopes, k.units, k.sources FROM lgsp_sessions s"
            " LEFT JOIN keys k ON k.id = s.key_id AND k.hash = s.key_hash AND k.revoked_at IS NULL"
            " WHERE s.digest = :digest AND s.expires_at > :now"
        ),
        {"digest": digest, "now": now},
    )
    return rows.first()


async def key_ids_named(session: AsyncSession, name: str, most: int) -> list[str]:
    """The ids of the keys that bear a name and are not revoked, newest first."""
    rows = await session.scalars(
        sa.text(
            "SELECT id FROM keys WHERE name = :name AND revoked_at IS NULL"
            " ORDER BY created_at DESC, id LIMIT :most"
        ),
        {"name": name, "most": most},
    )
    return list(rows.all())


async def load_dossiers(
    session: AsyncSession, source: str, codes: Collection[str]
) -> dict[str, dict[str, Any]]:
    """What was accepted of a source's dossiers, by code."""
    rows = await session.execute(
        sa.text(
            "SELECT code, told FROM lgsp_dossiers WHERE source = :source"
            " AND code = ANY(CAST(:codes AS text[]))"
        ),
        {"source": source, "codes": sorted(codes)},
    )
    return dict(rows.tuples().all())


async def save_dossiers(
    session: AsyncSession, source: str, told: Mapping[str, dict[str, Any]], now: datetime
) -> None:
    """Keep what was accepted of a source's dossiers."""
    if not told:
        return
    codes = sorted(told)
    await session.execute(
        sa.text(
            "INSERT INTO lgsp_dossiers (source, code, told, updated_at)"
            " SELECT :source, c, CAST(t AS jsonb), :now"
            " FROM unnest(CAST(:codes AS text[]), CAST(:told AS text[])) AS r(c, t)"
            " ON CONFLICT (source, code) DO UPDATE"
            " SET told = excluded.told, updated_at = excluded.updated_at"
        ),
        {
            "source": source,
            "codes": codes,
            "told": [orjson.dumps(told[code]).decode() for code in codes],
            "now": now,
        },
    )


async def settle_refusals(session: AsyncSession, uids: Collection[bytes]) -> None:
    """Release what was refused before of items that are in now."""
    if uids:
        await session.execute(
            sa.text(
                "UPDATE quarantine SET state = 'corrected', corrected_at = now()"
                " WHERE uid = ANY(:uids) AND state = 'open' AND kind = 'refused'"
            ),
            {"uids": list(uids)},
        )


async def forget_names(session: AsyncSession, code: str) -> None:
    """Forget even the digest of the applicant's name of a dossier, whoever sent it."""
    await session.execute(
        sa.text(
            "UPDATE lgsp_dossiers SET told = jsonb_set(told, '{name}', '[]') WHERE code = :code"
        ),
        {"code": code},
    )
