"""The citizens whom no message has reached, for people to call."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

UNREACHED = (
    "n.audience = 'citizen' AND (n.state IN ('unreachable', 'failed')"
    " OR (n.state = 'withheld' AND n.reason = 'wrong_number'))"
)
# A fact that reached somebody through another channel, or still may, needs no call.
CALLS = sa.text(
    "WITH lost AS (SELECT n.subject, n.kind, n.version, min(n.unit) AS unit, max(n.at) AS at,"
    " max(n.changed_at) AS changed_at, min(n.reason) AS reason, max(n.body) AS body,"
    " max(n.title) AS title FROM notices n"
    f" WHERE {UNREACHED} AND n.changed_at >= :since AND n.changed_at < :until"
    " AND (CAST(:units AS text[]) IS NULL OR n.unit = ANY(CAST(:units AS text[])))"
    " AND n.subject > :after"
    " AND NOT EXISTS (SELECT 1 FROM notices o WHERE o.subject = n.subject AND o.kind = n.kind"
    " AND o.version = n.version AND o.audience = 'citizen' AND o.state IN ('sent', 'delivered',"
    " 'unknown', 'ready', 'retrying', 'sending', 'waiting_contact'))"
    " AND NOT EXISTS (SELECT 1 FROM contacts c WHERE c.code = n.subject AND c.erased)"
    " GROUP BY 1, 2, 3),"
    " codes AS (SELECT DISTINCT subject FROM lost ORDER BY subject LIMIT :limit)"
    " SELECT l.*, c.token, c.name, c.phone, c.email FROM lost l JOIN codes USING (subject)"
    " LEFT JOIN contacts c ON c.code = l.subject ORDER BY l.subject, l.at, l.kind"
)


@dataclass(frozen=True, slots=True)
class Query:
    """Whose calls, of which time; ``units`` null means all, ``after`` is the last dossier seen."""

    since: datetime
    until: datetime
    units: Collection[str] | None = None
    after: str = ""
    limit: int = 1000


async def find(session: AsyncSession, query: Query) -> Sequence[sa.Row]:
    """What some citizens were to be told and were not, by dossier."""
    units = None if query.units is None else sorted(query.units)
    given = {"since": query.since, "until": query.until, "units": units}
    given |= {"after": query.after, "limit": query.limit}
    return (await session.execute(CALLS, given)).all()
