"""When officers are told of a due date, and of which units: as the plan says, each time once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal

from services.notify.rules.deadlines import Version
from services.notify.rules.notices import Policy
from services.notify.rules.recipients import Target, read_target
from shared.clock import VN, local_day
from shared.plans import LEVELS, Plan
from shared.plans.duties import Duty, alerts
from shared.plans.models import Notice
from shared.working_days import WorkingDays

What = Literal["approaching", "day_of", "escalated", "overdue", "due_today", "appointment"]
MORNING = time(8, 0)


@dataclass(frozen=True, slots=True)
class Alarm:
    """An instant at which the officers whom some targets name are told; without: the citizen."""

    what: What
    at: datetime
    units: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Grant:
    """More time for a duty, a day to make up for it, or none of it owed. ``due`` says by when, in
    words; a day to make up may have no document."""

    duty: Duty
    kind: Literal["obligation_extended", "obligation_waived", "obligation_makeup"]
    document: str | None
    due: str | None = None

    @property
    def version(self) -> str:
        """What tells it from other grants for the same duty."""
        return f"{self.document}:{self.due}" if self.due else str(self.document)


def people(plan: Plan, unit: str, names: Iterable[str], at: date | datetime) -> tuple[str, ...]:
    """The targets that a rule names about a unit: ``unit``, ``parent``, a level of the unit
    (``officer``, ``head``, ``district``, ``province``), a group, or a unit."""
    found: dict[str, None] = {}
    for name in names:
        if name in ("unit", "owed_by"):
            found[unit] = None
        elif name in LEVELS:
            found[str(Target(unit, name))] = None
        elif name == "parent":
            above = plan.registry.ancestors(unit, at)[1:2] if plan.registry else ()
            found.update(dict.fromkeys(above))
        elif name in plan.groups or (plan.registry is not None and plan.registry.known(name)):
            found.update(dict.fromkeys(plan.members([name])))
    return tuple(found)


def rules_for(
    plan: Plan, when: str, *, indicator: str | None = None, obligation: str | None = None
) -> list[Notice]:
    """The plan's rules about who is told of something."""
    return [
        rule
        for rule in plan.notices
        if rule.when == when
        and rule.indicator in (None, indicator)
        and rule.obligation in (None, obligation)
    ]


def as_rule_says(rule: Notice, targets: Iterable[str]) -> list[str]:
    """Targets with the channel and the text that a plan's rule asks for."""
    return [
        str(read_target(each)._replace(channel=rule.channel, template=rule.template))
        for each in targets
    ]


def told_of_duty(plan: Plan, duty: Duty, when: str) -> tuple[str, ...]:
    """The targets whom a plan wants told of a duty that approaches, slipped, or was met."""
    found: dict[str, None] = {}
    for rule in rules_for(plan, when, obligation=duty.obligation):
        names = [name for name in rule.to if name != "owed_to"]
        targets = people(plan, duty.unit, names, duty.opens)
        if "owed_to" in rule.to:
            targets += duty.owed_to
        found.update(dict.fromkeys(as_rule_says(rule, targets)))
    return tuple(found)


def told_of_figure(plan: Plan, unit: str, when: str, indicator: str | None) -> tuple[str, ...]:
    """The targets whom a plan wants told of a figure of a unit."""
    found: dict[str, None] = {}
    for rule in rules_for(plan, when, indicator=indicator):
        targets = people(plan, unit, rule.to, plan.runs.from_)
        found.update(dict.fromkeys(as_rule_says(rule, targets)))
    return tuple(found)


def alarms_of_duty(
    plan: Plan, duty: Duty, lead: timedelta, days: WorkingDays, day_of: time | None = None
) -> list[Alarm]:
    """When whom to tell of a duty.

    A plan that wants somebody told of what approaches, and does not say when, means ``lead``. On
    the last day, at ``day_of``, the unit is told once more of what the plan reminds of, unless the
    duty began on that day.
    """
    if duty.due is None or duty.waiver is not None:
        return []
    by_instant: dict[tuple[What, datetime], dict[str, None]] = {}
    for alert in alerts(plan, duty, days):
        what: What = "approaching" if alert.kind == "remind" else "escalated"
        by_instant.setdefault((what, alert.at), {}).update(dict.fromkeys(alert.to))
    also = told_of_duty(plan, duty, "deadline.approaching")
    reminders = [units for (what, _), units in by_instant.items() if what == "approaching"]
    if also and not reminders and lead:
        by_instant["approaching", duty.due - lead] = dict.fromkeys(also)
    for units in reminders:
        units.update(dict.fromkeys(also))
    last = local_day(duty.due - timedelta(microseconds=1))
    if day_of is not None and (also or reminders) and local_day(duty.opens) < last:
        at = datetime.combine(last, day_of, tzinfo=VN)
        if at < duty.due:
            by_instant["day_of", at] = {duty.unit: None}
    return [
        Alarm(what, at, tuple(sorted(units)))
        for (what, at), units in sorted(by_instant.items(), key=lambda item: item[0][1])
        if units
    ]


