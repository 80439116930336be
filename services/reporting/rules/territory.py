"""Which units a report looks at, and under which unit it shows what each of them did.

A code alone is no unit: codes were given to others. What happened belongs to the unit that bore
the code on the day of the event, and to whatever that unit lay below on that day.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import NamedTuple

from shared.units import LEVELS, UnitRegistry

_ONE_DAY = timedelta(days=1)
_FEW, _GOOD_PART = 20, 4


class Place(NamedTuple):
    """A unit as rows show it: its code, and the day since which it bears it (null: unknown)."""

    unit: str
    since: date | None = None


class Span(NamedTuple):
    """From `since` up to, but not on, `until` a code's figures are shown under a place, or taken
    off it (`sign` -1)."""

    unit: str
    since: date
    until: date
    place: Place
    sign: int = 1


@dataclass(frozen=True, slots=True)
class Territory:
    """What a report looks at.

    Args:
        spans: of each code the times that belong to it; no two of one code overlap.
        open: what no span names belongs to it too, each code as a place of its own.
        tops: the units that lie highest in it: with all below them they make it up.
        parts: the same as `spans` for sums that hold a unit with all below it: what a unit did
            itself is its sum without those of the units right below.
        wide: whether it is a good part of all units there are: to read the sums of a day of all
            of them is then quicker than to look each unit up.
    """

    spans: tuple[Span, ...] = ()
    open: bool = True
    tops: tuple[Span, ...] = ()
    parts: tuple[Span, ...] = ()
    wide: bool = False
    _of: dict[str, list[Span]] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        for span in self.spans:
            self._of.setdefault(span.unit, []).append(span)

    def place(self, unit: str, day: date) -> Place | None:
        """Where something of that day is shown; null if it does not belong here."""
        for span in self._of.get(unit, ()):
            if span.since <= day < span.until:
                return span.place
        return Place(unit) if self.open else None


NOBODY = Span("_", date.min, date.max, Place("_"))
"""What names no unit that exists."""

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
    spans: list[Span] = []
    tops: list[Span] = []
    parts: list[Span] = []
    turns = registry.turns
    for since, until in zip(turns, (*turns[1:], date.max), strict=True):
        shown: dict[str, Place] = {}
        above: dict[str, str | None] = {}
        for code in registry.codes:
            day = borne(registry, code, since)
            chain = registry.ancestors(code, day)
            places = [Place(each, registry.bearer(each, day)) for each in chain]
            if all(not roots.isdisjoint(places) for roots in wanted):
                shown[code] = _shown(registry, code, day, level)
                above[code] = chain[1] if len(chain) > 1 else None
        for code, place in shown.items():
            span = Span(code, since, until, place)
            spans.append(span)
            higher = shown.get(above[code] or "")
            if higher is None:
                tops.append(span)
            if higher != place:
                parts.append(span)
                if higher is not None:
                    parts.append(Span(code, since, until, higher, -1))
    nobody = () if wanted else (NOBODY,)
    codes = {span.unit for span in spans}
    return Territory(
        (*_joined(spans), *nobody),
        not wanted,
        (*_joined(tops), *nobody),
        (*_joined(parts), *nobody),
        _FEW < len(codes) >= len(registry.codes) / _GOOD_PART,
    )


def _joined(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Spans that follow one another and say the same, as one."""
    found: list[Span] = []
    for span in sorted(spans, key=lambda one: (one.unit, one.sign, one.place, one.since)):
        last = found[-1] if found else None
        if last is not None and last._replace(since=last.until, until=span.until) == span:
            found[-1] = last._replace(until=span.until)
        else:
            found.append(span)
    return tuple(found)


def chains(
    registry: UnitRegistry, units: Iterable[tuple[str, date]]
) -> list[tuple[str, date, str]]:
    """(unit, era, the unit itself or one above it) of each unit and era; of a code that nobody ever
    bears the code itself."""
    return [
        (unit, era, above)
        for unit, era in units
        for above in (
            registry.ancestors(unit, borne(registry, unit, era))
            if registry.known(unit)
            else (unit,)
        )
    ]


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


__all__ = ["EVERYWHERE", "LEVELS", "Place", "Span", "Territory", "borne", "chains", "territory"]
