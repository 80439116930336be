"""Plans as reporting knows them: kept in every version, read once."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting.store import plans
from services.reporting.store.plans import StoredPlan
from shared.plans import Plan, PlanFaults, read_plan
from shared.units import UnitRegistry

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class PlanMessage:
    """A message of PLANS: one version of a plan."""

    plan: str
    version: int
    digest: str
    document: dict[str, Any]

    @property
    def uid(self) -> bytes:
        """16 bytes that stand for this version and its content."""
        mark = f"plan:{self.plan}:{self.version}:{self.digest}"
        return hashlib.sha256(mark.encode()).digest()[:16]


def parse_plan(payload: bytes) -> PlanMessage:
    """Read a message of PLANS; raises ``ValueError``."""
    raw = orjson.loads(payload)
    try:
        plan, version, document = raw["plan"], raw["version"], raw["document"]
        digest = raw["digest"]
    except (KeyError, TypeError) as fault:
        raise ValueError("not a plan message") from fault
    if not (
        isinstance(plan, str)
        and type(version) is int
        and isinstance(digest, str)
        and isinstance(document, dict)
    ):
        raise ValueError("not a plan message")
    return PlanMessage(plan, version, digest, document)


async def apply_plans(session: AsyncSession, messages: Sequence[PlanMessage]) -> None:
    """Keep versions of plans, in whatever order they come."""
    await plans.add(
        session, [StoredPlan(each.plan, each.version, each.document) for each in messages]
    )


def read_plans(
    stored: Iterable[StoredPlan], registry: UnitRegistry, kept: dict[tuple[str, int], Plan]
) -> tuple[Plan, ...]:
    """The plans of stored versions, by name; `kept` remembers those that were read before.

    One that this release can no longer read is left out, and said so.
    """
    found = []
    for each in sorted(stored, key=lambda one: one.plan):
        mark = (each.plan, each.version)
        if mark not in kept:
            try:
                kept[mark] = read_plan(orjson.dumps(each.body), registry=registry)
            except PlanFaults:
                log.error("plan_unreadable", plan=each.plan, version=each.version)
                continue
        found.append(kept[mark])
    return tuple(found)
