"""Which units a report looks at, and under which unit it shows what each of them did.

A code alone is no unit: codes were given to others. What happened belongs to the unit that bore
the code on the day of the event, and to whatever that unit lay below on that day.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise
from typing import NamedTuple

from shared.units import LEVELS, UnitRegistry

_ONE_DAY = timedelta(days=1)


class Place(NamedTuple):
    """A unit as rows show it: its code, and the day since which it bears it (null: unknown)."""

    unit: str
    since: date | None = None


class Span(NamedTuple):
    """From `since` up to, but not on, `until` a code's figures are shown under a place."""

    unit: str
    since: date
    until: date
    place: Place


@dataclass(frozen=True, slots=True)
class Territory:
    """What a report looks at.

    Args:
        spans: of each code the times that belong to it; no two of one code overlap.
        open: what no span names belongs to it too, each code as a place of its own.
    """

    spans: tuple[Span, ...] = ()
    open: bool = True
    _of: dict[str, list[Span]] = field(default_factory=dict, compare=False, repr=False)

    def place(self, unit: str, day: date) -> Place | None:
        """Where something of that day is shown; null if it does not belong here."""
        if not self._of and self.spans:
            for span in self.spans:
                self._of.setdefault(span.unit, []).append(span)
        for span in self._of.get(unit, ()):
            if span.since <= day < span.until:
                return span.place
        return Place(unit) if self.open else None


EVERYWHERE = Territory()
"""All units, each for itself, whoever bore a code."""


def territory(
    registry: UnitRegistry, roots: Sequence[Iterable[Place]], level: str | None
) -> Territory:
    """What lies within every one of some sets of roots, shown at a level of government.

    Args:
        roots: of each set one place at least must lie at or above a unit; none: all units.
        level: province, district or commune: figures are shown under the unit of that level at or
            above their own, or above its seat; a unit without one stands for itself. Null: every
            unit for itself.
    """
    wanted = [frozenset(each) for each in roots]
    spans = [
        span
        for code in sorted({unit.code for unit in registry})
        for span in _spans(registry, code, wanted, level)
    ]
    if wanted or level:
        return Territory(tuple(spans), open=not wanted)
    # Every unit for itself: only codes with several bearers need to be told apart.
    several = {before.unit for before, after in pairwise(spans) if before.unit == after.unit}
    return Territory(tuple(span for span in spans if span.unit in several))


def _spans(
    registry: UnitRegistry, code: str, wanted: Sequence[frozenset[Place]], level: str | None
) -> Iterator[Span]:
    running: Span | None = None
    turns = registry.turns
    for since, until in zip(turns, (*turns[1:], date.max), strict=True):
        day = borne(registry, code, since)
        chain = [Place(each, registry.bearer(each, day)) for each in registry.ancestors(code, day)]
        inside = all(not roots.isdisjoint(chain) for roots in wanted)
        place = _shown(registry, code, day, level) if inside else None
        if running is not None and running.place == place and running.until == since:
            running = running._replace(until=until)
            continue
        if running is not None:
            yield running
        running = Span(code, since, until, place) if place is not None else None
    if running is not None:
        yield running


def borne(registry: UnitRegistry, code: str, day: date) -> date:
    """The day nearest to a day on which the unit exists that `UnitRegistry.bearer` means."""
    versions = registry.versions(code)
    begun = [one for one in versions if one.valid_from <= day]
    one = begun[-1] if begun else versions[0]
    return max(one.valid_from, min(day, one.end - _ONE_DAY))


def _shown(registry: UnitRegistry, code: str, day: date, level: str | None) -> Place:
    found = code
    if level is not None:
        found = next(_of_level(registry, code, day, level), code)
    return Place(found, registry.bearer(found, day))


def _of_level(registry: UnitRegistry, code: str, day: date, level: str) -> Iterator[str]:
    chain = registry.ancestors(code, day)
    seats = (registry.find(each, day).seat for each in chain)  # type: ignore[union-attr]
    for one in (
        *chain,
        *(above for seat in seats if seat for above in registry.ancestors(seat, day)),
    ):
        unit = registry.find(one, day)
        if unit is not None and unit.kind == level:
            yield one


__all__ = ["EVERYWHERE", "LEVELS", "Place", "Span", "Territory", "borne", "territory"]
