"""Sources' own names of units, and what is held until a name is mapped."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession


@dataclass(frozen=True, slots=True)
class Held:
    """Items of one dossier of one call, sealed, waiting for the unit that they name."""

    theirs: str
    theirs_key: str
    code: str
    items: int
    digest: bytes
    received_at: datetime
    key_id: str
    sealed: bytes


async def load_mappings(session: AsyncSession, source: str) -> dict[str, str]:
    """A source's names of units, as they are compared, with the units' codes."""
    rows = await session.execute(
        sa.text("SELECT theirs_key, unit FROM unit_mappings WHERE source = :source"),
        {"source": source},
    )
    return dict(rows.tuples().all())


async def mapped_units(
    session: AsyncSession, named: Collection[tuple[str, str]]
) -> dict[tuple[str, str], str]:
    """The units that (source, compared name) pairs are mapped to."""
    pairs = sorted(set(named))
    rows = await session.execute(
        sa.text(
            "SELECT source, theirs_key, unit FROM unit_mappings JOIN unnest("
            "CAST(:sources AS text[]), CAST(:keys AS text[])) AS r(s, k)"
            " ON source = s AND theirs_key = k"
        ),
        {"sources": [pair[0] for pair in pairs], "keys": [pair[1] for pair in pairs]},
    )
    return {(row.source, row.theirs_key): row.unit for row in rows}


async def put_mapping(
    session: AsyncSession,
    source: str,
    theirs: str,
    theirs_key: str,
    unit: str,
    key_id: str,
) -> None:
    """Map a source's name to a unit, in place of what it was mapped to."""
    await session.execute(
        sa.text(
            "INSERT INTO unit_mappings (source, theirs, theirs_key, unit, key_id, updated_at)"
            " VALUES (:source, :theirs, :theirs_key, :unit, :key_id, clock_timestamp())"
            " ON CONFLICT (source, theirs_key) DO UPDATE SET theirs = excluded.theirs,"
            " unit = excluded.unit, key_id = excluded.key_id, updated_at = excluded.updated_at"
        ),
        {
            "source": source,
            "theirs": theirs,
            "theirs_key": theirs_key,
            "unit": unit,
            "key_id": key_id,
        },
    )


async def list_mapped(session: AsyncSession) -> list[dict[str, Any]]:
    """Every mapping."""
    rows = await session.execute(
        sa.text(
            "SELECT source, theirs, unit, updated_at AS since FROM unit_mappings"
            " ORDER BY source, theirs"
        )
    )
    return [dict(row) for row in rows.mappings()]


async def list_unmapped(session: AsyncSession) -> list[dict[str, Any]]:
    """Every name for which something is held: how many items, and since when."""
    rows = await session.execute(
        sa.text(
            "SELECT source, max(theirs) AS theirs, sum(items) AS count, min(received_at) AS since"
            " FROM held_items GROUP BY source, theirs_key ORDER BY source, 2"
        )
    )
    return [dict(row) | {"count": int(row["count"])} for row in rows.mappings()]


HOLD = sa.text(
    "INSERT INTO held_items (source, theirs, theirs_key, code, items, digest, received_at, held_at,"
    " key_id, sealed) SELECT :source, r.theirs, r.theirs_key, r.code, r.items, r.digest,"
    " r.received_at, clock_timestamp(), r.key_id, r.sealed FROM unnest(CAST(:theirs AS text[]),"
    " CAST(:theirs_key AS text[]), CAST(:code AS text[]), CAST(:items AS integer[]),"
    " CAST(:digest AS bytea[]), CAST(:received_at AS timestamptz[]), CAST(:key_id AS text[]),"
    " CAST(:sealed AS bytea[])) WITH ORDINALITY"
    " AS r(theirs, theirs_key, code, items, digest, received_at, key_id, sealed, n)"
    " WHERE r.digest IS DISTINCT FROM (SELECT h.digest FROM held_items h"
    " WHERE h.source = :source AND h.code = r.code ORDER BY h.id DESC LIMIT 1) ORDER BY r.n"
)


async def hold(session: AsyncSession, source: str, rows: Sequence[Held]) -> None:
    """Hold items of different dossiers, in their order; what repeats the last that is held of
    its dossier is not held twice."""
    if rows:
        columns = {name: [getattr(row, name) for row in rows] for name in Held.__slots__}
        await session.execute(HOLD, {"source": source, **columns})


async def held_codes(
    session: AsyncSession,
    source: str,
    codes: Collection[str],
    released: tuple[str, int] = ("", 0),
) -> dict[str, tuple[str, str]]:
    """The dossiers for which something is held, with the name that the first of it waits for.

    ``released``: a name, and up to which id what waits for it is being taken in.
    """
    rows = await session.execute(
        sa.text(
            "SELECT DISTINCT ON (code) code, theirs, theirs_key FROM held_items"
            " WHERE source = :source AND code = ANY(CAST(:codes AS text[]))"
            " AND NOT (theirs_key = :key AND id <= :last) ORDER BY code, id"
        ),
        {"source": source, "codes": sorted(codes), "key": released[0], "last": released[1]},
    )
    return {row.code: (row.theirs, row.theirs_key) for row in rows}


async def last_held(session: AsyncSession, source: str, theirs_key: str) -> int | None:
    """The id of the newest item that waits for a name."""
    last: int | None = await session.scalar(
        sa.text("SELECT max(id) FROM held_items WHERE source = :source AND theirs_key = :key"),
        {"source": source, "key": theirs_key},
    )
    return last


async def take_held(
    session: AsyncSession, source: str, theirs_key: str, last: int, limit: int
) -> list[sa.Row]:
    """The oldest items that wait for a name, up to an id; they are no longer held."""
    rows = await session.execute(
        sa.text(
            "DELETE FROM held_items WHERE id IN (SELECT id FROM held_items WHERE source = :source"
            " AND theirs_key = :key AND id <= :last ORDER BY id LIMIT :limit) RETURNING *"
        ),
        {"source": source, "key": theirs_key, "last": last, "limit": limit},
    )
    return sorted(rows.all(), key=lambda row: row.id)


async def releasable(session: AsyncSession) -> list[tuple[str, str]]:
    """(source, compared name) of names that were mapped after something was held for them."""
    rows = await session.execute(
        sa.text(
            "SELECT DISTINCT source, theirs_key FROM held_items JOIN unit_mappings"
            " USING (source, theirs_key) WHERE updated_at > held_at ORDER BY 1, 2"
        )
    )
    return [(row.source, row.theirs_key) for row in rows]


async def load_key(session: AsyncSession, key_id: str) -> sa.Row | None:
    """A key's name and rights, also of one that was revoked since."""
    rows = await session.execute(
        sa.text("SELECT id, name, scopes, units, sources FROM keys WHERE id = :id"), {"id": key_id}
    )
    return rows.first()


async def held_of(session: AsyncSession, code: str) -> list[sa.Row]:
    """What is held of a dossier, whoever sent it."""
    rows = await session.execute(
        sa.text("SELECT id, sealed FROM held_items WHERE code = :code ORDER BY id FOR UPDATE"),
        {"code": code},
    )
    return list(rows.all())


async def reseal_held(session: AsyncSession, sealed: Mapping[int, bytes]) -> None:
    """Put other sealed contents in place of held ones."""
    if sealed:
        await session.execute(
            sa.text(
                "UPDATE held_items SET sealed = r.s FROM unnest(CAST(:ids AS bigint[]),"
                " CAST(:sealed AS bytea[])) AS r(i, s) WHERE id = r.i"
            ),
            {"ids": list(sealed), "sealed": list(sealed.values())},
        )
