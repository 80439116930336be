"""What a key adds to a count.

A *key* is what counts once: a device or citizen, a dossier's code, or one event by itself. What a
key adds depends only on the set of its facts, so neither order nor repeats of events matter.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from services.quota.rules.facts import (
    STATUS_CHANGED,
    SUBMITTED,
    Fact,
    status_change,
    submission,
    turning_days,
)
from shared import dossiers
from shared.plans import Measure, Plan
from shared.plans.filters import matches

OF, OVER = "of", "over"
DERIVED = ("dossier.received", "dossier.resolved", "dossier.late")

Adds = Counter[tuple[str, str, date]]
"""(unit, period, recorded day) -> how much."""


@dataclass(frozen=True, slots=True)
class Part:
    """One count of a plan: an indicator's numerator (``of``) or denominator (``over``)."""

    plan: Plan
    indicator: str
    part: str
    measure: Measure

    def key(self, key: str) -> tuple[str, str, str, str]:
        """How one of its keys is named in the store."""
        return self.plan.plan, self.indicator, self.part, key


def parts(plans: Iterable[Plan]) -> dict[str, list[Part]]:
    """All counts of some plans by the kind of fact that they read."""
    found: dict[str, list[Part]] = {}
    for plan in plans:
        for name, made in plan.indicators.items():
            for part, measure in ((OF, made.measure), (OVER, made.denominator)):
                if measure is not None and measure.fact is not None:
                    found.setdefault(measure.fact, []).append(Part(plan, name, part, measure))
    return found


def key_of(part: Part, fact: Fact) -> str | None:
    """The key under which a fact may count; None where the measure does not mean it."""
    measure = part.measure
    if not measure.counts(fact.type, fact.data, part.plan.lists):
        return None
    return measure.key(fact.data) or f"event:{fact.uid.hex()}"


Judged = Counter[tuple[str, str]]
"""(unit, period) -> how much, by what is known on one day."""


def contributions(part: Part, facts: Sequence[Fact]) -> Adds:
    """What the facts of one key add, by the day on which it was recorded.

    For each recorded day the facts known then are judged anew; the difference to the day before
    is booked on it. So a sum up to any day says what was known on that day.
    """
    return _differences(
        (day, _judge(part, [f for f in facts if f.known(day)])) for day in turning_days(facts)
    )


def _differences(judged: Iterable[tuple[date, Judged]]) -> Adds:
    added: Adds = Counter()
    before: Judged = Counter()
    for day, after in judged:
        for place in before.keys() | after.keys():
            if after[place] != before[place]:
                added[(*place, day)] += after[place] - before[place]
        before = after
    return added


@dataclass(frozen=True, slots=True)
class Reading:
    """A dossier's story as known on a recorded day, and its submission's data."""

    day: date
    story: dossiers.Story | None
    data: Mapping[str, Any]


def read_stories(facts: Sequence[Fact]) -> list[Reading]:
    """A dossier's story on every recorded day on which it changed: read once for all counts."""
    readings = []
    for day in turning_days(facts):
        known = [f for f in facts if f.known(day)]
        given = [f for f in known if f.type == SUBMITTED]
        changes = [status_change(f) for f in known if f.type == STATUS_CHANGED]
        story = dossiers.read_story([submission(f) for f in given], changes)
        newest = max(given, key=lambda f: f.order, default=None)
        readings.append(Reading(day, story, newest.data if newest else {}))
    return readings


def story_contributions(part: Part, readings: Sequence[Reading]) -> Adds:
    """What one dossier adds to a count of received, resolved or late dossiers."""
    return _differences((reading.day, _judge_story(part, reading)) for reading in readings)


def _judge(part: Part, facts: list[Fact]) -> Judged:
    for fact in sorted(facts, key=lambda f: f.order):
        place = place_of(part.plan, part.indicator, fact.data, fact.occurred_at)
        if place is not None:
            return Counter({place: part.measure.amount(fact.data)})
    return Counter()


def _judge_story(part: Part, reading: Reading) -> Judged:
    story, kind = reading.story, part.measure.fact
    if story is None or (kind == "dossier.late" and story.outcome != "late"):
        return Counter()
    day = story.received_day if kind == "dossier.received" else story.closed_day
    if day is None or not matches(part.measure.where, reading.data, part.plan.lists):
        return Counter()
    place = place_of(part.plan, part.indicator, reading.data, day)
    return Counter({place: 1}) if place is not None else Counter()


def place_of(
    plan: Plan, indicator: str, data: Mapping[str, Any], at: date | datetime
) -> tuple[str, str] | None:
    """The unit and period to which an event counts; None where the plan does not mean it."""
    period = plan.period_of(indicator, at)
    named = plan.indicators[indicator].unit_of(data)
    if period is None or named is None:
        return None
    unit = plan.attribute(indicator, named, at)
    if unit is None:
        return None
    if plan.indicators[indicator].target.together:
        unit = plan.total_unit(indicator) or unit
    return unit, period
