"""Filters as people type them: from an address to what a report is asked, and back."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from urllib.parse import urlencode

from services.reporting.handlers import GROUPINGS, Asked, ask
from shared import clock
from shared.keys import Key
from shared.problems import Problem
from shared.units import UnitRegistry

FILTERS = ("from", "to", "unit", "level", "field", "by", "domain", "plan", "as_of")
"""The filters of a page, by the names that the reports' addresses have."""
_CODED = re.compile(r".*\(([A-Za-z0-9][A-Za-z0-9_-]{0,31})\)\s*")
LONGEST = 300


def tidy(typed: Mapping[str, str], registry: UnitRegistry) -> dict[str, str]:
    """What was typed without what is empty; a unit by its code, however it was named."""
    kept = {
        name: value
        for name, text in typed.items()
        if (value := text.strip()[:LONGEST].replace("\0", ""))
    }
    if unit := kept.get("unit"):
        kept["unit"] = unit_code(unit, registry)
    return kept


def unit_code(text: str, registry: UnitRegistry) -> str:
    """A unit's code, however it was named: by its code, "name (code)", or a name of it."""
    if registry.known(text):
        return text
    coded = _CODED.fullmatch(text)
    if coded and registry.known(coded[1]):
        return coded[1]
    return registry.resolve(text) or text


@dataclass(frozen=True, slots=True)
class Filters:
    """The filters of a page: those that hold, and what is wrong with those that do not.

    `faults` say what is wrong with which; with any, nothing but the language holds.
    """

    typed: Mapping[str, str]
    asked: Asked
    held: dict[str, str]
    faults: tuple[Mapping[str, str], ...] = ()
    beyond: bool = False
    """Whether the holder may not see the unit asked for."""

    def link(self, path: str, language: str, **changed: str | int | None) -> str:
        """An address with these filters, some of them changed or (null) left out."""
        query = {"lang": language} | self.held
        query |= {
            name.rstrip("_"): str(value) for name, value in changed.items() if value is not None
        }
        gone = {name.rstrip("_") for name, value in changed.items() if value is None}
        return f"{path}?{urlencode({k: v for k, v in query.items() if k not in gone})}"


def read_filters(
    report: str, typed: Mapping[str, str], key: Key, registry: UnitRegistry, now: datetime
) -> Filters:
    """Check the filters of a page; a page with wrong ones says so and shows everything."""
    held = {name: typed[name] for name in FILTERS if typed.get(name)}
    if "by" in held and report not in GROUPINGS:
        del held["by"]
    try:
        return Filters(typed, ask(report, held, key, registry, now), held)
    except Problem as problem:
        if problem.status == 404:
            raise
        asked = ask(report, {}, key, registry, now)
        return Filters(typed, asked, {}, tuple(problem.errors), problem.status == 403)


@dataclass(frozen=True, slots=True)
class Preset:
    """A period that is asked for often."""

    name: str
    first: str
    last: str


def presets(today: date) -> list[Preset]:
    """Periods that are asked for often, the shortest first."""
    month = today.replace(day=1)
    before = (month - timedelta(days=1)).replace(day=1)
    quarter = date(today.year, (today.month - 1) // 3 * 3 + 1, 1)
    year = date(today.year, 1, 1)
    spans = (
        ("this_month", month, today),
        ("last_month", before, month - timedelta(days=1)),
        ("this_quarter", quarter, today),
        ("this_year", year, today),
        ("last_year", date(today.year - 1, 1, 1), date(today.year - 1, 12, 31)),
    )
    return [Preset(name, first.isoformat(), last.isoformat()) for name, first, last in spans]


def unit_choices(registry: UnitRegistry, key: Key) -> list[str]:
    """The units that the holder of a key may choose, as "name (code)"."""
    today = clock.today()
    found: dict[str, str] = {}
    for unit in registry:
        if key.units and not any(
            registry.within(unit.code, key.units, day)
            for day in (unit.valid_from, min(today, unit.end - timedelta(days=1)))
        ):
            continue
        found.setdefault(unit.code, registry.name(unit.code, today))
    return sorted(f"{name} ({code})" for code, name in found.items())
