"""Which units and sources a caller may speak for."""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Any

from shared.events import Fault


class Status(StrEnum):
    """What became of an event."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    REFUSED = "refused"
    CONFLICT = "conflict"


def judge_units(
    named: list[tuple[str, str]],
    at: datetime,
    find: Callable[[str, datetime], Any],
    known: Callable[[str], bool],
    nearest: Callable[[str], list[str]],
) -> list[Fault]:
    """Faults of the units that an event names, as (pointer, code) pairs, at the event's time."""
    faults = []
    for pointer, code in named:
        if find(code, at) is not None:
            continue
        if known(code):
            message = "This unit was not valid at the event's time; name the unit valid then."
            faults.append(Fault(pointer, "unit_not_valid", message))
        else:
            near = ", ".join(nearest(code)[:3])
            hint = f" The nearest are: {near}." if near else ""
            message = f"No such unit; use a code of the units register.{hint}"
            faults.append(Fault(pointer, "unknown_unit", message))
    return faults


def judge_caller(
    unit: str | None,
    source: str,
    at: datetime,
    units: frozenset[str],
    sources: frozenset[str],
    within: Callable[[str, frozenset[str], datetime], bool],
) -> list[Fault]:
    """Faults of a caller who speaks for a unit or source that its key is not bound to."""
    faults = []
    if sources and source not in sources:
        faults.append(Fault("/source", "source_not_allowed", "The key is bound to other sources."))
    if units and unit is not None and not within(unit, units, at):
        message = "The key is bound to other units."
        faults.append(Fault("/data/unit", "unit_not_allowed", message))
    return faults
