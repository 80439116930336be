"""A batch of messages: keep what concerns notify, then follow what it touches."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.handlers.desk import Desk
from services.notify.handlers.dossiers import follow_dossiers
from services.notify.handlers.duties import Duties
from services.notify.store import clock_mark, story
from services.notify.store import notices as store
from shared import clock, events

VOIDED = "motcua.record.voided.v1"


async def take_events(
    session: AsyncSession, desk: Desk, duties: Duties, batch: Sequence[events.Event]
) -> None:
    """Apply a batch of events: load, decide, save, announce."""
    kept: list[tuple[str, events.Event]] = []
    voids: list[tuple[bytes, object]] = []
    for event in batch:
        if event.type in story.DOSSIER_TYPES:
            kept.append((event.data.code, event))  # type: ignore[attr-defined]
        elif event.type in story.FULFILLING:
            kept.append((event.type, event))
        elif event.type == VOIDED:
            target = events.uid(event.data.of_source, event.data.of_id)  # type: ignore[attr-defined]
            voids.append((target, event.receivedat or event.time))
    received = [event.receivedat for event in batch if event.receivedat is not None]
    if received:
        await clock_mark.advance(session, max(received))
    await story.add_events(session, kept)
    await story.add_voids(session, voids)
    gone = {uid for uid, _ in voids}
    await store.cancel_by_event(session, gone, "voided", clock.now())
    touched = await story.find_subjects(session, gone)
    codes = {subject for subject, event in kept if event.type in story.DOSSIER_TYPES}
    codes |= {subject for type, subject in touched if type in story.DOSSIER_TYPES}
    await follow_dossiers(session, desk, codes)
    uids = {event.uid for _, event in kept if event.type in story.FULFILLING}
    if any(type in story.FULFILLING for type, _ in touched):
        uids |= gone
    if uids:
        await duties.follow(session, await story.get_handed_in(session, uids))
