"""What is owed by when, and how it stands: the dated instances of a plan's obligations.

Pure: the calendar of working days and the present instant are given. Being in time always means an
instant before `Duty.due`, whatever the document's wording: "before the 5th" gives the first instant
of the 5th, "by the 5th" the first of the 6th.
"""

import calendar
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any, Literal

from shared.clock import VN, local_day, start_of
from shared.plans.filters import matches
from shared.plans.models import Plan, attribute
from shared.plans.obligations import Due, Obligation
from shared.plans.vocabulary import LEVELS, fact_name
from shared.working_days import WorkingDays

State = Literal["on_time", "late", "incomplete", "missing", "excused", "not_due"]

ONCE = "once"
"""The period of what is owed a single time."""

_DAY = timedelta(days=1)
_MORNING = time(8, 0)
_LAST = datetime.max.replace(tzinfo=VN)


@dataclass(frozen=True, slots=True)
class Duty:
    """One dated instance of an obligation of one unit.

    `due` is the first instant that is too late; None while the document leaves the day undecided.
    `day` is the day that the document names, and `inclusive` whether it is itself still in time.
    `opens` is when it can first be expected, `times` how often it has to happen. `makeup` is a later
    day given for what was missed; what is handed in then stays late. `waiver` is the document that
    excuses it.
    """

    plan: str
    obligation: str
    unit: str
    period: str
    opens: datetime
    due: datetime | None
    day: date | None
    inclusive: bool
    undecided: bool
    owed_to: tuple[str, ...]
    expected_rows: int | None = None
    times: int = 1
    makeup: datetime | None = None
    waiver: str | None = None

    @property
    def subject(self) -> str:
        """How announcements name it, beside the unit."""
        return f"{self.plan}/{self.obligation}/{self.period}"

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What tells it from every other duty."""
        return self.plan, self.obligation, self.unit, self.period


@dataclass(frozen=True, slots=True)
class Delivery:
    """Something handed in towards a duty; `complete` if it meets what the plan requires."""

    obligation: str
    unit: str
    period: str
    at: datetime
    rows: int | None = None
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Judgement:
    """How a duty stands."""

    state: State
    fulfilled_at: datetime | None
    rows: int | None
    expected_rows: int | None


@dataclass(frozen=True, slots=True)
class Alert:
    """When somebody is to be told about a duty: before it is due, or once it is late.

    `to` are units, or `unit|level` where a plan names a level of the unit that owes it.
    """

    kind: Literal["remind", "escalate"]
    at: datetime
    to: tuple[str, ...]


def duties(plan: Plan, until: date, working: WorkingDays | None = None) -> list[Duty]:
    """Every duty that opens up to and including a day, by (due, obligation, period, unit).

    Undecided ones come last. A unit that no longer exists when a duty opens owes nothing, and
    neither does another one that was given its code since the plan began.
    """
    grants = Grants(plan)
    return sorted((grants.apply(duty) for duty in bare_duties(plan, until, working)), key=by_due)


def by_due(duty: Duty) -> tuple[datetime, str, str, str]:
    """Orders duties: by (due, obligation, period, unit), undecided ones last."""
    return duty.due or _LAST, duty.obligation, duty.period, duty.unit


def bare_duties(plan: Plan, until: date, working: WorkingDays | None = None) -> list[Duty]:
    """The same without make-up days, extensions and waivers, in no particular order."""
    days = working or WorkingDays()
    found: list[Duty] = []
    registry, begun = plan.registry or None, plan.runs.from_
    for name, obligation in plan.obligations.items():
        units = plan.members(obligation.owed_by)
        required = obligation.fulfilled_by.require.get("rows")
        least = required.get("at_least") if isinstance(required, Mapping) else None
        owed_to = plan.members(obligation.owed_to)
        for slot in _slots(plan, obligation.due, until, days):
            for unit in units:
                if registry is not None and not registry.same(unit, begun, slot.opens):
                    continue
                duty = Duty(
                    plan=plan.plan,
                    obligation=name,
                    unit=unit,
                    period=slot.period,
                    opens=slot.opens,
                    due=slot.due,
                    day=slot.day,
                    inclusive=obligation.due.inclusive,
                    undecided=slot.due is None,
                    owed_to=owed_to,
                    expected_rows=least if isinstance(least, int) else None,
                    times=obligation.fulfilled_by.times,
                )
                found.append(duty)
    return found


class Grants:
    """The make-up days, extensions and waivers of a plan."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._by_key: dict[tuple[str, str, str], dict[str, Any]] = {}
        for name, obligation in plan.obligations.items():
            self._read(name, obligation)

    def apply(self, duty: Duty) -> Duty:
        """A duty as they leave it."""
        fields = self._by_key.get((duty.obligation, duty.unit, duty.period))
        return replace(duty, **fields) if fields else duty

    def _read(self, name: str, obligation: Obligation) -> None:
        for extension in obligation.extensions:
            day = extension.by or extension.before
            if day is not None:
                inclusive = extension.by is not None
                due = _limit(day, obligation.due.time, inclusive)
                self._add(name, extension, due=due, day=day, inclusive=inclusive, undecided=False)
        for makeup in obligation.makeup:
            self._add(name, makeup, makeup=start_of(makeup.before))
        for waiver in obligation.waivers:
            self._add(name, waiver, waiver=waiver.document)

    def _add(self, name: str, change: Any, **fields: Any) -> None:
        for unit in self.plan.members(change.units):
            for period in change.periods:
                self._by_key.setdefault((name, unit, period), {}).update(fields)


