"""What other rules about due dates change in the counts of dossiers."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from services.quota import rules, store
from services.quota.handlers.counting import derived, judge_stories
from services.quota.handlers.milestones import announce_milestones
from services.quota.handlers.versions import Plans
from shared.due_dates import Timeline


class Undated:
    """The dossiers of which upstream states no due date, for the changeover to other rules."""

    codes = store.UNDATED

    def __init__(self, plans: Plans) -> None:
        self.plans = plans

    async def derive(
        self, session: AsyncSession, codes: Sequence[str], before: Timeline, after: Timeline
    ) -> None:
        """Bring every count of dossiers to the newest rules, on the day from which they hold."""
        counted = await self.plans.load_counted(session)
        parts = rules.parts(counted.histories.values())
        if not derived(parts):
            return
        adds = await judge_stories(session, parts, codes, lambda _: after)
        cells = await store.recount(session, adds)
        told = {each for each in cells if each[0] in counted.answering}
        await announce_milestones(session, counted.histories, told)
