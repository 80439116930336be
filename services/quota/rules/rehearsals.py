"""How many messages a plan would have had sent."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.quota.rules.facts import STATUS_CHANGED, SUBMITTED, Fact
from shared.clock import local_day
from shared.plans import Delivery, Duty, Plan, alerts, deliveries, duties, judge
from shared.units import UnitRegistry
from shared.working_days import WorkingDays

ONE = frozenset({"unit", "parent", "owed_by", "installer", "citizen"})
"""Words for one recipient."""


@dataclass(frozen=True, slots=True)
class Messages:
    """Reminders before duties are due, escalations after, and notices by what they are about."""

    reminders: int
    escalations: int
    notices: Mapping[str, int]

    @property
    def total(self) -> int:
        return self.reminders + self.escalations + sum(self.notices.values())


def fulfilling_types(plan: Plan) -> set[str]:
    """The kinds of facts that fulfil a plan's obligations, or that its notices are about."""
    kinds = {each.fulfilled_by.event for each in plan.obligations.values()}
    if any(notice.when.startswith("dossier.") for notice in plan.notices):
        kinds |= {"dossier.submitted", "dossier.status_changed"}
    return kinds


def count_messages(
    plan: Plan,
    facts: Iterable[Fact],
    rows: Sequence[Mapping[str, Any]],
    paid: int,
    now: datetime,
    registry: UnitRegistry,
    working: WorkingDays,
) -> Messages:
    """What would have been sent until now, each message to each recipient once.

    Args:
        facts: what fulfils obligations, and dossiers where notices are about them.
        rows: progress as it stands, with ``indicator`` and ``state``.
        paid: how many events are paid.
    """
    handed_in: dict[tuple[str, str, str], list[Delivery]] = {}
    dossiers: Counter[str] = Counter()
    units = {code for name in plan.indicators for code in plan.target_units(name)}
    for fact in facts:
        if not fact.known(None) or fact.occurred_at > now:
            continue
        dossiers.update(_dossier_words(plan, units, fact, registry))
        for one in deliveries(plan, fact.type, fact.data, fact.occurred_at):
            handed_in.setdefault((one.obligation, one.unit, one.period), []).append(one)
    sent: Counter[str] = Counter()
    notices: Counter[str] = Counter()
    for duty in duties(plan, local_day(now), working):
        mine = handed_in.get((duty.obligation, duty.unit, duty.period), [])
        found = judge(duty, mine, now)
        done = found.fulfilled_at
        reminded = False
        for alert in alerts(plan, duty, working):
            if alert.at <= now and (done is None or done > alert.at):
                sent[alert.kind] += len(alert.to)
                reminded = reminded or alert.kind == "remind"
        approaching = ["deadline.approaching"] if reminded else []
        for when in approaching + _duty_words(duty, done, now):
            notices[when] += _recipients(plan, when, obligation=duty.obligation, duty=duty)
    for row in rows:
        when = {"met": "quota.reached", "missed": "quota.fell_behind"}.get(row["state"])
        if when:
            notices[when] += _recipients(plan, when, indicator=row["indicator"])
    notices["stipend.earned"] += paid * _recipients(plan, "stipend.earned")
    for when, times in dossiers.items():
        notices[when] += times * _recipients(plan, when)
    kept = {when: number for when, number in sorted(notices.items()) if number}
    return Messages(sent["remind"], sent["escalate"], kept)


def _duty_words(duty: Duty, done: datetime | None, now: datetime) -> list[str]:
    if duty.due is None or duty.waiver is not None:
        return []
    words = []
    if done is not None:
        words.append("deadline.met")
    if duty.due <= now and (done is None or done >= duty.due):
        words.append("deadline.slipped")
    return words


def _dossier_words(plan: Plan, units: set[str], fact: Fact, registry: UnitRegistry) -> list[str]:
    if fact.type not in (SUBMITTED, STATUS_CHANGED):
        return []
    day = local_day(fact.occurred_at)
    if not plan.runs.from_ <= day <= plan.runs.to:
        return []
    if not registry.within(fact.data["unit"], units, day):
        return []
    return ["dossier.received" if fact.type == SUBMITTED else f"dossier.{fact.data['status']}"]


def _recipients(
    plan: Plan,
    when: str,
    indicator: str | None = None,
    obligation: str | None = None,
    duty: Duty | None = None,
) -> int:
    number = 0
    for notice in plan.notices:
        if notice.when != when:
            continue
        if notice.indicator not in (None, indicator) or notice.obligation not in (None, obligation):
            continue
        for name in notice.to:
            if name in ONE:
                number += 1
            elif name == "owed_to":
                number += len(duty.owed_to) if duty else 0
            else:
                number += len(plan.members([name]))
    return number