@dataclass(frozen=True, slots=True)
class _Slot:
    period: str
    opens: datetime
    day: date | None
    due: datetime | None


def _limit(day: date, clock: str | None, inclusive: bool) -> datetime:
    """The first instant that is too late."""
    if clock is None:
        return start_of(day + _DAY if inclusive else day)
    named = datetime.combine(day, time.fromisoformat(clock), tzinfo=VN)
    return named + timedelta(minutes=1) if inclusive else named


def _slots(plan: Plan, due: Due, until: date, working: WorkingDays) -> Iterator[_Slot]:
    start = start_of(plan.runs.from_)
    if due.every is None:
        slots: Iterable[_Slot] = [
            _Slot(ONCE, start, due.named, due.named and _limit(due.named, due.time, due.inclusive))
        ]
    elif due.every == "day":
        slots = _daily(plan, due, until, working)
    else:
        slots = _recurring(plan, due, until, working)
    for slot in slots:
        if local_day(slot.opens) > until:
            return
        yield slot


def _daily(plan: Plan, due: Due, until: date, working: WorkingDays) -> Iterator[_Slot]:
    first, last = plan.runs.from_, min(plan.runs.to, until)
    if due.periods and due.periods.from_:
        first = max(first, date.fromisoformat(due.periods.from_))
    if due.periods and due.periods.to:
        last = min(last, date.fromisoformat(due.periods.to))
    for number in range((last - first).days + 1):
        day = first + number * _DAY
        if due.days == "calendar" or working.is_working(day):
            inclusive = due.inclusive or due.time is None
            limit = None if due.undecided else _limit(day, due.time, inclusive)
            yield _Slot(day.isoformat(), start_of(day), day, limit)


def _recurring(plan: Plan, due: Due, until: date, working: WorkingDays) -> Iterator[_Slot]:
    yearly = due.every == "year"
    previous = (due.for_ or "this").startswith("previous")
    owed = due.periods
    start = start_of(plan.runs.from_)
    first = _first_day(owed.from_ if owed and owed.from_ else plan.runs.from_.isoformat(), yearly)
    last = _first_day(owed.to if owed and owed.to else plan.runs.to.isoformat(), yearly)
    while first <= last and first <= until:
        following = _next(first, yearly)
        window = following if previous else first
        day = None if due.undecided else _named_day(window, due, working)
        limit = day and _limit(day, due.time, due.inclusive)
        period = f"{first.year}" if yearly else f"{first.year}-{first.month:02}"
        explicit = owed is not None and owed.from_ is not None
        if limit is None or explicit or limit > start:
            opens = start_of(window)
            yield _Slot(period, opens if explicit else max(opens, start), day, limit)
        first = following


def _first_day(text: str, yearly: bool) -> date:
    year = int(text[:4])
    return date(year, 1 if yearly or len(text) < 7 else int(text[5:7]), 1)


def _next(first: date, yearly: bool) -> date:
    if yearly or first.month == 12:
        return date(first.year + 1, 1, 1)
    return date(first.year, first.month + 1, 1)


def _named_day(window: date, due: Due, working: WorkingDays) -> date:
    """The due day in the month or year that begins with `window`; a short month ends earlier."""
    if due.every == "year":
        month, number = map(int, str(due.day).split("-"))
        return date(window.year, month, min(number, calendar.monthrange(window.year, month)[1]))
    number = int(due.day or 1)
    length = calendar.monthrange(window.year, window.month)[1]
    if due.days == "working":
        days = [window + each * _DAY for each in range(length)]
        worked = [day for day in days if working.is_working(day)]
        return worked[min(number, len(worked)) - 1]
    return window.replace(day=min(number, length))


