"""Rows of the reports about dossiers, made of sums: form 06, the on-time rate, online shares."""

from dataclasses import dataclass, fields
from typing import Any, Literal

from shared.plans import Bound

State = Literal["met", "on_track", "behind", "missed", "not_applicable"]


@dataclass(frozen=True, slots=True)
class DossierSums:
    """Running sums of one group over a period: what lies before it, in it, and at its end."""

    received_before: int = 0
    resolved_before: int = 0
    received_online: int = 0
    received_counter_post: int = 0
    resolved_early: int = 0
    resolved_on_time: int = 0
    resolved_late: int = 0
    overdue: int = 0
    """Open, past the due date and not paused at the end of the period."""

    def __add__(self, other: "DossierSums") -> "DossierSums":
        names = [one.name for one in fields(self)]
        return DossierSums(*(getattr(self, name) + getattr(other, name) for name in names))


FORM_06 = (
    "received_total",
    "received_online",
    "received_counter_post",
    "carried_over",
    "resolved_total",
    "resolved_early",
    "resolved_on_time",
    "resolved_late",
    "pending_total",
    "pending_within_due",
    "pending_overdue",
)
"""Columns 3 to 13 of report form 06 (TT 01/2020/TT-VPCP), in its order."""


def form_06(sums: DossierSums) -> dict[str, int]:
    """Columns 3 to 13 of report form 06 (TT 01/2020/TT-VPCP).

    The totals are sums of their parts, so that 3=4+5+6, 7=8+9+10 and 11=12+13 cannot fail.
    """
    carried_over = sums.received_before - sums.resolved_before
    received_total = sums.received_online + sums.received_counter_post + carried_over
    resolved_total = sums.resolved_early + sums.resolved_on_time + sums.resolved_late
    pending_total = received_total - resolved_total
    return {
        "received_total": received_total,
        "received_online": sums.received_online,
        "received_counter_post": sums.received_counter_post,
        "carried_over": carried_over,
        "resolved_total": resolved_total,
        "resolved_early": sums.resolved_early,
        "resolved_on_time": sums.resolved_on_time,
        "resolved_late": sums.resolved_late,
        "pending_total": pending_total,
        "pending_within_due": pending_total - sums.overdue,
        "pending_overdue": sums.overdue,
    }


ON_TIME = ("on_time", "late", "open_overdue")
"""What the on-time rate is made of: the first of all three."""


def on_time(sums: DossierSums) -> dict[str, Any]:
    """The honest rate: what is open and overdue stands in the denominator; null of nothing."""
    kept = sums.resolved_early + sums.resolved_on_time
    return {
        "on_time": kept,
        "late": sums.resolved_late,
        "open_overdue": sums.overdue,
        **rate("rate", kept, kept + sums.resolved_late + sums.overdue),
    }


NOTHING = "nothing_to_count"
"""Why a share is empty: there is nothing that it could be a share of."""


def rate(name: str, part: int, whole: int) -> dict[str, Any]:
    """A share under a name, and why it is empty where it is (`reason`): never 0 or 1 of nothing."""
    return {name: share(part, whole), "reason": None if whole else NOTHING}


def share(part: int, whole: int) -> float | None:
    """A fraction of 1; null where there is nothing to take a share of."""
    return part / whole if whole else None


def online_share(
    online: int, total: int, target: Bound | None = None, *, over: bool = True
) -> dict[str, Any]:
    """The share of dossiers filed online against a target; `over`: its time has run out."""
    reached = None if target is None else target.met(online, total)
    state: State
    if reached is None:
        state = "not_applicable"
    elif reached:
        state = "met"
    else:
        state = "missed" if over else "behind"
    return {
        "online": online,
        "total": total,
        **rate("share", online, total),
        "target": None if target is None else float(target.value),
        "state": state,
    }
