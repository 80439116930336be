"""Delivery receipts, which arrive in any order, and the pace of attempts."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import Literal

from shared.clock import VN

Receipt = Literal["delivered", "failed", "accepted", "buffered"]

FIRST_PAUSE_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 900.0

_RANK = {
    "ready": 0,
    "retrying": 0,
    "unknown": 0,
    "sending": 0,
    "failed": 1,
    "sent": 2,
    "undelivered": 3,
    "delivered": 4,
}


def read_receipt(mask: int) -> Receipt | None:
    """What Kannel's bit mask says: 1 delivered, 2 failed, 4 buffered, 8 accepted by the carrier,
    16 rejected by it, 34 expired; null for anything else."""
    if mask & 1:
        return "delivered"
    if mask & (2 | 16 | 32):
        return "failed"
    if mask & 8:
        return "accepted"
    return "buffered" if mask & 4 else None


def after_receipt(
    state: str, failed_by_receipt: bool, receipt: Receipt, latest: bool
) -> str | None:
    """The state that a notice takes on; null if the receipt teaches nothing.

    The states only move up: unknown, sent, failed by the carrier, delivered. A failure reported
    for an attempt that another has followed, or is about to, says nothing about the notice.
    """
    if state not in _RANK:
        return None
    now = _RANK["undelivered"] if state == "failed" and failed_by_receipt else _RANK[state]
    then = {
        "delivered": "delivered",
        "failed": "undelivered",
        "accepted": "sent",
        "buffered": "sent",
    }[receipt]
    if then == "undelivered" and (not latest or state in ("ready", "retrying")):
        return None
    if _RANK[then] <= now:
        return None
    return "failed" if then == "undelivered" else then


def pause(attempts: int, chance: float) -> timedelta:
    """How long to wait after so many failed attempts: doubled each time, up to a quarter of an
    hour, spread by ``chance`` in [0, 1) so that replicas don't knock together."""
    base = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** max(0, min(attempts, 20) - 1))
    return timedelta(seconds=base * (0.5 + chance / 2))


def not_before(instant: datetime, quiet: tuple[time, time] | None) -> datetime:
    """The earliest instant at which somebody may be disturbed: the end of the quiet hours if it
    falls into them (local time; they may run past midnight)."""
    if quiet is None or quiet[0] == quiet[1]:
        return instant
    start, end = quiet
    local = instant.astimezone(VN)
    clock = local.time()
    within = start <= clock < end if start < end else clock >= start or clock < end
    if not within:
        return instant
    opening = local.replace(hour=end.hour, minute=end.minute, second=0, microsecond=0)
    if clock >= end:
        opening += timedelta(days=1)
    return opening


def read_quiet_hours(text: str) -> tuple[time, time] | None:
    """``22:00-07:00`` as two times; null for an empty text.

    Raises:
        ValueError: it reads otherwise.
    """
    if not text.strip():
        return None
    parts: Sequence[str] = text.strip().split("-")
    if len(parts) != 2:
        raise ValueError("write HH:MM-HH:MM")
    try:
        start, end = (datetime.strptime(part.strip(), "%H:%M").time() for part in parts)  # noqa: DTZ007
    except ValueError:
        raise ValueError("write HH:MM-HH:MM") from None
    return start, end


def combine(parts: Sequence[str | None], total: int) -> Receipt | None:
    """What the receipts of a message's parts say of the whole: delivered once all parts are,
    failed once one has. ``parts`` holds the furthest receipt of each part known, ``total`` says
    how many there are."""
    heard = [part for part in parts if part is not None]
    if "failed" in heard:
        return "failed"
    if heard.count("delivered") >= total:
        return "delivered"
    return "accepted" if heard else None
