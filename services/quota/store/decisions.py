"""Queries about what officials decided on held events."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.quota.store.batches import insert

STANDING = (
    "SELECT w.*, d.decision, d.document, d.note, d.decided_by, d.decided_at FROM winners w"
    " LEFT JOIN LATERAL (SELECT * FROM decisions d"
    " WHERE d.plan = split_part(w.plan, '#', 1)"
    " AND d.indicator = w.indicator AND d.key = w.key ORDER BY id DESC LIMIT 1) d ON true"
)


async def standings(
    session: AsyncSession,
    plan: str,
    states: Sequence[str] | None = None,
    units: Sequence[str] | None = None,
    after: Sequence[str] = ("", ""),
    limit: int | None = None,
) -> list[Any]:
    """What earned something, how it stands and what was decided, by (indicator, key)."""
    rows = await session.execute(
        sa.text(
            f"{STANDING} WHERE w.plan = :plan"
            " AND (CAST(:states AS text[]) IS NULL OR w.state = ANY(:states))"
            " AND (CAST(:units AS text[]) IS NULL OR w.unit = ANY(:units))"
            " AND (w.indicator, w.key) > (:indicator, :key)"
            " ORDER BY w.indicator, w.key LIMIT :limit"
        ),
        {
            "plan": plan,
            "states": None if states is None else list(states),
            "units": None if units is None else list(units),
            "indicator": after[0],
            "key": after[1],
            "limit": limit,
        },
    )
    return list(rows.all())


async def standings_of(
    session: AsyncSession, plan: str, keys: Sequence[str], uids: Sequence[bytes]
) -> list[Any]:
    """The same of some keys, and of the keys that some events belong to; ``uids`` says of which."""
    rows = await session.execute(
        sa.text(
            "WITH u AS (SELECT indicator, key, array_agg(uid) AS uids FROM memberships"
            " WHERE uid = ANY(:uids) AND plan = :plan AND part = 'of' GROUP BY 1, 2)"
            f" SELECT s.*, u.uids FROM ({STANDING}) s LEFT JOIN u USING (indicator, key)"
            " WHERE s.plan = :plan AND (s.key = ANY(:keys) OR u.uids IS NOT NULL)"
        ),
        {"plan": plan, "keys": list(keys), "uids": list(uids)},
    )
    return list(rows.all())


async def add_decisions(
    session: AsyncSession,
    keys: Sequence[tuple[str, str, str]],
    decision: str,
    document: str,
    note: str | None,
    by: str,
    now: datetime,
) -> None:
    """Keep a decision about some (plan, indicator, key)."""
    types = {
        "plan": "text", "indicator": "text", "key": "text", "decision": "text",
        "document": "text", "note": "text", "decided_by": "text", "decided_at": "timestamptz",
    }  # fmt: skip
    rows = [(*key, decision, document, note, by, now) for key in sorted(keys)]
    await insert(session, "decisions", types, rows)
