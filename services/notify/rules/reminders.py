"""What a citizen is told while a due date comes near: on its day, and shortly before its hour."""

from datetime import datetime, time, timedelta

from services.notify.rules.alerts import Alarm
from services.notify.rules.deadlines import Version
from shared.clock import VN

REMINDERS = {"due_today": "due_today", "appointment": "appointment_soon"}
"""What an alarm is about -> kind of the notice."""

OPEN_FROM, OPEN_TO = time(7), time(18)
CLOSING = time(17)
"""A due date at an hour at which nobody is received is a mere date: its appointment is the closing
of that day."""


def appointment_of(due_at: datetime) -> datetime:
    """The hour at which a citizen may come for the result."""
    local = due_at.astimezone(VN)
    if OPEN_FROM <= local.time() <= OPEN_TO:
        return local
    return local.replace(hour=CLOSING.hour, minute=CLOSING.minute, second=0, microsecond=0)


def reminders_of(
    version: Version,
    morning: time | None,
    lead: timedelta,
    now: datetime,
    stale_after: timedelta,
) -> list[Alarm]:
    """When the citizen is told of a due date that stands and has not been met.

    Not of one that was set after that time: its own notice has just told them.

    Args:
        morning: the local time on the due day; null: not at all.
        lead: how long before the appointment; zero: not at all.
        stale_after: what should have been told longer ago is told no more.
    """
    if version.rest != "open" or version.slips_at is None or version.until is not None:
        return []
    found = []
    if morning is not None:
        day = datetime.combine(version.due_day, morning, tzinfo=VN)
        found.append(Alarm("due_today", day, ()))
    if lead:
        found.append(Alarm("appointment", appointment_of(version.due_at) - lead, ()))
    return [
        alarm for alarm in found if version.known_at < alarm.at and now < alarm.at + stale_after
    ]


def over_at(what: str, due_at: datetime, slips_at: datetime) -> datetime:
    """From when on a reminder tells nobody anything any more."""
    return appointment_of(due_at) if what == "appointment" else slips_at
