"""What became of notices: one row each, the furthest state that was heard of."""

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting.rules import Place
from services.reporting.store.figures import PLACE, Scope
from services.reporting.store.rows import Insert
from shared import clock
from shared.events import Event
from shared.events.outcomes import Notice

STATES = {
    "motcua.notice.sent.v1": "sent",
    "motcua.notice.failed.v1": "failed",
    "motcua.notice.delivered.v1": "delivered",
}
"""The state that each outcome tells, in the order in which one may replace another."""

WRONG = "wrong_number"
"""Why a message failed that reached somebody, who said that they are not the applicant: nothing
that the carrier reports replaces it."""

_RANK = "array_position(ARRAY['sent', 'failed', 'delivered'], {})"
_KEEP = Insert(
    "notices",
    {
        "notice": "text",
        "unit": "text",
        "channel": "text",
        "template": "text",
        "subject": "text",
        "segments": "bigint",
        "cost": "bigint",
        "day": "date",
        "state": "text",
        "reason": "text",
    },
    "ON CONFLICT (notice) DO UPDATE SET state = excluded.state, reason = excluded.reason,"
    " day = least(notices.day, excluded.day)"
    f" WHERE {_RANK.format('excluded.state')} > {_RANK.format('notices.state')}"
    " AND notices.reason IS DISTINCT FROM 'wrong_number' OR excluded.reason = 'wrong_number'",
)
_COUNTS = f"""
SELECT {PLACE} AS place, s.borne, channel, count(*) AS notices,
    count(*) FILTER (WHERE state <> 'failed') AS sent,
    count(*) FILTER (WHERE state = 'delivered') AS delivered,
    count(*) FILTER (WHERE state = 'failed') AS failed,
    sum(segments)::bigint AS segments, sum(cost)::bigint AS cost
FROM notices f {{within}}
WHERE day BETWEEN :first AND :last
GROUP BY 1, 2, channel ORDER BY {PLACE} COLLATE "C", 2, channel
"""
_UNDELIVERABLE = f"""
SELECT {PLACE} AS place, s.borne, count(DISTINCT subject) AS n FROM notices f {{within}}
WHERE channel = 'sms' AND state = 'failed' AND reason IN ('carrier', 'refused', 'wrong_number')
    AND day BETWEEN :first AND :last
GROUP BY 1, 2
"""


async def keep(session: AsyncSession, outcomes: Iterable[Event]) -> None:
    """Keep the furthest state of each notice; earlier news that comes later changes nothing."""
    furthest: dict[str, tuple] = {}
    order = list(STATES.values())

    def rank(row: tuple) -> tuple[bool, int]:
        return row[9] == WRONG, order.index(row[8])

    for event in outcomes:
        told = event.data
        if event.type not in STATES or not isinstance(told, Notice):
            continue
        state = STATES[event.type]
        row = (
            told.notice,
            told.unit or "_",
            told.channel,
            told.template,
            told.subject,
            told.segments or 0,
            told.cost,
            clock.local_day(told.at or event.time),
            state,
            told.reason,
        )
        before = furthest.get(told.notice)
        if before is None or rank(row) > rank(before):
            furthest[told.notice] = row
    await _KEEP.run(session, [furthest[key] for key in sorted(furthest)])


async def counts(session: AsyncSession, scope: Scope) -> list[sa.Row]:
    """Per unit (place, borne) and channel: notices, sent, delivered, failed, segments, cost (VND,
    or null)."""
    query = sa.text(_COUNTS.format(within=scope.within("day")))
    return list((await session.execute(query, scope.parameters("first", "last"))).all())


async def undeliverable(session: AsyncSession, scope: Scope) -> dict[Place, int]:
    """Per unit the dossiers whose phone number the carrier does not serve."""
    query = sa.text(_UNDELIVERABLE.format(within=scope.within("day")))
    rows = await session.execute(query, scope.parameters("first", "last"))
    return {Place(row.place, row.borne): row.n for row in rows}
