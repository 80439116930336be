"""Which rows a caller may see."""

from collections.abc import Iterable

from sqlalchemy.ext.asyncio import AsyncSession

from services.quota.handlers import Plans
from services.quota.rules import History
from shared.keys import Key
from shared.problems import Problem
from shared.units import UnitRegistry

LARGEST = 2**63 - 1
"""The largest number of an entry or a run."""

Roots = list[frozenset[str]]
"""Each set of units that a row must lie within; none = every row."""


class Scopes:
    """Cuts answers to the units that were asked for and that a key is bound to."""

    def __init__(self, registry: UnitRegistry) -> None:
        self.registry = registry

    def roots(self, key: Key, unit: str | None) -> Roots:
        """What bounds an answer: the unit asked for, and the key's own.

        Raises:
            Problem: 422 there is no such unit.
        """
        if unit is not None and not self.registry.known(unit):
            error = {"pointer": "/unit", "code": "unknown_unit", "message": "No such unit."}
            raise Problem(422, errors=[error])
        asked = [frozenset({unit})] if unit else []
        return asked + ([key.units] if key.units else [])

    def need(self, key: Key, units: Iterable[str]) -> None:
        """Raise ``Problem`` 403 unless a key that is bound to units may act for all of these."""
        if key.units and not all(self._within_ever(unit, key.units) for unit in units):
            raise Problem(403, "This key is bound to units, and this concerns others.")

    def allowed(self, unit: str, roots: Roots) -> bool:
        """Whether a unit was ever one of the roots, or below one, for every bound."""
        return all(self._within_ever(unit, each) for each in roots)

    def _within_ever(self, unit: str, roots: frozenset[str]) -> bool:
        if unit in roots:
            return True
        return any(
            self.registry.within(unit, roots, version.valid_from)
            for version in self.registry.versions(unit)
        )


async def chosen(session: AsyncSession, plans: Plans, plan: str | None) -> list[History]:
    """The plans that a caller asks about: one, or all.

    Raises:
        Problem: 404 there is no such plan.
    """
    histories = await plans.load(session)
    if plan is None:
        return list(histories.values())
    if plan not in histories:
        raise Problem(404, "No such plan.")
    return [histories[plan]]
