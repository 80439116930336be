"""Plans as reporting knows them: kept in every version, read once."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import orjson
import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting.store import plans
from services.reporting.store.plans import Mark, StoredPlan
from shared.plans import BEGINNING, Plan, PlanFaults, PlanVersion, Versions, read_plan
from shared.plans.versions import since_of
from shared.units import UnitRegistry

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class PlanMessage:
    """A message of PLANS: one version of a plan, and the first day that it judges."""

    plan: str
    version: int
    digest: str
    document: dict[str, Any]
    since: date = BEGINNING

    @property
    def uid(self) -> bytes:
        """16 bytes that stand for this version and its content."""
        mark = f"plan:{self.plan}:{self.version}:{self.digest}:{self.since}"
        return hashlib.sha256(mark.encode()).digest()[:16]


def parse_plan(payload: bytes) -> PlanMessage:
    """Read a message of PLANS; raises ``ValueError``."""
    raw = orjson.loads(payload)
    try:
        plan, version, document = raw["plan"], raw["version"], raw["document"]
        digest = raw["digest"]
        since = since_of(raw)
    except (KeyError, TypeError) as fault:
        raise ValueError("not a plan message") from fault
    if not (
        isinstance(plan, str)
        and type(version) is int
        and isinstance(digest, str)
        and isinstance(document, dict)
    ):
        raise ValueError("not a plan message")
    return PlanMessage(plan, version, digest, document, since)


async def apply_plans(session: AsyncSession, messages: Sequence[PlanMessage]) -> None:
    """Keep versions of plans, in whatever order they come."""
    await plans.add(
        session,
        [StoredPlan(each.plan, each.version, each.document, each.since) for each in messages],
    )


class Plans:
    """All versions of all plans: each is read once and kept."""

    def __init__(self, registry: UnitRegistry) -> None:
        self.registry = registry
        self._kept: dict[tuple[str, int], Plan | None] = {}
        self._versions: dict[str, tuple[list[Mark], Versions[PlanVersion]]] = {}

    async def load(self, session: AsyncSession) -> tuple[Versions[PlanVersion], ...]:
        """The versions of each plan, by name.

        One that this release can no longer read is left out, and said so.
        """
        by_plan: dict[str, list[Mark]] = {}
        for mark in await plans.marks(session):
            by_plan.setdefault(mark.plan, []).append(mark)
        await self._read(session, by_plan)
        found = []
        for name, marks in by_plan.items():
            known = [
                PlanVersion(made, mark.version, mark.since)
                for mark in marks
                if (made := self._kept[name, mark.version])
            ]
            kept = self._versions.get(name)
            if known and (kept is None or kept[0] != marks):
                self._versions[name] = (marks, Versions(known))
            if known:
                found.append(self._versions[name][1])
        return tuple(found)

    async def _read(self, session: AsyncSession, by_plan: dict[str, list[Mark]]) -> None:
        marks = {(each.plan, each.version) for marks in by_plan.values() for each in marks}
        for mark, body in (await plans.bodies(session, marks - self._kept.keys())).items():
            try:
                self._kept[mark] = read_plan(orjson.dumps(body), registry=self.registry)
            except PlanFaults:
                self._kept[mark] = None
                log.error("plan_unreadable", plan=mark[0], version=mark[1])


def titles(plans: Iterable[Plan]) -> dict[tuple[str, str], str]:
    """(plan, obligation or indicator) -> what the plan calls it."""
    found = {}
    for plan in plans:
        found[plan.plan, ""] = plan.title
        for named in (plan.obligations, plan.indicators):
            for name, one in named.items():
                found[plan.plan, name] = one.title or name
    return found
