"""Pure decisions of quota: what a key adds to a count, who is paid, how far a unit is.

A *key* is what counts once: a device or citizen, a dossier's code, or one event by itself. What a
key adds depends only on the set of its facts, so neither order nor repeats of events matter.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from fractions import Fraction
from typing import Any

from shared import dossiers
from shared.plans import Measure, Plan
from shared.plans.filters import matches

OF, OVER = "of", "over"
DERIVED = ("dossier.received", "dossier.resolved", "dossier.late")
SUBMITTED = "motcua.dossier.submitted.v1"
STATUS_CHANGED = "motcua.dossier.status_changed.v1"


@dataclass(frozen=True, slots=True)
class Fact:
    """An event as quota keeps it."""

    uid: bytes
    type: str
    occurred_at: datetime
    source: str
    event_id: str
    rday: date
    data: Mapping[str, Any] = field(hash=False)
    voided_rday: date | None = None

    @property
    def order(self) -> tuple[datetime, str, str]:
        return (self.occurred_at, self.source, self.event_id)

    def known(self, day: date | None) -> bool:
        """Whether it stands by what was recorded up to the end of a day; None = all."""
        if self.voided_rday is not None and (day is None or self.voided_rday <= day):
            return False
        return day is None or self.rday <= day


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


def turning_days(facts: Iterable[Fact]) -> list[date]:
    """The recorded days on which something became known or was withdrawn."""
    days = set()
    for fact in facts:
        days.add(fact.rday)
        if fact.voided_rday is not None:
            days.add(fact.voided_rday)
    return sorted(days)


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


def winner(plan: Plan, indicator: str, facts: Iterable[Fact]) -> tuple[str, Fact] | None:
    """The unit and fact that count for a key: the earliest by (time, source, id) that is bound."""
    for fact in sorted((f for f in facts if f.known(None)), key=lambda f: f.order):
        place = _place(plan, indicator, fact.data, fact.occurred_at)
        if place is not None:
            return place[0], fact
    return None


def _judge(part: Part, facts: list[Fact]) -> Judged:
    for fact in sorted(facts, key=lambda f: f.order):
        place = _place(part.plan, part.indicator, fact.data, fact.occurred_at)
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
    place = _place(part.plan, part.indicator, reading.data, day)
    return Counter({place: 1}) if place is not None else Counter()


def _place(
    plan: Plan, indicator: str, data: Mapping[str, Any], at: date | datetime
) -> tuple[str, str] | None:
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


def submission(fact: Fact) -> dossiers.Submission:
    """A stored submission as the common reading of dossiers takes it."""
    data = fact.data
    return dossiers.Submission(
        order=fact.order,
        unit=data["unit"],
        credited_unit=data.get("credited_unit"),
        field=data["field"],
        procedure=data["procedure"],
        authority=data["authority"],
        channel=data["channel"],
        submitted_at=datetime.fromisoformat(data["submitted_at"]),
        received_at=_instant(data.get("received_at")),
        due_at=_instant(data.get("due_at")),
        rday=fact.rday,
        uid=fact.uid,
    )


def status_change(fact: Fact) -> dossiers.StatusChange:
    """A stored status change as the common reading of dossiers takes it."""
    data = fact.data
    return dossiers.StatusChange(
        order=fact.order,
        unit=data["unit"],
        status=data["status"],
        at=datetime.fromisoformat(data["at"]),
        due_at=_instant(data.get("due_at")),
        rday=fact.rday,
        uid=fact.uid,
    )


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def pay(winners: Sequence[Any], quota: Fraction | None, hold: bool) -> list[bool]:
    """Which of a unit's winners, given in their order, are payable: those within the quota."""
    if quota is None or not hold:
        return [True] * len(winners)
    return [position < quota for position in range(len(winners))]


def state(
    met: bool | None, *, ratio: bool, ended: bool, pace: Fraction, share: Fraction | None
) -> str:
    """How a unit stands: met, on_track, behind, missed, not_applicable.

    Args:
        met: whether the target is reached now; None where nothing can be said.
        ratio: a ratio can fall again, so it is met only once its period has ended.
        ended: whether the period is over.
        pace: the part of the period that has passed, 0 to 1.
        share: of a count, the part of the target that is reached.
    """
    if met is None:
        return "not_applicable"
    if met:
        return "met" if ended or not ratio else "on_track"
    if ended:
        return "missed"
    if ratio or share is None:
        return "behind"
    return "on_track" if share >= pace else "behind"


def project(numerator: int, pace: Fraction, ended: bool) -> int | None:
    """What a count comes to at the period's end if it goes on as until now."""
    if ended:
        return numerator
    if pace <= 0:
        return None
    return round(numerator / pace)
