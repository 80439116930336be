"""What reporting published, told to the units that it is about."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.handlers.desk import Desk
from services.notify.handlers.officers import OFFICER, load_officers, tell_units
from services.notify.rules.notices import Fact, Origin
from services.notify.store import notices as store
from services.notify.store.notices import NewNotice
from shared import clock, events
from shared.events.outcomes import Publication

KINDS = {
    "motcua.publication.issued.v1": "report_published",
    "motcua.publication.revised.v1": "report_revised",
    "motcua.publication.withdrawn.v1": "report_withdrawn",
}
"""Type of an outcome -> kind of the notice."""


async def take_publications(
    session: AsyncSession, desk: Desk, batch: Sequence[events.Event]
) -> None:
    """Tell the officers of each unit of what was published, revised or withdrawn; each once."""
    facts = [fact_of(event, event.data) for event in batch if isinstance(event.data, Publication)]
    if not facts:
        return
    now = clock.now()
    told = await store.told(session, {fact.subject for fact in facts}, OFFICER)
    known = {
        (subject, each.kind, each.version) for subject, every in told.items() for each in every
    }
    officers = await load_officers(session, desk, {fact.unit for fact in facts}, now)
    notices: list[NewNotice] = []
    for fact in facts:
        if (fact.subject, fact.kind, fact.version) not in known:
            notices += tell_units(desk, fact, [fact.unit], officers, now)
    await store.add(session, notices, now)
    if notices:
        desk.wake()


def fact_of(event: events.Event, data: Publication) -> Fact:
    """A publication as one unit is told of it."""
    values = {"report": data.title, "address": data.address, "reason": data.reason}
    return Fact(
        f"/p/{data.publication}",
        KINDS[event.type],
        f"{data.unit}:{data.revision}",
        data.at,
        data.unit,
        Origin(event.uid, event.source, event.time),
        tuple(values.items()),
    )
