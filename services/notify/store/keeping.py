"""What has been kept long enough: a bounded number of rows at a time, oldest first."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.rules.notices import UNSENT

OLD_CONTACTS = sa.text(
    "SELECT c.token FROM contacts c WHERE NOT c.erased AND c.received_at < :before"
    " AND NOT EXISTS (SELECT 1 FROM events e WHERE e.subject = c.code AND e.received_at >= :before)"
    " AND NOT EXISTS (SELECT 1 FROM notices n WHERE n.subject = c.code"
    " AND n.state = ANY(CAST(:unsent AS text[])))"
    " ORDER BY c.received_at LIMIT :limit"
)
BLANK_TEXTS = sa.text(
    "UPDATE notices SET title = NULL, body = '', address = NULL, facts = facts - 'name'"
    " WHERE id IN (SELECT id FROM notices WHERE body <> '' AND created_at < :before"
    " AND state <> ALL(CAST(:unsent AS text[])) ORDER BY created_at LIMIT :limit"
    " FOR UPDATE SKIP LOCKED)"
)
DROP_ACCESS = sa.text(
    "DELETE FROM contact_access WHERE id IN"
    " (SELECT id FROM contact_access WHERE at < :before ORDER BY at LIMIT :limit)"
)
DROP_CALLS = sa.text(
    "DELETE FROM calls_made WHERE id IN (SELECT id FROM calls_made WHERE recorded_at < :before"
    " ORDER BY recorded_at LIMIT :limit)"
)
DROP_CONSENTS = sa.text(  # a proof is kept as long as the contact that it is about
    "DELETE FROM consents WHERE id IN (SELECT k.id FROM consents k WHERE k.recorded_at < :before"
    " AND NOT EXISTS (SELECT 1 FROM contacts c WHERE c.code = k.code AND NOT c.erased)"
    " AND NOT EXISTS (SELECT 1 FROM contacts c WHERE c.token = k.token AND NOT c.erased)"
    " ORDER BY k.recorded_at LIMIT :limit)"
)


async def old_contacts(session: AsyncSession, before: datetime, limit: int) -> list[str]:
    """The tokens of contacts about whose dossiers nothing has come since, nor is to be sent."""
    given = {"before": before, "limit": limit, "unsent": sorted(UNSENT)}
    return list((await session.scalars(OLD_CONTACTS, given)).all())


async def blank_texts(session: AsyncSession, before: datetime, limit: int) -> int:
    """Take texts and addresses out of old notices; returns of how many."""
    given = {"before": before, "limit": limit, "unsent": sorted(UNSENT)}
    return int((await session.execute(BLANK_TEXTS, given)).rowcount)  # type: ignore[attr-defined]


async def drop_access(session: AsyncSession, before: datetime, limit: int) -> int:
    """Forget who looked at contacts long ago; returns how many entries."""
    result = await session.execute(DROP_ACCESS, {"before": before, "limit": limit})
    return int(result.rowcount)  # type: ignore[attr-defined]


async def drop_calls(session: AsyncSession, before: datetime, limit: int) -> int:
    """Forget the calls that were made long ago; returns how many."""
    result = await session.execute(DROP_CALLS, {"before": before, "limit": limit})
    return int(result.rowcount)  # type: ignore[attr-defined]


async def drop_consents(session: AsyncSession, before: datetime, limit: int) -> int:
    """Forget old decisions of people whose contacts are no more; returns how many."""
    result = await session.execute(DROP_CONSENTS, {"before": before, "limit": limit})
    return int(result.rowcount)  # type: ignore[attr-defined]
