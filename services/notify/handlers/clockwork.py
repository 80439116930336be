"""A clock that lies behind what was received before cannot be believed: nothing is sent by it."""

from datetime import datetime, timedelta

import structlog
from prometheus_client import Gauge
from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.store import clock_mark
from shared import clock
from shared.db import Database

log = structlog.get_logger()

BEHIND = Gauge(
    "motcua_clock_behind_seconds", "How far this clock lies behind the newest event received"
)


class Clockwork:
    """Compares the clock with the newest event that was received.

    ``slack`` is how far two machines' clocks may lie apart.
    """

    def __init__(self, database: Database, slack: timedelta = timedelta(minutes=2)) -> None:
        self.database, self.slack = database, slack
        self.said = False

    async def trusted(self, session: AsyncSession, now: datetime) -> bool:
        """Whether anything may be done by the clock; says so in the log when that changes."""
        behind = await self.behind(session, now)
        BEHIND.set(behind.total_seconds() if behind else 0)
        if bool(behind) is not self.said:
            self.said = bool(behind)
            if behind:
                log.error("clock_behind_events", seconds=round(behind.total_seconds()))
            else:
                log.warning("clock_right_again")
        return not behind

    async def behind(self, session: AsyncSession, now: datetime) -> timedelta | None:
        """How far the clock lies behind; null where it is no more than the slack."""
        latest = await clock_mark.latest(session)
        return latest - now if latest is not None and latest - now > self.slack else None

    async def check(self) -> str:
        """``ok``, or what is wrong with the clock, as readiness shows it."""
        async with self.database.transaction() as session:
            behind = await self.behind(session, clock.now())
        return f"behind the newest event by {round(behind.total_seconds())} s" if behind else "ok"

    async def accept(self, who: str, why: str | None) -> datetime:
        """A person says that the clock is right: the events were stamped wrongly."""
        now = clock.now()
        async with self.database.transaction() as session:
            await clock_mark.reset(session, now)
        log.warning("clock_accepted", key=who, why=why)
        return now
