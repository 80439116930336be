"""What was refused."""

from collections.abc import Sequence
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession


async def quarantine(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> None:
    """Keep what was refused: who sent it and every fault, never its contents."""
    if not rows:
        return
    columns = {
        name: [orjson.dumps(row[name]).decode() if name == "errors" else row[name] for row in rows]
        for name in rows[0]
    }
    await session.execute(
        sa.text(
            "INSERT INTO quarantine (received_at, key_id, kind, source, event_id, type, unit,"
            " errors) SELECT a, b, c, d, e, f, g, CAST(h AS jsonb) FROM unnest("
            "CAST(:received_at AS timestamptz[]), CAST(:key_id AS text[]), CAST(:kind AS text[]),"
            " CAST(:source AS text[]), CAST(:event_id AS text[]), CAST(:type AS text[]),"
            " CAST(:unit AS text[]), CAST(:errors AS text[])) AS r(a, b, c, d, e, f, g, h)"
        ),
        columns,
    )


async def list_quarantine(
    session: AsyncSession, before: int | None, limit: int, source: str | None
) -> list[dict[str, Any]]:
    """Refused events, newest first, below the id ``before``."""
    rows = await session.execute(
        sa.text(
            "SELECT id, received_at, kind, source, event_id AS event, type, unit, errors"
            " FROM quarantine WHERE (CAST(:before AS bigint) IS NULL OR id < :before)"
            " AND (CAST(:source AS text) IS NULL OR source = :source)"
            " ORDER BY id DESC LIMIT :limit"
        ),
        {"before": before, "limit": limit, "source": source},
    )
    return [dict(row) for row in rows.mappings()]
