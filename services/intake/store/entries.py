"""What a key has sent lately, as its holder may see it again."""

from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

OWN = sa.text(
    "SELECT e.source, e.event_id AS id, e.type, e.unit, e.occurred_at, e.received_at, o.payload"
    " FROM (SELECT * FROM events WHERE key_id = :key ORDER BY received_at DESC, uid LIMIT :limit)"
    " AS e LEFT JOIN outbox o ON o.message_id = e.message_id AND o.stream = 'EVENTS'"
    " ORDER BY e.received_at DESC, e.uid"
)


async def own_entries(session: AsyncSession, key_id: str, limit: int) -> list[dict[str, Any]]:
    """The newest events that a key sent, with their data as published: no personal data."""
    rows = await session.execute(OWN, {"key": key_id, "limit": limit})
    return [
        {
            **{name: value for name, value in row.items() if name != "payload"},
            "data": orjson.loads(row["payload"]).get("data", {}) if row["payload"] else {},
        }
        for row in rows.mappings()
    ]


DIFFICULTIES = sa.text(
    "SELECT e.type, e.unit, e.occurred_at, o.payload"
    " FROM (SELECT * FROM events WHERE key_id = :key ORDER BY received_at DESC, uid LIMIT :looked)"
    " AS e JOIN outbox o ON o.message_id = e.message_id AND o.stream = 'EVENTS'"
    " WHERE e.type LIKE 'motcua.difficulty.%' ORDER BY e.received_at DESC, e.uid"
)


async def own_difficulties(
    session: AsyncSession, key_id: str, looked: int
) -> list[dict[str, str | None]]:
    """Difficulties that a key raised and has not resolved, newest first, without their texts.

    Only the newest ``looked`` events of the key are gone through.
    """
    open_ones: dict[str, dict[str, str | None]] = {}
    resolved = set()
    for row in (await session.execute(DIFFICULTIES, {"key": key_id, "looked": looked})).mappings():
        data = orjson.loads(row["payload"]).get("data", {})
        name = data.get("difficulty")
        if row["type"] == "motcua.difficulty.resolved.v1":
            resolved.add(name)
        elif name:
            open_ones.setdefault(
                name,
                {
                    "difficulty": name,
                    "unit": row["unit"],
                    "category": data.get("category"),
                    "at": row["occurred_at"].isoformat(),
                },
            )
    return [found for name, found in open_ones.items() if name not in resolved]
