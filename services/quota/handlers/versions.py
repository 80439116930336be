"""The plans in force."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from services.quota import store
from shared.plans import Plan, read_plan
from shared.units import UnitRegistry


@dataclass(frozen=True, slots=True)
class Current:
    """A plan in its newest version."""

    plan: Plan
    version: int


class Plans:
    """The newest version of each plan, read once and kept until a newer one is stored."""

    def __init__(self, registry: UnitRegistry) -> None:
        self.registry = registry
        self.kept: dict[tuple[str, int], Plan] = {}

    async def load(self, session: AsyncSession) -> dict[str, Current]:
        current = {}
        for row in await store.newest_plans(session):
            mark = (row.plan, row.version)
            if mark not in self.kept:
                self.kept[mark] = read_plan(row.document, registry=self.registry)
            current[row.plan] = Current(self.kept[mark], row.version)
        return current
