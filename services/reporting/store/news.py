"""What came to the store since somebody read it last: for who keeps facts in memory.

Every row of these tables has a number, in the order in which they were kept; one that is changed
gets a new one. Batches are applied one after another, so a transaction that sees a number sees all
the smaller ones that there will ever be.
"""

from datetime import date, datetime
from typing import NamedTuple

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting.rules import Filed

TABLES = ("filings", "installs", "results", "result_days", "voids")

_MARKS = sa.text(
    " UNION ALL ".join(
        f"(SELECT '{name}' AS name, CAST(tableoid AS bigint) AS made,"
        " CAST(pg_relation_filenode(tableoid) AS bigint) AS file,"
        f" pg_postmaster_start_time() AS started, seq FROM {name} ORDER BY seq DESC LIMIT 1)"
        for name in TABLES
    )
)
_FILINGS = sa.text(
    "SELECT f.uid, f.type, f.time, f.source, f.event_id, f.unit, f.data, f.rday, v.rday AS voided"
    " FROM filings f LEFT JOIN voids v ON v.target = f.uid WHERE f.seq > :seq ORDER BY f.seq"
)
_VOIDED_FILINGS = sa.text(
    "SELECT f.uid, v.rday FROM voids v JOIN filings f ON f.uid = v.target WHERE v.seq > :seq"
)


class Mark(NamedTuple):
    """How far a table was read: up to which number, in which of its lives.

    A store that was rebuilt, emptied or put back begins anew.
    """

    life: tuple[int, int, datetime] | None = None
    seq: int = 0


class KeptFiling(NamedTuple):
    """A filing, since when it is known and since when withdrawn."""

    uid: bytes
    filed: Filed
    rday: date
    voided: date | None


async def marks(session: AsyncSession) -> dict[str, Mark]:
    """How far each table goes, as the transaction sees it; an empty one has no life."""
    found = dict.fromkeys(TABLES, Mark())
    for row in await session.execute(_MARKS):
        found[row.name] = Mark((row.made, row.file, row.started), row.seq)
    return found


async def filings(session: AsyncSession, since: int) -> list[KeptFiling]:
    """The filings with a greater number."""
    return [
        KeptFiling(
            row.uid,
            Filed(
                type=row.type,
                order=(row.time, row.source, row.event_id),
                unit=row.unit,
                data=orjson.loads(row.data) if isinstance(row.data, str | bytes) else row.data,
            ),
            row.rday,
            row.voided,
        )
        for row in await session.execute(_FILINGS, {"seq": since})
    ]


async def voided_filings(session: AsyncSession, since: int) -> list[tuple[bytes, date]]:
    """(uid, recorded day) of the filings whose withdrawal has a greater number."""
    rows = await session.execute(_VOIDED_FILINGS, {"seq": since})
    return [(row.uid, row.rday) for row in rows]
