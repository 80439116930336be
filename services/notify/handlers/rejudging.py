"""What other rules about due dates change: deadlines move, and who waits for a result is told."""

from collections.abc import Collection, Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.handlers.desk import Desk
from services.notify.handlers.dossiers import follow_dossiers
from services.notify.store import undated
from shared.due_dates import NO_RULES, Timeline


class Undated:
    """The dossiers of which upstream states no due date, for the changeover to other rules."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    async def count(self, session: AsyncSession, procedures: Collection[str]) -> int:
        """How many there are of some procedures."""
        return await undated.count(session, procedures)

    async def after(
        self, session: AsyncSession, procedures: Collection[str], code: str, limit: int
    ) -> Sequence[str]:
        """The next codes of some procedures."""
        return await undated.after(session, procedures, code, limit)

    async def derive(
        self, session: AsyncSession, codes: Sequence[str], before: Timeline, after: Timeline
    ) -> None:
        """Move their deadlines, and tell whom that concerns."""
        await self.desk.refresh(session)
        await follow_dossiers(session, self.desk, codes, after.latest or NO_RULES)
