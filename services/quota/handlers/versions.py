"""The plans in force."""

from datetime import date

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from services.quota import store
from services.quota.rules import History, numbered
from shared.plans import Plan, PlanFaults, read_plan
from shared.units import UnitRegistry

log = structlog.get_logger()

Mark = tuple[int, date]
"""A version and the first day that it judges."""


class Plans:
    """All versions of all plans: each is read once and kept."""

    def __init__(self, registry: UnitRegistry) -> None:
        self.registry = registry
        self.kept: dict[tuple[str, int], Plan] = {}
        self.histories: dict[str, tuple[list[Mark], History]] = {}

    async def load(self, session: AsyncSession) -> dict[str, History]:
        """The history of each plan.

        A version that this release can no longer read is left out, and said so.
        """
        marks: dict[str, list[Mark]] = {}
        for row in await store.plan_marks(session):
            marks.setdefault(row.plan, []).append((row.version, row.effective_from))
        await self._read(session, marks)
        for name, versions in marks.items():
            kept = self.histories.get(name)
            if kept is None or kept[0] != versions:
                known = [
                    (number, self.kept[name, number], since)
                    for number, since in versions
                    if (name, number) in self.kept
                ]
                if known:
                    self.histories[name] = (versions, History(numbered(known)))
        return {name: self.histories[name][1] for name in sorted(marks) if name in self.histories}

    async def _read(self, session: AsyncSession, marks: dict[str, list[Mark]]) -> None:
        wanted = {
            (name, number)
            for name, versions in marks.items()
            if name not in self.histories or self.histories[name][0] != versions
            for number, _ in versions
        } - self.kept.keys()
        for row in await store.plan_documents(session, wanted):
            try:
                self.kept[row.plan, row.version] = read_plan(row.document, registry=self.registry)
            except PlanFaults:
                log.error("plan_unreadable", plan=row.plan, version=row.version)
