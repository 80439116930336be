"""What plans ask of the figures that reports show: online shares and installs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from shared.plans import WHOLE, Bound, Indicator, Plan, matches, period_key

_ABOUT_DOSSIERS = frozenset({"dossier.received", "dossier.submitted"})
_INSTALLS = "install.recorded"


@dataclass(frozen=True, slots=True)
class Judged:
    """A target that holds on a day, and whether its period has run out by the end of what is judged."""

    bound: Bound
    over: bool
    day: date


def online_target(
    plans: Iterable[Plan], unit: str, authority: str, first: date, last: date
) -> Judged | None:
    """The target for a unit's online share among dossiers of one authority.

    Only an indicator that looks at all these dossiers can judge the row: one that is about listed
    procedures has its own figure. Of several plans the one that began last holds.
    """
    found: list[tuple[date, Judged]] = []
    for plan in _running(plans, first, last):
        day = min(last, plan.runs.to)
        for name, indicator in plan.indicators.items():
            if not _is_online_share(plan, indicator, authority):
                continue
            bound = plan.target_for(name, unit, day)
            if bound is not None:
                over = last >= _end(plan, indicator, day)
                found.append((plan.runs.from_, Judged(bound, over, day)))
    return max(found, key=lambda each: each[0])[1] if found else None


def install_plan(plans: Iterable[Plan], first: date, last: date) -> tuple[Plan, str] | None:
    """The plan that sets quotas of installs in these days, and its indicator; the latest begun."""
    found = [
        (plan.runs.from_, plan.plan, plan, name)
        for plan in _running(plans, first, last)
        for name, indicator in plan.indicators.items()
        if indicator.count == _INSTALLS and indicator.target.amount is not None
    ]
    if not found:
        return None
    _, _, plan, name = max(found, key=lambda each: each[:2])
    return plan, name


def _running(plans: Iterable[Plan], first: date, last: date) -> list[Plan]:
    return [plan for plan in plans if plan.runs.from_ <= last and plan.runs.to >= first]


def _is_online_share(plan: Plan, indicator: Indicator, authority: str) -> bool:
    whole = indicator.denominator
    if whole is None or whole.fact not in _ABOUT_DOSSIERS or whole.fact != indicator.measure.fact:
        return False
    row = {"authority": authority}
    online: Mapping[str, Any] = {**row, "channel": "online"}
    counter: Mapping[str, Any] = {**row, "channel": "counter"}
    lists = plan.lists
    return (
        _only_about(whole.where, {"authority"}, lists)
        and _only_about(indicator.measure.where, {"authority", "channel"}, lists)
        and matches(whole.where, row, lists)
        and matches(indicator.measure.where, online, lists)
        and not matches(indicator.measure.where, counter, lists)
    )


def _only_about(where: Mapping[str, Any], fields: set[str], lists: Mapping[str, Any]) -> bool:
    """Whether a filter looks at nothing but these fields; an undecided list looks at nothing."""
    return all(
        key in fields
        or (
            isinstance(wanted, Mapping)
            and set(wanted) == {"in"}
            and isinstance(wanted["in"], str)
            and lists.get(wanted["in"]) == "undecided"
        )
        for key, wanted in where.items()
    )


def _end(plan: Plan, indicator: Indicator, day: date) -> date:
    """The last day of the indicator's period that holds a day."""
    if indicator.period == WHOLE:
        return plan.runs.to
    key = period_key(indicator.period, day)
    last = day
    while last < plan.runs.to and period_key(indicator.period, last + timedelta(days=1)) == key:
        last += timedelta(days=1)
    return last
