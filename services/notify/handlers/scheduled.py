"""Reports that were ordered for a time, told with their files to whom they were ordered for."""

import base64
from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.handlers.desk import Desk
from services.notify.handlers.officers import OFFICER, load_officers, tell_units
from services.notify.rules.files import SCHEDULED
from services.notify.rules.notices import Fact, Origin
from services.notify.rules.recipients import Target
from services.notify.store import attachments
from services.notify.store import notices as store
from services.notify.store.attachments import Brought
from services.notify.store.notices import NewNotice
from shared import clock, events
from shared.clock import VN
from shared.events.outcomes import BuiltReport


async def take_scheduled(session: AsyncSession, desk: Desk, batch: Sequence[events.Event]) -> None:
    """Send built reports to the officers whom they are for: to each address once."""
    built = [(each, each.data) for each in batch if isinstance(each.data, BuiltReport)]
    if not built:
        return
    now = clock.now()
    told = await store.told(session, {subject_of(data) for _, data in built}, OFFICER)
    fresh = [(event, data) for event, data in built if not told.get(subject_of(data))]
    targets = {event.uid: targets_of(data) for event, data in fresh}
    officers = await load_officers(
        session, desk, {each for named in targets.values() for each in named}, now
    )
    notices: list[NewNotice] = []
    for event, data in fresh:
        notices += tell_units(desk, fact_of(event, data), targets[event.uid], officers, now)
    await attachments.put(
        session,
        [
            Brought(event.uid, data.file, base64.b64decode(data.content))
            for event, data in fresh
            if data.content
        ],
        now,
    )
    await store.add(session, notices, now)
    if notices:
        desk.wake()


def subject_of(data: BuiltReport) -> str:
    """What notices about a built report are about."""
    return f"{data.schedule}/{data.run}"


def targets_of(data: BuiltReport) -> list[str]:
    """Whom a built report is for, as the list of officers is asked."""
    return [str(Target(each.unit, each.level)) for each in data.to]


def fact_of(event: events.Event, data: BuiltReport) -> Fact:
    """A built report as officers are told of it."""
    values = {
        "report": data.title,
        "address": data.address,
        "file": data.file if data.content else None,
        "due": f"{data.due_at.astimezone(VN):%H:%M ngày %d/%m/%Y}",
        "late": f"{data.at.astimezone(VN):%H:%M ngày %d/%m/%Y}" if data.late else None,
    }
    return Fact(
        subject_of(data),
        SCHEDULED,
        "1",
        data.at,
        data.to[0].unit,
        Origin(event.uid, event.source, event.time),
        tuple(values.items()),
    )
