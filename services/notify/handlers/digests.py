"""Many words to one officer are told in one list, composed in the transaction that claims them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.handlers.desk import SOURCE, Desk
from services.notify.handlers.relevance import pointless
from services.notify.rules.digests import DIGEST, Item, facts_of_list
from services.notify.rules.files import carries
from services.notify.rules.leaving import WAITING
from services.notify.store import holding
from services.notify.store import notices as store
from services.notify.store.notices import NewNotice
from services.notify.store.story import facts_of
from shared.clock import local_day

Reader = tuple[str, str, str]
"""Recipient, channel, address."""


def gathers(desk: Desk, row: Any) -> bool:
    """Whether a notice may be told in a list."""
    return (
        row.audience == "officer"
        and row.kind != DIGEST
        and not carries(row.kind)
        and row.kind not in desk.leaving.urgent
        and row.state == "ready"
        and row.attempts == 0
    )


async def gather(
    session: AsyncSession, desk: Desk, rows: Sequence[Any], now: datetime
) -> tuple[list[Any], dict[UUID, str]]:
    """Tell in lists what some picked notices, and all else that is ready for the same officers,
    say; returns the notices that go alone, and those found pointless meanwhile.

    A list is made of more than so many at once, and of all that waited for the morning.
    """
    readers: dict[Reader, list[Any]] = {}
    for row in rows:
        if gathers(desk, row):
            readers.setdefault((row.recipient, row.channel, row.address), [])
    if not readers:
        return list(rows), {}
    found = [
        row
        for row in await holding.ready_for(session, readers, now)
        if (row.recipient, row.channel, row.address) in readers and gathers(desk, row)
    ]
    gone = await pointless(session, found, now, desk.policy.agency_words)
    for row in found:
        if row.id not in gone:
            readers[row.recipient, row.channel, row.address].append(row)
    made: list[NewNotice] = []
    told: dict[UUID, UUID] = {}
    for members in readers.values():
        waited = any(row.reason in WAITING for row in members)
        if len(members) > (1 if waited else desk.leaving.digest_over or len(members)):
            notice = compose(desk, members, now)
            made.append(notice)
            told |= {row.id: notice.id for row in members}
    if made:
        await desk.refresh(session)
        await store.add(session, [desk.compose(each, None, now) for each in made], now)
        await holding.fold(session, told, now)
    return [row for row in rows if row.id not in told and row.id not in gone], gone


def compose(desk: Desk, members: Sequence[Any], now: datetime) -> NewNotice:
    """The notice that tells several, its text still to be written."""
    first, id = members[0], uuid4()
    return NewNotice(
        id=id,
        subject=f"{DIGEST}/{first.unit}/{local_day(now)}",
        kind=DIGEST,
        version=id.hex,
        audience=first.audience,
        recipient=first.recipient,
        channel=first.channel,
        address=first.address,
        unit=first.unit,
        state="ready",
        reason=None,
        at=now,
        event_uid=id.bytes,  # the voiding of one event cancels no list
        event_source=SOURCE,
        event_time=now,
        stale_at=now + desk.policy.stale_after,
        next_at=now,
        title=None,
        body="",
        segments=0,
        facts=facts_of_members(members, now),
    )


def facts_of_members(members: Sequence[Any], now: datetime) -> dict[str, Any]:
    """What the text of a list is filled in with."""
    items = [Item(row.kind, row.subject, facts_of(row.facts), row.title) for row in members]
    return dict(facts_of_list(items, local_day(now)))


async def look_again(
    session: AsyncSession, desk: Desk, rows: Sequence[Any], now: datetime
) -> tuple[dict[UUID, Any], dict[UUID, str]]:
    """Lists that waited, as they read now: without what is pointless meanwhile, which is withdrawn;
    and those of which nothing is left."""
    if not rows:
        return {}, {}
    members: dict[UUID, list[Any]] = {row.id: [] for row in rows}
    told = await holding.members(session, list(members))
    gone = await pointless(session, told, now, desk.policy.agency_words)
    for row in told:
        if row.id not in gone:
            members[row.digest].append(row)
    await holding.withdraw(session, gone, now)
    changed = {row.digest for row in told if row.id in gone}
    read: dict[UUID, Any] = {}
    empty: dict[UUID, str] = {}
    await desk.refresh(session)
    for row in rows:
        if not members[row.id]:
            empty[row.id] = "overtaken"
        elif row.id in changed:
            written = desk.compose(anew(row, members[row.id], now), None, now)
            await holding.rewrite(session, written, now)
            read[row.id] = as_row(row, written)
    return read, empty


def anew(row: Any, members: Sequence[Any], now: datetime) -> NewNotice:
    """A list again, with the members that are left."""
    names = NewNotice.__dataclass_fields__
    known: Mapping[str, Any] = row._mapping
    kept = {name: known[name] for name in names if name in known}
    lacking = {"event_uid": b"", "event_source": SOURCE, "event_time": now, "next_at": now}
    return NewNotice(**(lacking | kept | {"facts": facts_of_members(members, now)}))


def as_row(row: Any, written: NewNotice) -> Any:
    """A picked row with another text."""
    text = {
        "title": written.title,
        "body": written.body,
        "segments": written.segments,
        "facts": written.facts,
    }
    return SimpleNamespace(**(dict(row._mapping) | text))
