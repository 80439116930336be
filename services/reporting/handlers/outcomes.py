"""What other services announced: notices on their way, events refused, results."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting import rules
from services.reporting.rules import NoticeCell, NoticeStory
from services.reporting.store import notices, refusals, results
from shared.events import Event
from shared.units import UnitRegistry


async def apply_outcomes(
    session: AsyncSession, outcomes: Sequence[Event], registry: UnitRegistry
) -> None:
    """Keep what reports need of outcomes that were not seen before."""
    await _apply_notices(session, outcomes, registry)
    await refusals.add(session, outcomes)
    await results.keep(session, outcomes)


async def _apply_notices(
    session: AsyncSession, outcomes: Sequence[Event], registry: UnitRegistry
) -> None:
    told = notices.stories(outcomes)
    if not told:
        return
    known = await notices.load(session, told)
    after = {
        key: known[key].joined(story) if key in known else story for key, story in told.items()
    }
    await notices.keep(session, after)
    await notices.add(session, notice_difference(known, after), registry.era)


async def refold_notices(
    session: AsyncSession, codes: Collection[str], registry: UnitRegistry
) -> None:
    """Derive sums of notices that have none yet from what was heard of them."""
    if codes:
        known = await notices.load(session, codes)
        await notices.add(session, notice_difference({}, known), registry.era)


def notice_difference(
    before: Mapping[str, NoticeStory], after: Mapping[str, NoticeStory]
) -> dict[NoticeCell, tuple[int, ...]]:
    """What must be added to the sums of notices; no zeros."""
    change: dict[NoticeCell, tuple[int, ...]] = {}
    for sign, stories in ((-1, before), (1, after)):
        for story in stories.values():
            for cell, figures in rules.notice_contributions(story).items():
                known = change.get(cell, (0,) * len(figures))
                change[cell] = tuple(a + sign * b for a, b in zip(known, figures, strict=True))
    return {cell: figures for cell, figures in change.items() if any(figures)}