def alarms_of_dossier(
    version: Version, units: Iterable[str], policy: Policy, now: datetime, *, paused: bool = False
) -> list[Alarm]:
    """When the officers of a dossier's units are told that it is about to be due, due on that day,
    and open still after so many days.

    The first two not where the due date was set after that instant (they have just set it), none
    where the time has long passed or nothing is awaited; what is open still is not pressed for
    while the office waits for somebody else.
    """
    if version.rest != "open" or version.slips_at is None or version.until is not None:
        return []
    own = tuple(sorted(set(units)))
    found: dict[tuple[What, datetime], dict[str, None]] = {}
    ahead: list[tuple[What, datetime]] = []
    if policy.approach:
        ahead.append(("approaching", version.due_at - policy.approach))
    if policy.day_of is not None:
        ahead.append(("day_of", datetime.combine(version.due_day, policy.day_of, tzinfo=VN)))
    for what, at in ahead:
        if version.known_at < at < version.slips_at:
            found[what, at] = dict.fromkeys(own)
    if not paused:
        last = local_day(version.slips_at - timedelta(microseconds=1))
        for days, level in policy.overdue:
            at = datetime.combine(last + timedelta(days=days), MORNING, tzinfo=VN)
            targets = [str(Target(unit, level)) for unit in own]
            found.setdefault(("overdue", at), {}).update(dict.fromkeys(targets))
    return [
        Alarm(what, at, tuple(targets))
        for (what, at), targets in sorted(found.items(), key=lambda item: item[0][1])
        if at + policy.stale_after > now
    ]


def stands(what: str, state: str | None, slips_at: datetime | None, fulfilled_at: datetime | None,
           now: datetime) -> bool:  # fmt: skip
    """Whether there is still reason to tell somebody."""
    if state is None:
        return False
    if what not in ("escalated", "overdue"):
        return state == "open" and slips_at is not None and now < slips_at
    return state in ("open", "slipped") and fulfilled_at is None


def grants_of(plan: Plan, owed: Iterable[Duty]) -> list[Grant]:
    """The extensions, days to make up, and waivers that a plan grants."""
    by_key = {(duty.obligation, duty.unit, duty.period): duty for duty in owed}
    found: list[Grant] = []
    for name, obligation in plan.obligations.items():
        for extension in obligation.extensions:
            if extension.by:
                due = f"hết ngày {extension.by:%d/%m/%Y}"
            else:
                due = f"trước ngày {extension.before:%d/%m/%Y}"
            for duty in _named(by_key, name, plan.members(extension.units), extension.periods):
                found.append(Grant(duty, "obligation_extended", extension.document, due))
        for waiver in obligation.waivers:
            for duty in _named(by_key, name, plan.members(waiver.units), waiver.periods):
                found.append(Grant(duty, "obligation_waived", waiver.document))
        for makeup in obligation.makeup:
            due = f"trước ngày {makeup.before:%d/%m/%Y}"
            for duty in _named(by_key, name, plan.members(makeup.units), makeup.periods):
                found.append(Grant(duty, "obligation_makeup", makeup.document, due))
    return found


def _named(
    by_key: dict[tuple[str, str, str], Duty],
    obligation: str,
    units: Sequence[str],
    periods: Sequence[str],
) -> list[Duty]:
    keys = [(obligation, unit, period) for unit in units for period in periods]
    return [by_key[key] for key in keys if key in by_key]


def due_words(duty: Duty) -> str | None:
    """By when a duty is to be done, as a text says it."""
    if duty.due is None:
        return None
    local = duty.due.astimezone(VN)
    if local.hour or local.minute:
        return f"trước {local:%H:%M} ngày {local:%d/%m/%Y}"
    if duty.inclusive:
        return f"hết ngày {local_day(duty.due - timedelta(days=1)):%d/%m/%Y}"
    return f"trước ngày {local_day(duty.due):%d/%m/%Y}"
