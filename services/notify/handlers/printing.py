"""What is printed about a dossier: the slip that its applicant takes home, a letter of apology."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.handlers.desk import Desk
from services.notify.rules import deadlines as due_rules
from services.notify.rules.links import token_of
from services.notify.store import links, story
from shared import clock
from shared.dossiers import read_story


@dataclass(frozen=True, slots=True)
class Slip:
    """A dossier as its receipt shows it; ``link`` is null where citizens reach no page."""

    code: str
    unit: str
    procedure: str
    channel: str
    submitted_at: datetime
    received_at: datetime | None
    due: date | None
    return_by: str | None
    link: str | None


@dataclass(frozen=True, slots=True)
class Apology:
    """A due date that was missed: what was promised, why it was not kept, what is promised now."""

    code: str
    unit: str
    received_at: datetime | None
    old_due: date
    new_due: date | None
    reason: str | None
    name: str | None


async def find_slip(session: AsyncSession, desk: Desk, code: str) -> Slip | None:
    """What a dossier's receipt shows, and its page from now on; null where nothing was handed in."""
    dossier = (await story.load_dossiers(session, [code]))[code]
    read = read_story(dossier.submissions, dossier.statuses)
    if read is None:
        return None
    await desk.refresh(session)
    link = desk.link(code)
    if link is not None and desk.link_key is not None:
        await links.put(session, {code: token_of(desk.link_key, code)}, clock.now())
        if await links.find(session, token_of(desk.link_key, code)) is None:
            link = None  # erased
    return Slip(
        code=code,
        unit=read.unit,
        procedure=read.procedure,
        channel=read.channel,
        submitted_at=read.submission.submitted_at,
        received_at=read.received_at,
        due=read.due.day if read.due else None,
        return_by=dossier.return_by.get(read.submission.uid),
        link=link,
    )


async def find_apology(session: AsyncSession, code: str, now: datetime) -> Apology | None:
    """The last due date that a dossier missed; null where it missed none."""
    dossier = (await story.load_dossiers(session, [code]))[code]
    read = read_story(dossier.submissions, dossier.statuses)
    if read is None:
        return None
    versions = due_rules.versions_of(read)
    missed = [each for each in versions if due_rules.state_of(each, now) == "slipped"]
    if not missed:
        return None
    later = [each for each in versions if each.number > missed[-1].number]
    reasons = [dossier.reasons[s.uid] for s in read.statuses if s.uid in dossier.reasons]
    contact = (await story.load_contacts(session, [code])).get(code)
    return Apology(
        code=code,
        unit=read.unit,
        received_at=read.received_at,
        old_due=missed[-1].due_day,
        new_due=later[-1].due_day if later else None,
        reason=reasons[-1] if reasons else None,
        name=contact.name if contact else None,
    )