def deliveries(
    plan: Plan, event_type: str, data: Mapping[str, Any], at: datetime
) -> list[Delivery]:
    """What an event hands in under a plan: usually nothing or one thing.

    An event that names no period counts for the one whose turn it is when it happens.
    """
    fact = fact_name(event_type)
    found: list[Delivery] = []
    for name, obligation in plan.obligations.items():
        fulfilment = obligation.fulfilled_by
        if fact_name(fulfilment.event) != fact or not matches(fulfilment.where, data, plan.lists):
            continue
        if fact == "report.filed" and (
            data.get("plan") != plan.plan
            or ("obligation" not in fulfilment.where and data.get("obligation") != name)
        ):
            continue
        unit = _owing(plan, obligation, str(data.get("unit")), at)
        if unit is None:
            continue
        rows = data.get("rows")
        found.append(
            Delivery(
                obligation=name,
                unit=unit,
                period=_period(obligation.due, data.get("period"), at),
                at=at,
                rows=rows if isinstance(rows, int) else None,
                complete=matches(fulfilment.require, data, plan.lists),
            )
        )
    return found


def _owing(plan: Plan, obligation: Obligation, unit: str, at: datetime) -> str | None:
    units = plan.members(obligation.owed_by)
    if plan.registry is None:
        return unit if unit in units else None
    return attribute(unit, units, plan.registry, at, plan.runs.from_)


def _period(due: Due, given: Any, at: datetime) -> str:
    if due.every is None:
        return ONCE
    if isinstance(given, str) and given:
        return given
    day = local_day(at)
    if due.every == "day":
        return day.isoformat()
    back = (due.for_ or "this").startswith("previous")
    if due.every == "year":
        return f"{day.year - back}"
    first = day.replace(day=1)
    if back:
        first = (first - _DAY).replace(day=1)
    return f"{first.year}-{first.month:02}"


def judge(duty: Duty, handed_in: Iterable[Delivery], now: datetime) -> Judgement:
    """How a duty stands at an instant, given everything handed in for it, in any order.

    The first complete delivery counts, or the last of as many as are asked for. Less than that
    leaves the duty `incomplete` once it is due; an undecided duty stays `not_due`, whatever was
    handed in: it is neither late nor in time.
    """
    mine = sorted(
        (
            each
            for each in handed_in
            if (each.obligation, each.unit, each.period)
            == (duty.obligation, duty.unit, duty.period)
        ),
        key=lambda each: (each.at, each.rows or 0),
    )
    counting = [each for each in mine if each.complete][: duty.times]
    complete = counting[-1] if len(counting) == duty.times else None
    best = complete or (mine[-1] if mine else None)
    state: State
    if duty.waiver is not None:
        state = "excused"
    elif duty.due is None:
        state = "not_due"
    elif complete is not None:
        state = "on_time" if complete.at < duty.due else "late"
    elif now < duty.due:
        state = "not_due"
    else:
        state = "incomplete" if mine else "missing"
    return Judgement(
        state=state,
        fulfilled_at=complete.at if complete else None,
        rows=best.rows if best else None,
        expected_rows=duty.expected_rows,
    )


def alerts(plan: Plan, duty: Duty, working: WorkingDays | None = None) -> list[Alert]:
    """When whom to remind of a duty, and to tell once it is late; nothing while it is undecided.

    Days count from the last day that is in time, and tell at 8:00; hours count from `due`.
    """
    if duty.due is None or duty.waiver is not None:
        return []
    obligation = plan.obligations[duty.obligation]
    days = working or WorkingDays()
    found: list[Alert] = []
    for remind in obligation.remind:
        at = _moved(duty.due, remind.before_due, -1, days)
        found.append(Alert("remind", at, _people(plan, duty, remind.to)))
    for escalate in obligation.escalate:
        at = _moved(duty.due, escalate.after_due, 1, days)
        found.append(Alert("escalate", at, _people(plan, duty, escalate.to)))
    return sorted(found, key=lambda alert: alert.at)


def _moved(due: datetime, span: str, direction: int, working: WorkingDays) -> datetime:
    number, _, unit = span.partition(" ")
    count = int(number) * direction
    if unit.startswith("hour"):
        return due + timedelta(hours=count)
    last = local_day(due - timedelta(microseconds=1))
    day = working.shift(last, count) if unit.startswith("working") else last + count * _DAY
    return datetime.combine(day, _MORNING, tzinfo=VN)


def _people(plan: Plan, duty: Duty, names: Sequence[str]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for name in names:
        if name in ("unit", "owed_by"):
            found[duty.unit] = None
        elif name == "owed_to":
            found.update(dict.fromkeys(duty.owed_to))
        elif name in LEVELS:
            found[f"{duty.unit}|{name}"] = None
        elif name == "parent":
            above = plan.registry.ancestors(duty.unit, duty.opens)[1:2] if plan.registry else ()
            found.update(dict.fromkeys(above))
        elif name in plan.groups or (plan.registry and plan.registry.known(name)):
            found.update(dict.fromkeys(plan.members([name])))
    return tuple(found)
