"""The plans in force."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from services.quota import store
from services.quota.rules import History, numbered
from shared.plans import Plan, PlanFaults, read_plan
from shared.units import UnitRegistry

log = structlog.get_logger()

Mark = tuple[int, date]
"""A version and the first day that it judges."""


ANSWERING = ("empty", "booking", "telling", "current")
"""States of a tally that answers."""
COUNTED = ("counting", "judging", "booking", "telling", "current")
"""States of a tally under which events are counted as they come."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What events are counted under, by the name of the counts: which of these names answer, and
    under which it is being judged who earned what."""

    histories: dict[str, History]
    answering: frozenset[str]
    judging: frozenset[str]


class Plans:
    """All versions of all plans: each is read once and kept."""

    def __init__(self, registry: UnitRegistry) -> None:
        self.registry = registry
        self.kept: dict[tuple[str, int], Plan] = {}
        self.unread: set[tuple[str, int]] = set()
        self.histories: dict[tuple[str, str], tuple[list[Mark], History]] = {}

    async def load(self, session: AsyncSession, idle: bool = True) -> dict[str, History]:
        """The history of each plan as its counts have it: without a version by which it is still
        being counted anew.

        A version that this release can no longer read is left out, and said so. Without ``idle``
        so is a plan that has not been counted at all yet.
        """
        known = await self._known(session)
        answering = {
            row.plan: row for row in await store.tallies(session) if row.state in ANSWERING
        }
        wanted = ((name, answering.get(name)) for name in known)
        return self._histories(
            known, (each for each in wanted if idle or not each[1] or each[1].state != "empty")
        )

    async def load_counted(self, session: AsyncSession) -> Counted:
        """Everything under which events are counted."""
        known = await self._known(session)
        rows = await store.tallies(session)
        tallied = {row.plan for row in rows if row.state in ANSWERING}
        wanted = [(row.plan, row) for row in rows if row.state in COUNTED and row.plan in known]
        wanted += [(name, None) for name in known if name not in tallied]
        found = {
            history.name: history
            for name, row in wanted
            for history in self._histories(known, [(name, row)]).values()
        }
        waiting = {row.name for row in rows if row.state in ("counting", "judging")}
        judging = {row.name for row in rows if row.state == "judging"}
        return Counted(found, frozenset(found.keys() - waiting), frozenset(judging))

    async def load_all(self, session: AsyncSession) -> dict[str, History]:
        """The history of each plan with every version that was applied."""
        known = await self._known(session)
        return self._histories(known, ((name, None) for name in known))

    async def of_tally(self, session: AsyncSession, row: Any) -> History | None:
        """The history by which a tally counts."""
        known = await self._known(session)
        return self._histories(known, [(row.plan, row)]).get(row.plan)

    async def _known(self, session: AsyncSession) -> dict[str, list[Mark]]:
        marks: dict[str, list[Mark]] = {}
        for row in await store.plan_marks(session):
            marks.setdefault(row.plan, []).append((row.version, row.effective_from))
        await self._read(session, marks)
        return dict(sorted(marks.items()))

    def _histories(
        self, known: Mapping[str, list[Mark]], wanted: Iterable[tuple[str, Any]]
    ) -> dict[str, History]:
        found = {}
        for plan, tally in wanted:
            counts = tally.name if tally else plan
            marks = [
                (number, since)
                for number, since in known.get(plan, ())
                if (plan, number) in self.kept and (tally is None or number <= tally.version)
            ]
            kept = self.histories.get((plan, counts))
            if marks and (kept is None or kept[0] != marks):
                read = [(number, self.kept[plan, number], since) for number, since in marks]
                kept = self.histories[plan, counts] = (marks, History(numbered(read), counts))
            if marks and kept:
                found[plan] = kept[1]
        return found

    async def _read(self, session: AsyncSession, marks: dict[str, list[Mark]]) -> None:
        wanted = {(name, number) for name, versions in marks.items() for number, _ in versions}
        for row in await store.plan_documents(session, wanted - self.kept.keys() - self.unread):
            try:
                self.kept[row.plan, row.version] = read_plan(row.document, registry=self.registry)
            except PlanFaults:
                self.unread.add((row.plan, row.version))
                log.error("plan_unreadable", plan=row.plan, version=row.version)
