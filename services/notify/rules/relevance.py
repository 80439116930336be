"""Whether what a notice says still tells its reader something, when it leaves later than it was
written."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from services.notify.rules.notices import Fact, step_of

CLOSING = frozenset({"refused", "withdrawn", "result_ready", "result_posted", "returned"})
"""Facts after which an applicant waits for nothing more."""

OVERTAKEN_BY: dict[str, frozenset[str] | None] = {
    "registered": None,
    "received": CLOSING,
    "in_process": None,
    "resumed": None,
    "supplement_requested": None,
    "payment_requested": None,
    "stopped": None,
    "consulting": None,
    "refused": None,
    "result_ready": frozenset({"returned", "withdrawn"}),
    "result_posted": frozenset({"returned", "withdrawn"}),
    "rescheduled": CLOSING,
    "due_earlier": CLOSING,
    "due_later": CLOSING,
    "due_today": CLOSING,
    "appointment_soon": CLOSING,
}
"""Kind -> the later facts that make it pointless; null: any. An apology for a delay is owed even
when the result has come meanwhile, and the last word of a dossier always holds."""

AHEAD = frozenset(
    {
        "dossier_approaching",
        "dossier_due_today",
        "deadline_approaching",
        "deadline_due_today",
        "due_today",
        "appointment_soon",
    }
)
"""Kinds that speak of a due date to come."""

PAST = frozenset(
    {"dossier_slipped", "dossier_overdue", "obligation_slipped", "obligation_escalated"}
)
"""Kinds that speak of a due date that passed and of a duty still open."""

DATED = AHEAD | PAST | {"late"}
"""Kinds whose version begins with that of a due date."""

_ORDER = (
    "registered", "received", "in_process", "resumed", "supplement_requested", "payment_requested",
    "consulting", "stopped", "refused", "withdrawn", "result_ready", "result_posted", "returned",
)  # fmt: skip


def overtaken(kind: str, at: datetime, facts: Sequence[Fact]) -> bool:
    """Whether later facts of a dossier make one of its notices pointless."""
    if kind not in OVERTAKEN_BY:
        return False
    by = OVERTAKEN_BY[kind]
    mine = (at, _rank(kind))
    return any(
        (fact.at, _rank(fact.kind)) > mine and (by is None or fact.kind in by) for fact in facts
    )


def _rank(kind: str) -> int:
    return _ORDER.index(kind) if kind in _ORDER else -1


def replaced(kind: str, version: str, newest_due: str | None) -> bool:
    """Whether the new date that a notice names (``due:OLD:NEW``) has been replaced by another."""
    if kind not in ("rescheduled", "due_earlier", "due_later") or newest_due is None:
        return False
    return step_of(version).rpartition(":")[2] != newest_due


def dated(kind: str, deadline: Any, now: datetime) -> str | None:
    """Why a word about a due date is pointless now, given the due date as it stands; null if it is
    not."""
    if deadline.state == "cancelled":
        return "corrected"
    if kind in AHEAD:
        if deadline.fulfilled_at is not None or deadline.state in ("met", "late"):
            return "met"
        if deadline.slips_at is not None and deadline.slips_at <= now:
            return "overtaken"
        return None if deadline.state == "open" else "corrected"
    if kind in PAST:
        if deadline.fulfilled_at is not None:
            return "met"
        return None if deadline.state in ("slipped", "open") else "corrected"
    return None
