"""A call to somebody whom no message reached."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.handlers.choices import report_wrong
from services.notify.handlers.desk import Desk
from services.notify.rules import texts
from services.notify.store import calls as store
from services.notify.store import people
from services.notify.store.people import Actor
from shared import clock
from shared.clock import local_day
from shared.redaction import scrub

CALL = "call"
WRONG = "wrong_number"
RESULTS = ("reached", "not_reached", WRONG)


class Clash(Exception):
    """Another call has this name."""


@dataclass(frozen=True, slots=True)
class Call:
    """What a caller says of a call; null ``at`` is now, ``ref`` names it, so that it counts once."""

    code: str
    result: str
    at: datetime | None = None
    note: str | None = None
    ref: str | None = None


async def record_call(
    session: AsyncSession, desk: Desk, call: Call, unit: str, actor: Actor
) -> tuple[Any, bool]:
    """Keep a call, and write no more to a number that is somebody else's.

    Returns the call as it is kept, and whether it is new.

    Raises:
        Clash: another call was kept by its name.
    """
    now = clock.now()
    at = call.at or now
    contact = await people.find_contact(session, code=call.code)
    made = store.Made(
        call.ref,
        call.code,
        unit,
        at,
        local_day(at),
        # Nobody can be told by a number that is not theirs, so nothing is left to be told by it.
        now if call.result == WRONG else at,
        call.result,
        tidy(call.note, call.code, contact.name if contact else None),
    )
    row = await store.add(session, made, actor, now)
    if row is None:
        assert call.ref is not None
        known = await store.by_ref(session, call.ref)
        if (known.code, known.result) != (call.code, call.result):
            raise Clash
        return known, False
    if call.result == WRONG:
        await report_wrong(session, desk, call.code, "sms", everywhere=False, how=CALL)
    said = Actor(actor.key_id, actor.key_name, call.result)
    await people.log_access(session, said, CALL, now, codes=[call.code])
    return row, True


def tidy(note: str | None, code: str, name: str | None) -> str | None:
    """A note without numbers, addresses and the name of who was called; null for an empty one."""
    if note is None or not note.strip():
        return None
    text = scrub(note.strip(), keep=[code])
    return texts.without(text, name) if name else text
