"""What plans ask of the figures that reports show: online shares and installs."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from services.reporting.rules.installs import Install
from shared.plans import (
    UNDECIDED,
    WHOLE,
    Bound,
    Indicator,
    Plan,
    PlanVersion,
    Versions,
    matches,
    period_key,
)

_ABOUT_DOSSIERS = frozenset({"dossier.received", "dossier.submitted"})
_INSTALLS = "install.recorded"


@dataclass(frozen=True, slots=True)
class Judged:
    """A target that holds on a day, and whether its period has run out by the end of what is judged."""

    bound: Bound
    over: bool
    day: date


@dataclass(frozen=True, slots=True)
class InstallQuota:
    """A plan's indicator that sets quotas of installs; `plan` is the version that says how many,
    `versions` are those by which each install is judged, on its own day."""

    versions: Versions[PlanVersion]
    plan: Plan
    indicator: str

    @property
    def days(self) -> tuple[date, date]:
        """The first and last day on which an install can count."""
        runs = [each.version.plan.runs for each in self.versions.windows]
        return min(each.from_ for each in runs), max(each.to for each in runs)

    @property
    def names(self) -> set[str]:
        """The fields that any version counts once by."""
        found: set[str] = set()
        for each in self.versions.windows:
            indicator = each.version.plan.indicators.get(self.indicator)
            if indicator is not None:
                measure = indicator.measure
                found.update([measure.distinct.of] if measure.distinct else measure.once_per or ())
        return found

    def unit_of(self, one: Install) -> str | None:
        """The unit for which an install counts."""
        plan = self._judging(one)
        return plan and plan.attribute(self.indicator, one.unit, one.order[0])

    def counts(self, one: Install) -> bool:
        """Whether it is of the kind that the plan counts."""
        plan = self._judging(one)
        return plan is not None and plan.indicators[self.indicator].measure.counts(
            _INSTALLS, _data(one), plan.lists
        )

    def key(self, one: Install) -> str | None:
        """What it is counted once by."""
        plan = self._judging(one)
        return plan and plan.indicators[self.indicator].measure.key(_data(one))

    def _judging(self, one: Install) -> Plan | None:
        version = self.versions.at(one.day)
        if version is None or self.indicator not in version.plan.indicators:
            return None
        runs = version.plan.runs
        return version.plan if runs.from_ <= one.day <= runs.to else None


def _data(one: Install) -> Mapping[str, Any]:
    return {
        "unit": one.unit,
        "app": one.app,
        "installer": one.installer,
        "place": one.place,
        "result": "succeeded" if one.succeeded else "failed",
        "device": one.device,
        "citizen": one.citizen,
    }


def online_target(
    plans: Iterable[Versions[PlanVersion]], unit: str, authority: str, first: date, last: date
) -> Judged | None:
    """The target for a unit's online share among dossiers of one authority.

    Only an indicator that looks at all these dossiers can judge the row: one that is about listed
    procedures has its own figure. Of several plans the one that began last holds, each in the
    version that is in force on the last day.
    """
    found: list[tuple[date, Judged]] = []
    for _, plan in _running(plans, first, last):
        day = min(last, plan.runs.to)
        for name, indicator in plan.indicators.items():
            if not _is_online_share(plan, indicator, authority):
                continue
            bound = plan.target_for(name, unit, day)
            if bound is not None:
                over = last >= _end(plan, indicator, day)
                found.append((plan.runs.from_, Judged(bound, over, day)))
    return max(found, key=lambda each: each[0])[1] if found else None


def install_plan(
    plans: Iterable[Versions[PlanVersion]], first: date, last: date
) -> InstallQuota | None:
    """What sets quotas of installs in these days: of several plans the latest begun, in the
    version that is in force on the last day."""
    found = [
        (plan.runs.from_, plan.plan, InstallQuota(versions, plan, name))
        for versions, plan in _running(plans, first, last)
        for name, indicator in plan.indicators.items()
        if indicator.count == _INSTALLS and indicator.target.amount is not None
    ]
    return max(found, key=lambda each: each[:2])[2] if found else None


def _running(
    plans: Iterable[Versions[PlanVersion]], first: date, last: date
) -> Iterator[tuple[Versions[PlanVersion], Plan]]:
    for versions in plans:
        version = versions.in_period(first, last)
        if version is not None:
            yield versions, version.plan


def _is_online_share(plan: Plan, indicator: Indicator, authority: str) -> bool:
    whole = indicator.denominator
    if whole is None or whole.fact not in _ABOUT_DOSSIERS or whole.fact != indicator.measure.fact:
        return False
    measured = _decided(indicator.measure.where, plan.lists)
    counted = _decided(whole.where, plan.lists)
    row = {"authority": authority}
    return (
        counted.keys() <= row.keys()
        and measured.keys() <= {*row, "channel"}
        and matches(counted, row, plan.lists)
        and matches(measured, {**row, "channel": "online"}, plan.lists)
        and not matches(measured, {**row, "channel": "counter"}, plan.lists)
    )


def _decided(where: Mapping[str, Any], lists: Mapping[str, Any]) -> Mapping[str, Any]:
    """A filter without its lists that nobody has decided yet: those let everything through."""
    return {
        key: wanted
        for key, wanted in where.items()
        if not (
            isinstance(wanted, Mapping)
            and wanted.keys() == {"in"}
            and isinstance(wanted["in"], str)
            and lists.get(wanted["in"]) == UNDECIDED
        )
    }


def _end(plan: Plan, indicator: Indicator, day: date) -> date:
    """The last day of the indicator's period that holds a day."""
    if indicator.period == WHOLE:
        return plan.runs.to
    key = period_key(indicator.period, day)
    last = day
    while last < plan.runs.to and period_key(indicator.period, last + timedelta(days=1)) == key:
        last += timedelta(days=1)
    return last
