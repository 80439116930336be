"""What a caller may see: all of it, or what concerns its own units and sources."""

from collections.abc import Collection
from datetime import datetime

from shared.keys import Key
from shared.units import UnitRegistry


def units_seen(key: Key, registry: UnitRegistry) -> Collection[str] | None:
    """The codes of all units, of whatever time, that lie within a key's units; None = all."""
    if not key.units:
        return None
    within = {
        unit.code for unit in registry if registry.within(unit.code, key.units, unit.valid_from)
    }
    return within | key.units


def sources_seen(key: Key) -> Collection[str] | None:
    """The sources that a key is bound to; None = all."""
    return key.sources or None


def may_see(
    key: Key, registry: UnitRegistry, source: str, unit: str | None, at: datetime | None
) -> bool:
    """Whether a key is allowed to look at an event of a source and unit."""
    if key.sources and source not in key.sources:
        return False
    if not key.units or unit is None or at is None:
        return True
    return registry.within(unit, key.units, at)
