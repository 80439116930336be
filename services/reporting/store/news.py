"""What came to the store since somebody read it last: for who keeps facts in memory.

Every row of these tables has a number, in the order in which they were kept; one that is changed
gets a new one. Batches are applied one after another, so a transaction that sees a number sees all
the smaller ones that there will ever be.
"""

from collections.abc import AsyncIterator, Collection
from datetime import date, datetime
from typing import NamedTuple

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting.rules import Filed, KnownInstall
from services.reporting.store.successes import success

AT_ONCE = 2000
"""Rows of a whole table that are held together."""
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
_INSTALL = (
    "SELECT f.time, f.source, f.event_id, f.unit, f.app, f.installer, f.place, f.day, f.device,"
    " f.citizen, f.rday, v.rday AS voided FROM installs f LEFT JOIN voids v ON v.target = f.uid"
)
_IN_ORDER = 'ORDER BY time, source COLLATE "C", event_id COLLATE "C"'
_INSTALLS = sa.text(f"{_INSTALL} WHERE f.succeeded AND f.day BETWEEN :first AND :last {_IN_ORDER}")
_NEW_INSTALLS = sa.text(
    f"{_INSTALL} WHERE f.seq > :seq AND f.succeeded UNION"
    " SELECT f.time, f.source, f.event_id, f.unit, f.app, f.installer, f.place, f.day, f.device,"
    " f.citizen, f.rday, v.rday AS voided FROM voids v JOIN installs f ON f.uid = v.target"
    " WHERE v.seq > :voids AND f.succeeded LIMIT :most"
)
_SAME_INSTALLS = sa.text(
    f"SELECT * FROM ({_INSTALL} WHERE f.succeeded AND f.device = ANY(CAST(:devices AS text[]))"
    f" UNION {_INSTALL} WHERE f.succeeded AND f.citizen = ANY(CAST(:citizens AS text[]))) f"
    f" {_IN_ORDER}"
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


async def installs(
    session: AsyncSession, first: date, last: date
) -> AsyncIterator[list[KnownInstall]]:
    """The successes of some days in the order of events, so many at a time."""
    result = await session.stream(
        _INSTALLS, {"first": first, "last": last}, execution_options={"yield_per": AT_ONCE}
    )
    async for rows in result.partitions(AT_ONCE):
        yield [_install(row) for row in rows]


async def new_installs(
    session: AsyncSession, since: int, voids: int, most: int
) -> list[KnownInstall]:
    """Successes with a greater number, or whose withdrawal has one, in no order; at most so many."""
    asked = {"seq": since, "voids": voids, "most": most}
    return [_install(row) for row in await session.execute(_NEW_INSTALLS, asked)]


async def same_installs(
    session: AsyncSession, devices: Collection[str], citizens: Collection[str]
) -> list[KnownInstall]:
    """All successes on some machines or of some citizens, in the order of events."""
    asked = {"devices": sorted(devices), "citizens": sorted(citizens)}
    return [_install(row) for row in await session.execute(_SAME_INSTALLS, asked)]


def _install(row: sa.Row) -> KnownInstall:
    return KnownInstall(success(row), row.rday, row.voided)
