"""What the others are told of a notice."""

from datetime import datetime
from typing import Any

from services.notify.handlers.desk import announcement
from shared import outbox
from shared.events.outcomes import Notice


def notice_outcome(
    state: str,
    row: Any,
    number: int,
    provider: str,
    reason: str | None,
    now: datetime,
    told_as: str | None = None,
) -> outbox.Message:
    """``motcua.notice.sent``, ``delivered`` or ``failed``; it names no recipient."""
    data = Notice(
        notice=str(row.id),
        template=row.kind,
        channel=told_as or row.channel,
        unit=row.unit,
        subject=row.subject,
        segments=row.segments,
        cost=row.cost,
        at=now,
        provider=provider,
        reason=reason,
        audience=row.audience,
    )
    return announcement(
        f"motcua.notice.{state}.v1",
        data,
        id=f"notice-{state}:{row.id}:{number}",
        time=now,
        unit=row.unit,
        subject=row.subject,
    )
