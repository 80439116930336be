"""Emulation: which points a plan gives and takes, for what, and who stands where."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal

from services.reporting.rules.timeliness import JudgedDuty
from shared.plans import Plan, PlanVersion, Versions
from shared.plans.models import Points
from shared.plans.pace import pace_of
from shared.plans.periods import bounds
from shared.plans.states import judge
from shared.working_days import WorkingDays

OBLIGATION_STATES: Mapping[str, tuple[str, ...]] = {
    "met": ("on_time",),
    "missed": ("late", "incomplete", "missing"),
    "late": ("late",),
    "missing": ("missing",),
    "incomplete": ("incomplete",),
}
"""What a plan calls a state of a duty -> how timeliness names it."""


@dataclass(frozen=True, slots=True)
class Result:
    """How a unit stands by an indicator in a period."""

    plan: str
    indicator: str
    unit: str
    period: str
    state: str
    numerator: int
    denominator: int | None
    target: float | None


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the arithmetic: so many times so many points; null where no amount is decided."""

    kind: Literal["merit", "deduction"]
    about: str
    title: str
    state: str
    periods: tuple[str, ...]
    times: int
    points: int | None

    @property
    def subtotal(self) -> int | None:
        """What the line adds, negative for a deduction."""
        if self.points is None:
            return None
        return self.times * self.points * (1 if self.kind == "merit" else -1)


@dataclass(frozen=True, slots=True)
class Standing:
    """A unit's points under a plan; `rank` is null while an amount that matters is undecided."""

    unit: str
    items: tuple[Item, ...]
    rank: int | None = None

    @property
    def merits(self) -> int:
        return sum(each.subtotal or 0 for each in self.items if each.kind == "merit")

    @property
    def deductions(self) -> int:
        return -sum(each.subtotal or 0 for each in self.items if each.kind == "deduction")

    @property
    def points(self) -> int:
        return self.merits - self.deductions

    @property
    def undecided(self) -> int:
        return sum(each.points is None for each in self.items)


@dataclass(frozen=True, slots=True)
class Counting:
    """Which periods count: those whose last day, or due day, lies in `first`..`until`; `today` is
    the day of judging."""

    first: date
    until: date
    today: date

    def holds(self, day: date | None) -> bool:
        """Whether a period that ends on a day counts."""
        return day is not None and self.first <= day <= self.until


def seen_on(
    results: Iterable[Result],
    versions: Versions[PlanVersion],
    today: date,
    now: date,
    working: WorkingDays,
) -> Iterator[Result]:
    """A plan's results as they stand at the end of a day by the figures given.

    Each is held against the target of the version that judges its period on that day; periods that
    have not begun then are left out.

    Args:
        today: the last day judged.
        now: the day on which that is looked at: the next one, or `today` itself while it runs.
    """
    name = versions.newest.plan.plan
    for each in results:
        if each.plan != name:
            continue
        version = versions.judges(each.indicator, each.period, today)
        if version is None:
            continue
        first, last = bounds(version.plan, each.period)
        if first > today:
            continue
        bound = version.plan.target_for(each.indicator, each.unit, first)
        pace = pace_of(first, last, today, working)
        state = judge(bound, each.numerator, each.denominator, pace, now > last)
        yield replace(each, state=state)


def gives_points(versions: Versions[PlanVersion]) -> bool:
    """Whether any version of a plan that judges any day gives or takes points."""
    return any(each.version.plan.penalties or each.version.plan.merits for each in versions.windows)


