"""What was handed in towards the duties of plans, and since when it is known or withdrawn."""

from bisect import insort
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from operator import attrgetter
from typing import Any

from shared.plans import Delivery, PlanVersion, Versions, deliveries

MOST_JUDGED = 20_000
"""Duties whose judgement is kept."""

Key = tuple[int, tuple[str, str, str, str]]
"""The number of a plan's version, and what tells a duty from every other."""


@dataclass(frozen=True, slots=True)
class Filed:
    """A list delivered or a report filed; its order tells it from every other."""

    type: str
    order: tuple[datetime, str, str]
    unit: str
    data: Mapping[str, Any] = field(compare=False)


@dataclass(slots=True)
class _Said:
    """Since when a filing is known, and since when withdrawn."""

    order: tuple[datetime, str, str]
    rday: date
    voided: date | None


@dataclass(frozen=True, slots=True)
class _Part:
    said: _Said
    delivery: Delivery


_order = attrgetter("said.order")


class HandedIn:
    """Everything handed in under some plans, as far as it was added.

    A filing takes some 1,100 bytes, for each version of a plan under which it hands in anything;
    what it said is not kept. A judgement kept takes about as much again.
    """

    def __init__(self, plans: Iterable[Versions[PlanVersion]]) -> None:
        self._plans = [
            (window.version.number, window.version.plan)
            for versions in plans
            for window in versions.windows
        ]
        self._said: dict[bytes, _Said] = {}
        self._parts: dict[Key, list[_Part]] = {}
        self.judged: dict[Key, Any] = {}
        """How duties stood when they were judged last."""

    def add(self, uid: bytes, filed: Filed, rday: date, voided: date | None) -> None:
        """Take a filing, in any order."""
        said = _Said(filed.order, rday, voided)
        for number, plan in self._plans:
            for one in deliveries(plan, filed.type, filed.data, filed.order[0]):
                self._said[uid] = said
                key = number, (plan.plan, one.obligation, one.unit, one.period)
                insort(self._parts.setdefault(key, []), _Part(said, one), key=_order)

    def void(self, uid: bytes, rday: date) -> None:
        """Withdraw a filing from a recorded day on; one that hands in nothing is of no concern."""
        if uid in self._said:
            self._said[uid].voided = rday

    def find(self, key: Key, known: date, now: datetime) -> list[Delivery]:
        """What was handed in for a duty by an instant, as known at the end of a recorded day, in
        the order of events."""
        return [
            one.delivery
            for one in self._parts.get(key, ())
            if one.said.rday <= known
            and (one.said.voided is None or one.said.voided > known)
            and one.delivery.at <= now
        ]

    def keep(self, key: Key, judged: Any) -> None:
        """Keep how a duty stands."""
        if len(self.judged) >= MOST_JUDGED:
            self.judged.clear()
        self.judged[key] = judged
