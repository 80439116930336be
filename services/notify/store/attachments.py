"""Files that go with notices: one for each event that brought one, however many are told of it."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.rules.notices import UNSENT

PUT = sa.text(
    "INSERT INTO attachments (event_uid, name, content, at)"
    " SELECT u, n, c, CAST(:now AS timestamptz) FROM unnest(CAST(:uids AS bytea[]),"
    " CAST(:names AS text[]), CAST(:contents AS bytea[])) AS r(u, n, c) ORDER BY u"
    " ON CONFLICT (event_uid) DO NOTHING"
)
OF = sa.text(
    "SELECT n.id, a.name, a.content FROM notices n JOIN attachments a ON a.event_uid = n.event_uid"
    " WHERE n.id = ANY(CAST(:ids AS uuid[])) AND n.channel = 'email'"
)
DROP = sa.text(
    "DELETE FROM attachments WHERE event_uid IN (SELECT a.event_uid FROM attachments a"
    " WHERE a.at < :before AND NOT EXISTS (SELECT 1 FROM notices n"
    " WHERE n.event_uid = a.event_uid AND n.state = ANY(CAST(:unsent AS text[])))"
    " ORDER BY a.at LIMIT :limit)"
)


@dataclass(frozen=True, slots=True)
class Brought:
    """A file that came with an event."""

    uid: bytes
    name: str
    content: bytes = field(repr=False)


async def put(session: AsyncSession, brought: Collection[Brought], now: datetime) -> None:
    """Keep files until what is told of them is forgotten."""
    if brought:
        given = {
            "uids": [each.uid for each in brought],
            "names": [each.name for each in brought],
            "contents": [each.content for each in brought],
        }
        await session.execute(PUT, given | {"now": now})


async def of(session: AsyncSession, notices: Collection[UUID]) -> dict[UUID, tuple[str, bytes]]:
    """(name, content) of the file that goes with a notice by email, by notice."""
    if not notices:
        return {}
    rows = await session.execute(OF, {"ids": list(notices)})
    return {row.id: (row.name, row.content) for row in rows}


async def drop(session: AsyncSession, before: datetime, limit: int) -> int:
    """Forget files that came long ago and that nothing unsent needs; returns how many."""
    given = {"before": before, "limit": limit, "unsent": sorted(UNSENT)}
    return int((await session.execute(DROP, given)).rowcount)  # type: ignore[attr-defined]
