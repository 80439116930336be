"""What a key adds to a count.

A *key* is what counts once: a device or citizen, a dossier's code, or one event by itself. What a
key adds depends only on the set of its facts, so neither order nor repeats of events matter. Each
fact is judged by the version of the plan that is in force on its day.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from services.quota.rules.facts import (
    STATUS_CHANGED,
    SUBMITTED,
    TOTAL_RECORDED,
    Fact,
    status_change,
    submission,
    turning_days,
)
from services.quota.rules.periods import given_span, stored_period
from services.quota.rules.versions import History, Version
from shared import dossiers
from shared.due_dates import NO_TIMELINE, Timeline
from shared.plans import Indicator, Measure, Plan, period_key
from shared.plans.filters import matches
from shared.units import day_of

OF, OVER = "of", "over"
"""Numerator and denominator."""
MISSING = "missing"
"""Events that lack the unit to which an indicator credits them, by the unit that they do name."""
SQUARES = "squares"
"""Squares of what is summed: they tell how far a sum may scatter."""
OPENING, OPENING_OVER = "opening", "opening_over"
"""Figures that were reported instead of events."""

DERIVED = ("dossier.received", "dossier.resolved", "dossier.on_time", "dossier.late")

Adds = Counter[tuple[str, str, date]]
"""(unit, period of storage, recorded day) -> how much."""


@dataclass(frozen=True, slots=True)
class Part:
    """One count of a plan: an indicator's numerator, its denominator, or what stands beside them."""

    history: History
    indicator: str
    part: str

    def key(self, key: str) -> tuple[str, str, str, str]:
        """How one of its keys is named in the store."""
        return self.history.name, self.indicator, self.part, key

    def measure(self, version: Version) -> Measure | None:
        """What it counts by a version; None where the version does not have it."""
        made = version.plan.indicators.get(self.indicator)
        return None if made is None else _measure(made, self.part)


def _measure(made: Indicator, part: str) -> Measure | None:
    if part == OVER:
        return made.denominator
    if part == MISSING:
        return (made.denominator or made.measure) if made.by == "credited_unit" else None
    if part == SQUARES and (made.sum is None or made.target.amount is None):
        return None
    return made.measure


def parts(histories: Iterable[History]) -> dict[str, list[Part]]:
    """All counts of some plans by the kind of fact that they read."""
    found: dict[str, list[Part]] = {}
    for history in histories:
        for name in history.indicators():
            for part in (OF, OVER, MISSING, SQUARES):
                measures = [_measure(made, part) for _, made in history.variants(name)]
                for kind in {each.fact for each in measures if each and each.fact}:
                    found.setdefault(kind, []).append(Part(history, name, part))
            for part in (OPENING, OPENING_OVER):
                found.setdefault("total.recorded", []).append(Part(history, name, part))
    return found


def key_of(part: Part, fact: Fact) -> str | None:
    """The key under which a fact may count; None where the measure does not mean it."""
    if fact.type == TOTAL_RECORDED:
        return _key_of_total(part, fact)
    version = part.history.at(fact.occurred_at)
    measure = part.measure(version) if version else None
    if version is None or measure is None:
        return None
    if not measure.counts(fact.type, fact.data, version.plan.lists):
        return None
    return measure.key(fact.data) or f"event:{fact.uid.hex()}"


def _key_of_total(part: Part, fact: Fact) -> str | None:
    data = fact.data
    if data["plan"] != part.history.newest.plan.plan or data["indicator"] != part.indicator:
        return None
    found = _reported(part, fact)
    if found is None:
        return None
    return f"{data['unit']}|{found[1]}"


def _reported(part: Part, fact: Fact) -> tuple[Indicator, str, date] | None:
    """The indicator, the period and the last day that a reported figure is about.

    What only figures tell is known for the indicator's whole period, so the newest figure inside
    it counts. An opening figure keeps its own period, which may be finer.
    """
    period = fact.data["period"]
    for version, made in part.history.variants(part.indicator):
        days = given_span(version.plan, made.period, period)
        if days is not None and part.history.at(days[1]) is version:
            figures = made.measure.figures or (made.denominator and made.denominator.figures)
            return made, period_key(made.period, days[1]) if figures else period, days[1]
    return None


Judged = Counter[tuple[str, str]]
"""(unit, period of storage) -> how much, by what is known on one day."""


