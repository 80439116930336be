"""Units over a period: what they were called, and which took over from which."""

from collections.abc import Iterable
from datetime import date
from functools import lru_cache
from typing import Any

from services.reporting.rules.territory import Place
from shared.units import Unit, UnitRegistry

NO_UNIT = "_"
"""Stands for the unit of what names none that exists."""


def names_of(registry: UnitRegistry, place: Place, first: date, last: date) -> list[str]:
    """The names that a unit had in a period, oldest first; else its last name."""
    if place.unit == NO_UNIT:
        return ["Không rõ đơn vị"]
    borne = [
        unit
        for unit in registry.versions(place.unit)
        if place.since in (None, registry.bearer(place.unit, unit.valid_from))
    ]
    names = [unit.name for unit in borne if unit.valid_from <= last and unit.end > first]
    if names:
        return list(dict.fromkeys(names))
    return [borne[-1].name if borne else registry.name(place.unit, last)]


def unit_changes(
    registry: UnitRegistry, codes: Iterable[str], first: date, last: date
) -> list[dict[str, Any]]:
    """Which units took over from which in a period, as far as some codes are concerned.

    A reform that left a unit its code and name is none. Nothing is added up over it: an event
    stays with the unit that it named.
    """
    wanted = set(codes)
    return [
        {**change, "successors": [dict(each) for each in change["successors"]]}
        for ended, touched, change in _takeovers(registry)
        if first < ended <= last and not wanted.isdisjoint(touched)
    ]


@lru_cache(maxsize=8)
def _takeovers(registry: UnitRegistry) -> list[tuple[date, frozenset[str], dict[str, Any]]]:
    """All of a register, the earliest first: (the day, the codes on both sides, how it is shown)."""
    found = []
    for unit in registry:
        ended = unit.valid_to
        if ended is None:
            continue
        heirs = registry.successors(unit.code, unit.valid_from)
        if not heirs or [(each.code, each.name) for each in heirs] == [(unit.code, unit.name)]:
            continue
        shown = {"until": ended.isoformat(), "successors": [_shown(each) for each in heirs]}
        touched = frozenset({unit.code, *(each.code for each in heirs)})
        found.append((ended, touched, _shown(unit) | shown))
    return sorted(found, key=lambda one: (one[2]["until"], one[2]["unit"]))


def _shown(unit: Unit) -> dict[str, Any]:
    return {"unit": unit.code, "unit_name": unit.name}
