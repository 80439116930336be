"""What quota announces."""

from datetime import datetime

from shared import events
from shared.events import data
from shared.outbox import Message

SOURCE = "/motcua/quota"


def outcome(
    kind: str, content: data.Data, message_id: str, now: datetime, backfill: bool = False
) -> Message:
    """An outcome of quota as a message for OUTCOMES; ``backfill`` where events that were loaded
    afterwards led to it."""
    payload = events.outcome(
        kind, content, source=SOURCE, id=message_id, time=now, backfill=backfill
    )
    subject = events.subject(kind, getattr(content, "unit", None))
    return Message("OUTCOMES", subject, events.message_id(SOURCE, message_id), payload)
