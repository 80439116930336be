"""Which rows a caller may see."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from services.quota.handlers import Plans
from services.quota.rules import History
from shared.db import Database
from shared.keys import Key
from shared.nearest import fault, unknown
from shared.problems import Problem
from shared.units import UnitRegistry

LARGEST = 2**63 - 1
"""The largest number of an entry or a run."""

Fault = dict[str, str]

MoreFaults = Callable[[Request, Any], Awaitable[list[Fault]]]

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
            raise Problem(422, errors=[self.unknown_unit(unit)])
        asked = [frozenset({unit})] if unit else []
        return asked + ([key.units] if key.units else [])

    def unknown_unit(self, unit: str) -> dict[str, str]:
        """The fault of a unit that is not there."""
        return fault("unit", "There is no such unit.", self.registry.nearest(unit))

    def faults(self, histories: Mapping[str, History], **names: str | None) -> list[Fault]:
        """What of a ``unit``, ``plan``, ``indicator``, ``obligation`` asked for is not there.

        An indicator is looked for in the plan asked for, or in all of them.
        """
        found: list[Fault] = []
        unit, plan = names.get("unit"), names.get("plan")
        if unit is not None and not self.registry.known(unit):
            found.append(self.unknown_unit(unit))
        if plan is not None and plan not in histories:
            found.append(unknown("plan", plan, histories, "There is no such plan."))
        asked = [histories[plan]] if plan in histories else list(histories.values())
        indicator, obligation = names.get("indicator"), names.get("obligation")
        if indicator is not None:
            known = {name for each in asked for name in each.indicators()}
            if indicator not in known:
                message = "There is no such indicator."
                found.append(unknown("indicator", indicator, known, message))
        if obligation is not None:
            known = {
                name
                for each in asked
                for window in each.windows
                for name in window.version.plan.obligations
            }
            if obligation not in known:
                message = "There is no such obligation."
                found.append(unknown("obligation", obligation, known, message))
        return found

    async def asked(
        self,
        session: AsyncSession,
        plans: Plans,
        key: Key,
        more: Sequence[Fault] = (),
        **names: str | None,
    ) -> tuple[Roots, list[History]]:
        """What bounds an answer, and the plans that it is about: one, or all.

        Raises:
            Problem: 422 naming whatever is not there, and ``more`` faults that were found.
        """
        histories = await plans.load(session)
        wrong = [*self.faults(histories, **names), *more]
        if wrong:
            raise Problem(422, errors=wrong)
        plan = names.get("plan")
        chosen = list(histories.values()) if plan is None else [histories[plan]]
        return self.roots(key, names.get("unit")), chosen

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


async def chosen(session: AsyncSession, plans: Plans, plan: str, whole: bool = False) -> History:
    """The plan that an address or a body names; ``whole``: with versions that do not answer yet.

    Raises:
        Problem: 404 there is no such plan.
    """
    histories = await (plans.load_all(session) if whole else plans.load(session))
    if plan not in histories:
        raise Problem(404, "No such plan.")
    return histories[plan]


def more_faults(database: Database, plans: Plans, scopes: Scopes) -> MoreFaults:
    """Finds the names in a query that are not there, where its form is wrong, too."""

    async def find(request: Request, _body: Any) -> list[Fault]:
        given = request.query_params
        names = {name: given.get(name) for name in ("unit", "plan", "indicator", "obligation")}
        async with database.transaction() as session:
            histories = await plans.load(session)
        named = {each: name for each, name in names.items() if isinstance(name, str)}
        return scopes.faults(histories, **named)

    return find
