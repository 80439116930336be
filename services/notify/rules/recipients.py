"""Whom of an office a rule means: its officers, its head, or the district or province above it.

A target is kept as text, ``unit``, or ``unit|level|channel|template`` with empty parts left out at
the end, so that a plan's step says in one word who is told, how, and by which text.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import NamedTuple

from anyascii import anyascii

from services.notify.rules.notices import Officer
from shared.plans import LEVELS
from shared.units import UnitRegistry

_CALLED = {
    "officer": ("officer", "can bo", "chuyen vien", "can bo phu trach", "phu trach"),
    "head": ("head", "lanh dao", "thu truong", "nguoi dung dau"),
    "district": ("district", "huyen", "cap huyen"),
    "province": ("province", "tinh", "cap tinh"),
}
_LEVEL_OF = {name: level for level, names in _CALLED.items() for name in names}

_STAFF: frozenset[str | None] = frozenset({None, "officer"})
_HEAD: frozenset[str | None] = frozenset({"head"})
_ABOVE: frozenset[str | None] = frozenset({"district", "province"})


class Target(NamedTuple):
    """An office, and whom of it to tell; no level means whoever answers for it."""

    unit: str
    level: str | None = None
    channel: str | None = None
    template: str | None = None

    def __str__(self) -> str:
        return "|".join(part or "" for part in self).rstrip("|")


def read_target(text: str) -> Target:
    """A target as it was kept."""
    unit, *rest = text.split("|")
    return Target(unit, *(part or None for part in rest[:3]))


def read_level(text: str | None) -> str | None:
    """The level that a word names, in Vietnamese or English; null where it names none."""
    return _LEVEL_OF.get(_fold(text)) if text else None


@dataclass(frozen=True, slots=True)
class Chosen:
    """The people to be told, and the office for which they read it."""

    unit: str
    officers: tuple[Officer, ...]


def candidates(
    target: Target, registry: UnitRegistry, day: date
) -> list[tuple[str, frozenset[str | None]]]:
    """(unit, levels) in the order in which somebody is looked for.

    Where an office has no head on the list whoever answers for it is told; where there is no
    district any more, the province.
    """
    own = target.unit
    staff, head, above = (own, _STAFF), (own, _HEAD), (own, _ABOVE)
    if target.level in (None, "officer"):
        return [staff, head, above]
    if target.level == "head":
        return [head, staff, above]
    found: list[tuple[str, frozenset[str | None]]] = []
    for level in LEVELS[LEVELS.index(target.level) :]:
        found.append((own, frozenset({level})))
        for unit in registry.ancestors(own, day):
            held = registry.find(unit, day)
            if held is not None and held.kind == level:
                found += [(unit, _HEAD), (unit, _STAFF)]
    return [*found, head, staff, above]


def choose(
    target: Target,
    officers: Mapping[str, Sequence[Officer]],
    registry: UnitRegistry,
    day: date,
) -> Chosen:
    """Whom to tell on a day; nobody, of the office itself, where the list names no one."""
    for unit, levels in candidates(target, registry, day):
        found = [each for each in on_duty(officers.get(unit, ()), day) if each.level in levels]
        if found:
            return Chosen(unit, tuple(sorted(found, key=lambda each: each.id)))
    return Chosen(target.unit, ())


def on_duty(officers: Iterable[Officer], day: date) -> list[Officer]:
    """Those of one office who are in charge on a day: stand-ins in the place of those away.

    A stand-in has the level of whoever is replaced. Where everybody is said to replace another,
    nobody is left out.
    """
    valid = [each for each in officers if each.valid(day)]
    place: dict[str, Officer] = {}
    for other in valid:
        for away in valid:
            if other.replaces and away.id != other.id and _is_called(away, other.replaces):
                place[other.id] = away
    replaced = {each.id for each in place.values()}
    present = [each for each in valid if each.id not in replaced]
    return [replace(each, level=_level(each, place)) for each in present or valid]


def _level(officer: Officer, place: Mapping[str, Officer]) -> str | None:
    seen: set[str] = set()
    while officer.level is None and officer.id in place and officer.id not in seen:
        seen.add(officer.id)
        officer = place[officer.id]
    return officer.level


def _is_called(officer: Officer, name: str) -> bool:
    wanted = _fold(name)
    return any(
        _fold(each) == wanted for each in (officer.name, officer.email, officer.phone) if each
    )


def _fold(text: str) -> str:
    return " ".join(anyascii(text).lower().split())
