"""What a citizen decides on the page of a dossier, and the page itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.handlers.desk import Desk
from services.notify.handlers.people import rechoose, record_consent
from services.notify.handlers.telling import notice_outcome
from services.notify.rules.consents import LINK
from services.notify.rules.notices import Contact
from services.notify.rules.timeline import Timeline, timeline_of
from services.notify.store import links, story
from services.notify.store import notices as store
from services.notify.store.people import Actor, Consent
from shared import clock, outbox
from shared.db import take_turn
from shared.dossiers import read_story, status_order

Channel = Literal["sms", "email"]
WHO = Actor("link", "link")
WRONG = "wrong_number"


@dataclass(frozen=True, slots=True)
class Shown:
    """A dossier's page: the code, its story, and what its applicant chose."""

    code: str
    timeline: Timeline
    contact: Contact | None


async def open_page(session: AsyncSession, desk: Desk, token: str, today: date) -> Shown | None:
    """The dossier behind a token; null where there is none, or nothing is known of it any more."""
    code = await links.find(session, token)
    if code is None:
        return None
    dossier = (await story.load_dossiers(session, [code]))[code]
    read = read_story(dossier.submissions, dossier.statuses)
    submission = read.submission if read else None
    timeline = timeline_of(
        code,
        read,
        sorted(dossier.statuses, key=status_order),
        dossier.return_by.get(submission.uid) if submission else None,
        desk.policy.agency_words,
        dict(dossier.reasons),
        today,
    )
    contact = (await story.load_contacts(session, [code])).get(code)
    return None if timeline is None else Shown(code, timeline, contact)


async def choose(
    session: AsyncSession,
    desk: Desk,
    code: str,
    channels: Sequence[Channel],
    language: str | None,
    text_version: str,
) -> None:
    """Tell somebody of a dossier through some channels from now on, or not at all."""
    consent = Consent(
        None, code, "status", list(channels), False, clock.now(), LINK, None, language, text_version
    )
    await record_consent(session, desk, consent, WHO)


async def stop_letters(session: AsyncSession, desk: Desk, shown: Shown, text_version: str) -> None:
    """Write no more letters about a dossier; texts to its phone go on where they were wanted."""
    contact = shown.contact
    wanted = contact.notify if contact and contact.notify is not None else ("sms",)
    phone = contact is not None and contact.phone is not None
    channels: list[Channel] = ["sms"] if phone and "sms" in wanted else []
    language = contact.language if contact else None
    await choose(session, desk, shown.code, channels, language, text_version)


async def report_wrong(
    session: AsyncSession,
    desk: Desk,
    code: str,
    channel: Channel,
    everywhere: bool,
    how: str = LINK,
) -> bool:
    """Write no more to an address that is not its applicant's, about a dossier or at all.

    What had been sent there is told to have failed, so that it counts as a wrong number. Returns
    whether there was an address to bar.
    """
    now = clock.now()
    await take_turn(session, "store")
    await desk.refresh(session)
    contact = (await story.load_contacts(session, [code])).get(code)
    address = (contact.phone if channel == "sms" else contact.email) if contact else None
    if not address:
        return False
    if not await links.bar(session, address, code, channel, everywhere, how, now):
        return True
    last = await links.last_sent(session, code, channel)
    if last is not None:
        await store.note(session, last.id, last.state, WRONG, None, now)
        provider = last.provider or "none"
        message = notice_outcome("failed", last, last.number, provider, WRONG, now)
        await outbox.enqueue(session, [message])
    others = await links.codes_of(session, address) if everywhere else []
    await rechoose(session, desk, {code, *others}, now)
    return True
