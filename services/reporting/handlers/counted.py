"""What an indicator's figure is made of: quota counts, so quota tells."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from services.reporting.clients import Quota, Unreachable
from services.reporting.handlers.answering import Reports
from services.reporting.handlers.asking import visible_units
from services.reporting.handlers.withdrawing import is_user
from shared import clock
from shared.keys import Key
from shared.problems import Problem


@dataclass(frozen=True, slots=True)
class Figure:
    """A numerator or a denominator (`part`) of a unit's progress in a period."""

    plan: str
    indicator: str
    unit: str
    period: str
    part: str = "numerator"
    as_of: str | None = None

    def asked(self, limit: int, offset: int) -> dict[str, str]:
        """As quota is asked for a page of it."""
        found = {
            "plan": self.plan,
            "indicator": self.indicator,
            "unit": self.unit,
            "period": self.period,
            "part": self.part,
            "limit": str(limit),
            "offset": str(offset),
        }
        return found | ({"as_of": self.as_of} if self.as_of else {})


class Counted:
    """What counts in figures of one store.

    Args:
        own: the key with which quota is asked for users who logged in by password; without it they
            see the figure alone.
    """

    def __init__(self, reports: Reports, quota: Quota, own: str | None) -> None:
        self.reports, self.quota, self.own = reports, quota, own

    async def rows(
        self, figure: Figure, key: Key, shown: str | None, limit: int, offset: int
    ) -> Mapping[str, Any] | None:
        """A page of what counts, as quota's `/v1/progress/behind` tells it; null where quota does not
        answer.

        Args:
            shown: the caller's own key, where it came with one.

        Raises:
            Problem: 403 outside the key's units, 422 for a plan, indicator, unit or period that is
                none.
        """
        visible_units(figure.unit, key, self.reports.registry, date.min, clock.today())
        sender = self.own if is_user(key) else shown
        if not sender:
            return None
        try:
            status, told = await self.quota.behind(figure.asked(limit, offset), sender.strip())
        except Unreachable:
            return None
        if not isinstance(told, dict):
            return None
        if status in (403, 422):
            raise Problem(status, told.get("detail"), told.get("errors", []))
        return told if status == 200 else None
