"""Telling how many events were refused, so that reports on data quality can count them."""

import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from shared import events
from shared.events.outcomes import Refusals
from shared.outbox import Message

SOURCE = "/motcua/intake"
TYPE = "motcua.event.refused.v1"


def count_refusals(
    rows: Iterable[Mapping[str, Any]], known: Callable[[str], bool], now: datetime
) -> list[Message]:
    """An outcome for each unit that some quarantined events name; one for those that name none
    that exists."""
    counts: Counter[str | None] = Counter(
        row["unit"] if row["unit"] and known(row["unit"]) else None for row in rows
    )
    messages = []
    for unit, count in counts.items():
        told = Refusals(unit=unit, count=count, at=now)
        id = f"refused:{secrets.token_hex(12)}"
        payload = events.outcome(TYPE, told, source=SOURCE, id=id, time=now)
        subject = events.subject(TYPE, unit)
        messages.append(Message("OUTCOMES", subject, events.message_id(SOURCE, id), payload))
    return messages
