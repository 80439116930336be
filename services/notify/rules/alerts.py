"""When officers are told of a due date, and of which units: as the plan says, each time once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from services.notify.rules.deadlines import Version
from shared.clock import VN, local_day
from shared.plans import Plan
from shared.plans.duties import Duty, alerts
from shared.plans.models import Notice
from shared.working_days import WorkingDays

What = Literal["approaching", "escalated", "due_today", "appointment"]


@dataclass(frozen=True, slots=True)
class Alarm:
    """An instant at which the officers of some units are told; without units: the citizen."""

    what: What
    at: datetime
    units: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Grant:
    """More time for a duty, or none of it owed: by a document. ``due`` says by when, in words."""

    duty: Duty
    kind: Literal["obligation_extended", "obligation_waived"]
    document: str
    due: str | None = None

    @property
    def version(self) -> str:
        """What tells it from other grants for the same duty."""
        return f"{self.document}:{self.due}" if self.due else self.document


def people(plan: Plan, unit: str, names: Iterable[str], at: date | datetime) -> tuple[str, ...]:
    """The units that a rule names about a unit: ``unit``, ``parent``, a group, or a unit."""
    found: dict[str, None] = {}
    for name in names:
        if name in ("unit", "owed_by"):
            found[unit] = None
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


def told_of_duty(plan: Plan, duty: Duty, when: str) -> tuple[str, ...]:
    """The units whose officers a plan wants told of a duty that approaches, slipped, or was met."""
    found: dict[str, None] = {}
    for rule in rules_for(plan, when, obligation=duty.obligation):
        names = [name for name in rule.to if name != "owed_to"]
        found.update(dict.fromkeys(people(plan, duty.unit, names, duty.opens)))
        if "owed_to" in rule.to:
            found.update(dict.fromkeys(duty.owed_to))
    return tuple(found)


def alarms_of_duty(plan: Plan, duty: Duty, lead: timedelta, days: WorkingDays) -> list[Alarm]:
    """When whom to tell of a duty.

    A plan that wants somebody told of what approaches, and does not say when, means ``lead``.
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
    return [
        Alarm(what, at, tuple(sorted(units)))
        for (what, at), units in sorted(by_instant.items(), key=lambda item: item[0][1])
        if units
    ]


def alarm_of_dossier(
    version: Version, units: Iterable[str], lead: timedelta, now: datetime, stale_after: timedelta
) -> list[Alarm]:
    """When the officers of a dossier's units are told that it is about to be due.

    Not where the due date was set less than ``lead`` before (they have just set it), where the
    time has long passed, or where nothing is awaited.
    """
    at = version.due_at - lead
    if not lead or version.rest != "open" or version.slips_at is None or version.until is not None:
        return []
    if version.known_at >= at or at + stale_after <= now:
        return []
    return [Alarm("approaching", at, tuple(sorted(set(units))))]


def stands(what: str, state: str | None, slips_at: datetime | None, fulfilled_at: datetime | None,
           now: datetime) -> bool:  # fmt: skip
    """Whether there is still reason to tell somebody."""
    if state is None:
        return False
    if what != "escalated":
        return state == "open" and slips_at is not None and now < slips_at
    return state in ("open", "slipped") and fulfilled_at is None


def grants_of(plan: Plan, owed: Iterable[Duty]) -> list[Grant]:
    """The extensions and waivers that a plan grants."""
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
