"""Units that a plan file calls by a name become codes before anything else reads the file.

"Đakrông", "Đa Krông" and "DAKRONG" are one unit on a day; what is stored is its code, so that a
version of a plan does not change when the register gets another alias.
"""

from collections.abc import Iterator, Mapping, MutableMapping
from datetime import date
from typing import Any

from shared.plans.checks import ROLES
from shared.units import UnitRegistry

_KEYS = frozenset(
    {"for", "to", "units", "seat", "parent", "within", "without", "owed_by", "owed_to", "unit"}
)
"""Keys of the plan language under which units stand."""


def take_codes(plan: MutableMapping[str, Any], registry: UnitRegistry) -> None:
    """Put codes in the place of names and aliases, as they stood when the plan begins.

    Groups, roles and codes stay; so does a name of nothing, or of more than one unit, which the
    checks then refuse with the nearest.
    """
    groups = plan.get("groups")
    names = _Names(plan, registry, groups if isinstance(groups, Mapping) else {})
    for holder in _mappings({key: each for key, each in plan.items() if key != "lists"}):
        for key in _KEYS & holder.keys():
            holder[key] = names.codes(holder[key])
        excepted = holder.get("except")
        if isinstance(excepted, Mapping):
            by_code = {names.code(name): amount for name, amount in excepted.items()}
            if len(by_code) == len(excepted):  # else one unit is called twice: no amount is lost
                holder["except"] = by_code
    if isinstance(groups, MutableMapping):
        for name, members in groups.items():
            if not isinstance(members, Mapping):
                groups[name] = names.codes(members)


class _Names:
    def __init__(
        self, plan: Mapping[str, Any], registry: UnitRegistry, groups: Mapping[str, Any]
    ) -> None:
        self.registry = registry
        self.kept = groups.keys() | ROLES
        runs = plan.get("runs")
        self.start = _day(runs.get("from")) if isinstance(runs, Mapping) else None

    def codes(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self.code(each) for each in value]
        return self.code(value)

    def code(self, name: Any) -> Any:
        if not isinstance(name, str) or name in self.kept or self.registry.known(name):
            return name
        return self.registry.resolve(name, self.start) or name


def _mappings(value: Any) -> Iterator[MutableMapping[str, Any]]:
    """Every mapping inside a value, but for filters: their values are those of events."""
    if isinstance(value, list):
        for each in value:
            yield from _mappings(each)
    elif isinstance(value, MutableMapping):
        yield value
        for key, each in value.items():
            if key not in ("where", "require"):
                yield from _mappings(each)


def _day(value: Any) -> date | None:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
