"""A citizen is reminded of a due date: on its day, and before its hour while there is no result."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.handlers.desk import Desk, language_of, name_of
from services.notify.rules import notices as rules
from services.notify.rules.notices import Fact, Origin
from services.notify.rules.reminders import REMINDERS, appointment_of, over_at
from services.notify.store import story
from services.notify.store.notices import NewNotice


async def remind(
    session: AsyncSession, desk: Desk, rows: Sequence[sa.Row], now: datetime
) -> list[NewNotice]:
    """The notices to citizens that some alarms of dossiers ask for.

    Each is worth telling up to the hour, or the end of the day, that it speaks of, and no longer:
    what could not be sent by then is withheld.
    """
    rows = [row for row in rows if now < over_at(row.what, row.due_at, row.slips_at)]
    codes = {row.key for row in rows}
    contacts = await story.load_contacts(session, codes)
    dossiers = await story.load_dossiers(session, codes) if codes else {}
    loaded = await story.loaded_afterwards(session, {bytes(row.origin) for row in rows})
    await desk.keep_links(session, codes)
    notices: list[NewNotice] = []
    for row in rows:
        fact = reminder_fact(row)
        received = loaded.get(bytes(row.origin))
        if received is not None and row.at <= received:
            fact = replace(fact, origin=replace(fact.origin, backfill=True))
        contact = contacts.get(row.key)
        expected = any(each.contact is not None for each in dossiers[row.key].submissions)
        for draft in rules.draft(fact, contact, expected, now, desk.policy):
            notice = desk.write(
                fact, draft, now, name=name_of(contact), language=language_of(contact)
            )
            if notice.stale_at is not None:
                over = over_at(row.what, row.due_at, row.slips_at)
                notice.stale_at = min(notice.stale_at, over)
            notices.append(notice)
    return notices


def reminder_fact(row: sa.Row) -> Fact:
    """What a citizen is told of a due date that has come near."""
    facts = row.facts if isinstance(row.facts, dict) else orjson.loads(row.facts)
    values = {name: facts.get(name) for name in ("procedure", "department")}
    values["due"] = rules.day_text(row.due_day)
    values["time"] = appointment_of(row.due_at).strftime("%H:%M")
    return Fact(
        subject=row.key,
        kind=REMINDERS[row.what],
        version=row.version,
        at=row.at,
        unit=row.unit,
        origin=Origin(bytes(row.origin), row.source, max(row.origin_time, row.at)),
        facts=tuple(values.items()),
    )
