"""What messages cost, by unit, month and channel."""

from collections.abc import Collection, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

COSTS = sa.text(
    "SELECT to_char(created_at AT TIME ZONE 'Asia/Ho_Chi_Minh', 'YYYY-MM') AS month, unit, channel,"
    " count(*) AS notices, count(*) FILTER (WHERE state IN ('sent', 'delivered')) AS sent,"
    " count(*) FILTER (WHERE state = 'delivered') AS delivered,"
    " count(*) FILTER (WHERE state = 'failed') AS failed,"
    " count(*) FILTER (WHERE state = 'unknown') AS unknown,"
    " coalesce(sum(segments) FILTER (WHERE state IN ('sent', 'delivered', 'unknown')"
    " OR state = 'failed' AND receipt_failed), 0)::bigint AS segments, sum(cost)::bigint AS cost"
    " FROM notices WHERE created_at >= :since AND created_at < :until AND channel IS NOT NULL"
    " AND state NOT IN ('cancelled', 'withheld', 'withdrawn', 'digested', 'dry_run', 'outbox')"
    " AND (CAST(:units AS text[]) IS NULL OR unit = ANY(CAST(:units AS text[])))"
    ' GROUP BY 1, 2, 3 ORDER BY 1 DESC, unit COLLATE "C", channel'
)


async def sum_costs(
    session: AsyncSession, since: datetime, until: datetime, units: Collection[str] | None
) -> Sequence[sa.Row]:
    """Per month, unit and channel: messages by what became of them, segments that a carrier
    bills, VND (null where no price is known)."""
    given = {"since": since, "until": until, "units": None if units is None else sorted(units)}
    return (await session.execute(COSTS, given)).all()
