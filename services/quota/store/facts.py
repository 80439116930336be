"""Queries about facts and what withdrew them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.quota.rules import Fact
from services.quota.store.batches import insert


async def add_facts(session: AsyncSession, facts: Sequence[Fact]) -> None:
    """Keep facts; each uid comes once, the inbox sees to it."""
    types = {
        "uid": "bytea", "type": "text", "code": "text", "occurred_at": "timestamptz",
        "source": "text", "event_id": "text", "rday": "date", "data": "text",
        "backfill": "boolean",
    }  # fmt: skip
    rows = [
        (
            f.uid,
            f.type,
            f.data.get("code"),
            f.occurred_at,
            f.source,
            f.event_id,
            f.rday,
            orjson.dumps(f.data).decode(),
            f.backfill,
        )
        for f in sorted(facts, key=lambda f: f.uid)
    ]
    if not rows:
        return
    columns = dict(zip(types, map(list, zip(*rows, strict=True)), strict=True))
    casts = ", ".join(f"CAST(:{name} AS {kind}[])" for name, kind in types.items())
    await session.execute(
        sa.text(
            f"INSERT INTO facts ({', '.join(types)})"
            " SELECT a, b, c, d, e, f, g, CAST(h AS jsonb), i"
            f" FROM unnest({casts}) AS r(a, b, c, d, e, f, g, h, i) ON CONFLICT DO NOTHING"
        ),
        columns,
    )


async def backfilled(session: AsyncSession, uids: Collection[bytes]) -> set[bytes]:
    """Those of some facts that were loaded afterwards."""
    query = sa.text("SELECT uid FROM facts WHERE uid = ANY(CAST(:uids AS bytea[])) AND backfill")
    return set((await session.scalars(query, {"uids": sorted(uids)})).all()) if uids else set()


async def add_voids(session: AsyncSession, voids: Mapping[bytes, date]) -> None:
    """Keep what was withdrawn; of several withdrawals the earliest day counts."""
    await insert(
        session,
        "voids",
        {"uid": "bytea", "rday": "date"},
        sorted(voids.items()),
        "ON CONFLICT (uid) DO UPDATE SET rday = least(voids.rday, excluded.rday)",
    )


FACT = (
    "f.uid, f.type, f.occurred_at, f.source, f.event_id, f.rday, f.data, v.rday AS voided_rday"
    " FROM facts f LEFT JOIN voids v ON v.uid = f.uid"
)


def _fact(row: Any) -> Fact:
    return Fact(
        bytes(row.uid), row.type, row.occurred_at, row.source, row.event_id, row.rday, row.data,
        row.voided_rday,
    )  # fmt: skip


async def facts_of_codes(session: AsyncSession, codes: Iterable[str]) -> list[Fact]:
    """All facts of these dossiers."""
    rows = await session.execute(
        sa.text(f"SELECT {FACT} WHERE f.code = ANY(:codes)"), {"codes": sorted(set(codes))}
    )
    return [_fact(row) for row in rows]


async def facts_of(session: AsyncSession, uids: Iterable[bytes]) -> list[Fact]:
    """Facts by their uids, with what withdrew them."""
    rows = await session.execute(
        sa.text(f"SELECT {FACT} WHERE f.uid = ANY(:uids)"), {"uids": sorted(set(uids))}
    )
    return [_fact(row) for row in rows]


async def facts_after(
    session: AsyncSession, uid: bytes, types: Sequence[str], limit: int
) -> list[Fact]:
    """The next facts of some types, in the order of their uids."""
    rows = await session.execute(
        sa.text(
            f"SELECT {FACT} WHERE f.type = ANY(:types) AND f.uid > :uid ORDER BY f.uid LIMIT :limit"
        ),
        {"types": list(types), "uid": uid, "limit": limit},
    )
    return [_fact(row) for row in rows]
