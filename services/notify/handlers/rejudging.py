"""What other rules about due dates change: deadlines move, and who waits for a result is told."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.handlers.desk import Desk
from services.notify.handlers.dossiers import follow_dossiers
from services.notify.store.undated import UNDATED
from shared.due_dates import NO_RULES, Timeline


class Undated:
    """The dossiers of which upstream states no due date, for the changeover to other rules."""

    codes = UNDATED

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    async def derive(
        self, session: AsyncSession, codes: Sequence[str], before: Timeline, after: Timeline
    ) -> None:
        """Move their deadlines, and tell whom that concerns."""
        await self.desk.refresh(session)
        await follow_dossiers(session, self.desk, codes, after.latest or NO_RULES)
