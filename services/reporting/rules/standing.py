"""How far units are against the targets of plans, and where they will come to."""

from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from services.reporting.rules.emulation import Result
from shared.plans import Plan
from shared.plans.pace import pace_of
from shared.plans.periods import bounds
from shared.working_days import WorkingDays

URGENCY = ("behind", "missed", "on_track", "met", "not_applicable")
"""States, what needs somebody first."""


@dataclass(frozen=True, slots=True)
class Stand:
    """A unit's result in a period beside its target.

    `projected` is what it comes to at the period's end if it goes on as until now: a count grows
    with the working days, a share stays; null where nothing can be said. `pace` is the part of the
    period's working days that has passed.
    """

    result: Result
    title: str
    first: date
    last: date
    pace: float
    projected: float | None

    @property
    def ratio(self) -> bool:
        return self.result.denominator is not None

    @property
    def actual(self) -> float | None:
        """The count, or the share; null for a share of nothing."""
        if self.result.denominator is None:
            return self.result.numerator
        over = self.result.denominator
        return self.result.numerator / over if over else None


def stand_of(plan: Plan, result: Result, today: date, working: WorkingDays) -> Stand | None:
    """A result beside its target; null where the plan no longer sets one or has no such period."""
    indicator = plan.indicators.get(result.indicator)
    if indicator is None or result.target is None:
        return None
    try:
        first, last = bounds(plan, result.period)
    except ValueError:
        return None
    if first > last:
        return None
    pace = pace_of(first, last, today, working)
    title = indicator.title or result.indicator
    return Stand(result, title, first, last, float(pace), _projected(result, pace))


def _projected(result: Result, pace: Fraction) -> float | None:
    if pace <= 0:
        return None
    if result.denominator is not None:
        return result.numerator / result.denominator if result.denominator else None
    return float(round(result.numerator / pace))