def standings(
    versions: Versions[PlanVersion],
    results: Iterable[Result],
    judged: Iterable[JudgedDuty],
    counting: Counting,
) -> list[Standing]:
    """Every unit that the plan can give or take points, the best first.

    Each period gives and costs what the version says that judges it. Units with the same points
    share a rank, and the next one follows after them (1, 1, 3). One undecided amount anywhere
    leaves every rank open: it may change the order.
    """
    name = versions.newest.plan.plan
    mine = [each for each in results if each.plan == name]
    duties = list(judged)
    by_unit: dict[str, dict[tuple[Any, ...], Item]] = {}
    for window in reversed(versions.windows):
        plan, number = window.version.plan, window.version.number
        rules = [("deduction", each) for each in plan.penalties]
        rules += [("merit", each) for each in plan.merits]
        for unit in _units(plan, rules):
            by_unit.setdefault(unit, {})
        told = [each for each in mine if _counts(each, versions, number, counting)]
        owed = [
            each
            for each in duties
            if each.version.number == number and counting.holds(each.duty.day)
        ]
        for place, (kind, rule) in enumerate(rules):
            same = rules[:place].count((kind, rule))
            for unit, periods in _met(rule, told, owed).items():
                if unit in by_unit:
                    _add(by_unit[unit], _item(plan, kind, rule, periods), rule, same)
    found = [Standing(unit, tuple(items.values())) for unit, items in by_unit.items()]
    found.sort(key=lambda one: (-one.points, one.unit))
    if any(one.undecided for one in found):
        return found
    return list(_ranked(found))


def _counts(
    result: Result, versions: Versions[PlanVersion], number: int, counting: Counting
) -> bool:
    judge = versions.judges(result.indicator, result.period, counting.today)
    if judge is None or judge.number != number:
        return False
    return counting.holds(bounds(judge.plan, result.period)[1])


def _add(items: dict[tuple[Any, ...], Item], item: Item, rule: Points, same: int) -> None:
    """Add a line; one that an earlier version has, too, is continued. What counts once in a plan
    does so in all its versions together, as the first of them says."""
    key = (item.kind, item.about, item.state, rule.once_per, same)
    key += () if rule.once_per == "plan" else (item.points,)
    before = items.get(key)
    if before is None:
        items[key] = item
    else:
        periods = (*before.periods, *item.periods)
        times = before.times if rule.once_per == "plan" else len(periods)
        items[key] = replace(before, periods=periods, times=times)


def _ranked(ordered: Sequence[Standing]) -> Iterator[Standing]:
    rank = 0
    for place, one in enumerate(ordered, 1):
        if place == 1 or one.points != ordered[place - 2].points:
            rank = place
        yield Standing(one.unit, one.items, rank)


def _units(plan: Plan, rules: Iterable[tuple[str, Points]]) -> list[str]:
    found: dict[str, None] = {}
    for _, rule in rules:
        if rule.when.indicator in plan.indicators:
            found.update(dict.fromkeys(plan.result_units(str(rule.when.indicator))))
        elif rule.when.obligation in plan.obligations:
            owing = plan.obligations[str(rule.when.obligation)].owed_by
            found.update(dict.fromkeys(plan.members(owing)))
    return list(found)


def _met(
    rule: Points, results: Iterable[Result], duties: Iterable[JudgedDuty]
) -> dict[str, list[str]]:
    """Unit -> the periods in which it has come to what the rule asks for."""
    found: dict[str, list[str]] = {}
    when = rule.when
    if when.indicator is not None:
        for each in results:
            if each.indicator == when.indicator and each.state == when.state:
                found.setdefault(each.unit, []).append(each.period)
    else:
        states = OBLIGATION_STATES.get(when.state, ())
        for each in duties:
            duty = each.duty
            if duty.obligation == when.obligation and each.judgement.state in states:
                found.setdefault(duty.unit, []).append(duty.period)
    return {unit: sorted(periods) for unit, periods in found.items()}


def _item(plan: Plan, kind: Any, rule: Points, periods: list[str]) -> Item:
    when = rule.when
    if when.indicator is not None:
        about, title = when.indicator, plan.indicators[when.indicator].title
    else:
        about = str(when.obligation)
        title = plan.obligations[about].title
    return Item(
        kind=kind,
        about=about,
        title=title or about,
        state=when.state,
        periods=tuple(periods),
        times=1 if rule.once_per == "plan" else len(periods),
        points=None if rule.points == "undecided" else rule.points,
    )