def contributions(part: Part, facts: Sequence[Fact]) -> Adds:
    """What the facts of one key add, by the day on which it was recorded.

    For each recorded day the facts known then are judged anew; the difference to the day before
    is booked on it. So a sum up to any day says what was known on that day.
    """
    judge = _judge_totals if part.part in (OPENING, OPENING_OVER) else _judge
    return _differences(
        (day, judge(part, [f for f in facts if f.known(day)])) for day in turning_days(facts)
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


def read_stories(facts: Sequence[Fact], timeline: Timeline = NO_TIMELINE) -> list[Reading]:
    """A dossier's story on every recorded day on which it changed: read once for all counts.

    Each day is read by the rules about due dates that held on it. Where they may say something of
    the dossier, the days on which they changed are such days, too.
    """
    days = turning_days(facts)
    changed = timeline.days(
        f.data["procedure"] for f in facts if f.type == SUBMITTED and not f.data.get("due_at")
    )
    if days and changed:
        days = sorted({*days, *(day for day in changed if day > days[0])})
    readings = []
    for day in days:
        known = [f for f in facts if f.known(day)]
        given = [f for f in known if f.type == SUBMITTED]
        changes = [status_change(f) for f in known if f.type == STATUS_CHANGED]
        held = timeline.on(day)
        story = dossiers.read_story([submission(f) for f in given], changes, rules=held)
        newest = max(given, key=lambda f: f.order, default=None)
        readings.append(Reading(day, story, newest.data if newest else {}))
    return readings


def story_contributions(part: Part, readings: Sequence[Reading]) -> Adds:
    """What one dossier adds to a count of received, resolved or late dossiers."""
    return _differences((reading.day, _judge_story(part, reading)) for reading in readings)


def _judge(part: Part, facts: list[Fact]) -> Judged:
    for fact in sorted(facts, key=lambda f: f.order):
        version = part.history.at(fact.occurred_at)
        measure = part.measure(version) if version else None
        if version is None or measure is None:
            continue
        if version.plan.period_of(part.indicator, fact.occurred_at) is None:
            continue
        # The earliest takes the key, whoever made it: also a unit that the plan does not bind.
        place = _cell(part, version, fact.data, fact.occurred_at)
        if place is None:
            return Counter()
        amount = measure.amount(fact.data)
        return Counter({place: amount * amount if part.part == SQUARES else amount})
    return Counter()


def _judge_story(part: Part, reading: Reading) -> Judged:
    story = reading.story
    if story is None:
        return Counter()
    for kind, day in (
        ("dossier.received", story.received_day),
        ("dossier.resolved", story.closed_day),
        ("dossier.on_time", story.closed_day if story.outcome != "late" else None),
        ("dossier.late", story.closed_day if story.outcome == "late" else None),
    ):
        version = part.history.at(day) if day else None
        measure = part.measure(version) if version else None
        if day is None or version is None or measure is None or measure.fact != kind:
            continue
        if matches(measure.where, reading.data, version.plan.lists):
            place = _cell(part, version, reading.data, day)
            if place is not None:
                return Counter({place: 1})
    return Counter()


def _judge_totals(part: Part, facts: list[Fact]) -> Judged:
    for fact in sorted(facts, key=lambda f: f.order, reverse=True):
        found = _reported(part, fact)
        version = part.history.at(found[2]) if found else None
        if found is None or version is None:
            continue
        made, period, day = found
        unit = version.plan.attribute(part.indicator, fact.data["unit"], day)
        if unit is None:
            continue
        value, over = _figures(made, fact.data)
        amount = value if part.part == OPENING else over
        return Counter({(unit, period): amount}) if amount else Counter()
    return Counter()


def _figures(made: Indicator, data: Mapping[str, Any]) -> tuple[int, int]:
    """Numerator and denominator that a report gives; nothing where a needed half is missing."""
    value, over = data["value"], data.get("denominator")
    if made.ratio is None:
        return value, 0
    if over is not None:
        return value, over
    if made.ratio.over.figures and not made.ratio.of.figures:
        return 0, value  # only the denominator is reported: pupils, cadres
    return 0, 0


def _cell(
    part: Part, version: Version, data: Mapping[str, Any], at: date | datetime
) -> tuple[str, str] | None:
    plan, made = version.plan, version.plan.indicators[part.indicator]
    if plan.period_of(part.indicator, at) is None:
        return None
    period = stored_period(made.period, day_of(at))
    unit = place_of(plan, part.indicator, data, at)
    if part.part == MISSING:
        lost = unit is None and not data.get("credited_unit")
        return (str(data["unit"]), period) if lost else None
    return None if unit is None else (unit, period)


def place_of(
    plan: Plan, indicator: str, data: Mapping[str, Any], at: date | datetime
) -> str | None:
    """The unit to which an event counts; None where the plan does not mean it."""
    named = plan.indicators[indicator].unit_of(data)
    if named is None or plan.period_of(indicator, at) is None:
        return None
    return plan.attribute(indicator, named, at)
