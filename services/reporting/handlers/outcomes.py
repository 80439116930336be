"""What other services announced: notices on their way, events refused, results."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting.store import notices, refusals, results
from shared.events import Event


async def apply_outcomes(session: AsyncSession, outcomes: Sequence[Event]) -> None:
    """Keep what reports need of outcomes that were not seen before."""
    await notices.keep(session, outcomes)
    await refusals.add(session, outcomes)
    await results.keep(session, outcomes)
