"""How a dossier's story is read from its events, whatever their order. Pure: no I/O, no clock.

A dossier is told by two kinds of facts: submissions (who, where, what, which channel, until when)
and status changes (the national codes 1 to 10). `read_story` folds them into one `Story`, which
answers for any day: was it received, closed, overdue, paused, and which due date held then.

Days are days in Viet Nam. "Known on day D" is business time: a status is known from the day of its
`at`, a submission's due date from the day of `submitted_at`. The other time axis, what had reached
us by a day, is chosen before folding with `known`.

A due date that upstream states is authoritative and moves only by a new one. Where no submission
states any, and as long as no status has stated one, ours holds: computed by `rules` from the
receipt, known from the receipt on, and extended by every pause from its end on.

Rules: TT 01/2020/TT-VPCP (report form 06) and the practice of one-stop shops.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Literal, TypeVar

from shared.clock import local_day
from shared.due_dates import DueRules
from shared.events import STATUS_CODES

Order = tuple[datetime, str, str]
"""Where an event stands among all events: its time, its source, its id."""

Outcome = Literal["early", "on_time", "late"]

NATIONAL_CODES: Mapping[str, int] = STATUS_CODES
"""The national status codes by the names that events use."""

PAUSES = frozenset({"supplement_requested", "payment_requested", "stopped"})
"""Statuses in which the office waits for somebody else: never overdue meanwhile."""

_CLOSES = frozenset({"withdrawn", "result_ready", "returned"})
_SHOWS_RECEIPT = frozenset(
    {
        "in_process",
        "supplement_requested",
        "payment_requested",
        "stopped",
        "result_ready",
        "returned",
    }
)
_SUBMISSION_CODE = 0
_NEXT_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Submission:
    """One `dossier.submitted` event, as far as the story needs it."""

    order: Order
    unit: str
    field: str
    procedure: str
    authority: str
    channel: str
    submitted_at: datetime
    rday: date
    uid: bytes
    credited_unit: str | None = None
    received_at: datetime | None = None
    due_at: datetime | None = None
    assisted_by: str | None = None
    contact: str | None = None
    citizen: str | None = None
    quality: Mapping[str, str] | None = field(default=None, compare=False)
    voided_rday: date | None = None
    """The day on which we learnt that the event is withdrawn; null if it stands."""
    backfill: bool = False
    """Whether it was loaded afterwards."""


@dataclass(frozen=True, slots=True)
class StatusChange:
    """One `dossier.status_changed` event, as far as the story needs it."""

    order: Order
    unit: str
    status: str
    at: datetime
    rday: date
    uid: bytes
    due_at: datetime | None = None
    department: str | None = None
    returned_at: datetime | None = None
    voided_rday: date | None = None
    """The day on which we learnt that the event is withdrawn; null if it stands."""
    backfill: bool = False
    """Whether it was loaded afterwards."""


Fact = TypeVar("Fact", Submission, StatusChange)


@dataclass(frozen=True, slots=True)
class Due:
    """A due date that somebody stated, or that we computed, and from when it was known."""

    known_at: datetime
    known_day: date
    at: datetime
    day: date
    computed: bool = False


@dataclass(frozen=True, slots=True)
class Spell:
    """A run of days on which a dossier was overdue under one due date; `until` is excluded."""

    since: date
    until: date | None
    """The first day on which it was overdue no longer; null while it still is."""
    due_day: date
    """The due date in force, passed without a result."""


@dataclass(frozen=True, slots=True)
class Story:
    """What a dossier's events add up to."""

    submission: Submission
    """The submission that counts: the greatest (time, source, id)."""
    statuses: tuple[StatusChange, ...]
    """By (at, national code, time, source, id)."""
    status_days: tuple[date, ...]
    """The local day of each status."""
    dues: tuple[Due, ...]
    """In the order in which they came into force."""
    received_at: datetime | None
    received_day: date | None
    closed_at: datetime | None
    """The instant of the closing status, which may lie before the receipt."""
    closed_day: date | None
    closed_by: str | None
    """The status that closed it: withdrawn, refused, result_ready or returned."""
    outcome: Outcome | None

    @property
    def unit(self) -> str:
        """The receiving unit."""
        return self.submission.unit

    @property
    def credited_unit(self) -> str | None:
        """The unit it counts for, where another office received it."""
        return self.submission.credited_unit

    @property
    def field(self) -> str:
        return self.submission.field

    @property
    def procedure(self) -> str:
        return self.submission.procedure

    @property
    def authority(self) -> str:
        return self.submission.authority

    @property
    def channel(self) -> str:
        return self.submission.channel

    @property
    def status(self) -> str | None:
        """The last status; null where none was told."""
        return self.statuses[-1].status if self.statuses else None

    @property
    def holder(self) -> str:
        """The unit that holds the dossier at present."""
        return self.statuses[-1].unit if self.statuses else self.submission.unit

    @property
    def department(self) -> str | None:
        """The department that it was last passed to."""
        for change in reversed(self.statuses):
            if change.department:
                return change.department
        return None

    @property
    def returned_at(self) -> datetime | None:
        """When the citizen got the result, as stated; never assumed."""
        for change in reversed(self.statuses):
            if change.returned_at is not None:
                return change.returned_at
        return None

    @property
    def due(self) -> Due | None:
        """The last due date, whenever it comes into force."""
        return self.dues[-1] if self.dues else None

    def status_on(self, day: date) -> str | None:
        """The status known at the end of a day."""
        found = None
        for change, known in zip(self.statuses, self.status_days, strict=True):
            if known > day:
                break
            found = change.status
        return found

    def due_on(self, day: date) -> date | None:
        """The due date in force at the end of a day."""
        found = None
        for due in self.dues:
            if due.known_day > day:
                break
            found = due.day
        return found

    def paused_on(self, day: date) -> bool:
        """Whether the office was waiting for somebody else at the end of a day."""
        return self.status_on(day) in PAUSES

    def received_on(self, day: date) -> bool:
        """Whether it had been received by the end of a day."""
        return self.received_day is not None and self.received_day <= day

    def closed_on(self, day: date) -> bool:
        """Whether it had been resolved by the end of a day."""
        return self.closed_day is not None and self.closed_day <= day

    def overdue_on(self, day: date) -> bool:
        """Whether it was received, open, not paused and past its due date at the end of a day."""
        if not self.received_on(day) or self.closed_on(day):
            return False
        due = self.due_on(day)
        return due is not None and due < day and not self.paused_on(day)

    def overdue_spells(self) -> list[Spell]:
        """Every run of days on which it was overdue, oldest first."""
        if self.received_day is None or not self.dues:
            return []
        turns = {self.received_day, *self.status_days}
        for due in self.dues:
            turns.add(due.known_day)
            if due.day < date.max:
                turns.add(due.day + _NEXT_DAY)
        if self.closed_day is not None:
            turns.add(self.closed_day)
        spells: list[Spell] = []
        since: date | None = None
        passed: date | None = None
        for day in sorted(turns):
            due_day = self.due_on(day) if self.overdue_on(day) else None
            if due_day == passed:
                continue
            if since is not None and passed is not None:
                spells.append(Spell(since, day, passed))
            since, passed = day, due_day
        if since is not None and passed is not None:
            spells.append(Spell(since, None, passed))
        return spells

    def overdue_changes(self) -> list[tuple[date, int]]:
        """(day, +1 or -1), oldest first: up to the end of any day they add up to `overdue_on`."""
        changes: dict[date, int] = {}
        for spell in self.overdue_spells():
            changes[spell.since] = changes.get(spell.since, 0) + 1
            if spell.until is not None:
                changes[spell.until] = changes.get(spell.until, 0) - 1
        return [(day, change) for day, change in sorted(changes.items()) if change]


def known(facts: Iterable[Fact], day: date | None = None) -> list[Fact]:
    """The facts that had reached us by the end of a day and stood then; by default those of now.

    A withdrawal hides its event from the day on which the withdrawal reached us.
    """
    if day is None:
        return [fact for fact in facts if fact.voided_rday is None]
    return [
        fact
        for fact in facts
        if fact.rday <= day and (fact.voided_rday is None or fact.voided_rday > day)
    ]


def status_order(change: StatusChange) -> tuple[datetime, int, Order]:
    """Where a status stands in its dossier's story."""
    return change.at, NATIONAL_CODES[change.status], change.order


def turning_days(facts: Iterable[Submission | StatusChange]) -> list[date]:
    """The days on which knowledge changed, by an arrival or a withdrawal, oldest first."""
    days = set()
    for fact in facts:
        if fact.voided_rday is None:
            days.add(fact.rday)
        elif fact.rday < fact.voided_rday:
            days.update((fact.rday, fact.voided_rday))
    return sorted(days)


def read_story(
    submissions: Iterable[Submission],
    statuses: Iterable[StatusChange],
    as_of: date | None = None,
    rules: DueRules | None = None,
) -> Story | None:
    """Folds the facts of one code; null where no submission stands.

    `as_of` reads only what had reached us by the end of that day. Repeated facts change nothing.
    Without `rules` no due date is computed.
    """
    standing = known(submissions, as_of)
    if not standing:
        return None
    winner = max(standing, key=lambda one: one.order)
    ordered = tuple(sorted(known(statuses, as_of), key=status_order))
    received_at = winner.received_at or _receipt(ordered)
    received_day = None if received_at is None else local_day(received_at)
    closing = None if received_at is None else _closing(ordered, received_at)
    dues = _dues(standing, ordered)
    if rules is not None and received_at is not None and not any(one.due_at for one in standing):
        ours = _computed(rules, winner, received_at, ordered, closing)
        dues = (*(due for due in ours if not dues or due.known_at < dues[0].known_at), *dues)
    closed_day: date | None = None
    outcome: Outcome | None = None
    if closing is not None and received_day is not None:
        closed_day = max(local_day(closing.at), received_day)
        outcome = _outcome(closing, closed_day, dues)
    return Story(
        submission=winner,
        statuses=ordered,
        status_days=tuple(local_day(change.at) for change in ordered),
        dues=dues,
        received_at=received_at,
        received_day=received_day,
        closed_at=None if closing is None else closing.at,
        closed_day=closed_day,
        closed_by=None if closing is None else closing.status,
        outcome=outcome,
    )


def _receipt(ordered: tuple[StatusChange, ...]) -> datetime | None:
    """The instant of receipt where no submission states one."""
    for change in ordered:
        if change.status == "received":
            return change.at
    for change in ordered:
        if change.status in _SHOWS_RECEIPT:
            return change.at
    return None


def _closing(ordered: tuple[StatusChange, ...], received_at: datetime) -> StatusChange | None:
    """The first status that resolves the dossier; later ones never reopen it."""
    for change in ordered:
        if change.status in _CLOSES:
            return change
        # A refusal before receipt is the reception desk's "no": nothing was ever received.
        if change.status == "refused" and change.at >= received_at:
            return change
    return None


def _dues(submissions: list[Submission], ordered: tuple[StatusChange, ...]) -> tuple[Due, ...]:
    stated = [
        (one.submitted_at, _SUBMISSION_CODE, one.order, one.due_at)
        for one in submissions
        if one.due_at is not None
    ]
    stated += [
        (one.at, NATIONAL_CODES[one.status], one.order, one.due_at)
        for one in ordered
        if one.due_at is not None
    ]
    stated.sort(key=lambda entry: entry[:3])
    return tuple(Due(at, local_day(at), due, local_day(due)) for at, _, _, due in stated)


def _computed(
    rules: DueRules,
    winner: Submission,
    received_at: datetime,
    ordered: tuple[StatusChange, ...],
    closing: StatusChange | None,
) -> list[Due]:
    """Our due dates: from the receipt, and a later one from the end of every pause."""
    unit = winner.unit
    due = rules.due(unit, winner.procedure, winner.authority, received_at)
    if due is None:
        return []
    found = [_ours(received_at, due)]
    since: datetime | None = None
    for change in ordered:
        if change.status in PAUSES:
            since = since or max(change.at, received_at)
        elif since is not None:
            later = rules.extended(unit, due, since, change.at)
            if later != due and change.at > since:
                due = later
                found.append(_ours(change.at, due))
            since = None
        if change is closing:
            break
    return found


def _ours(known_at: datetime, due: datetime) -> Due:
    return Due(known_at, local_day(known_at), due, local_day(due), computed=True)


def _outcome(closing: StatusChange, closed_day: date, dues: tuple[Due, ...]) -> Outcome:
    if closing.status in ("withdrawn", "refused"):
        return "on_time"
    due_day = None
    for due in dues:
        if due.known_day > closed_day:
            break
        due_day = due.day
    if due_day is None or closed_day == due_day:
        return "on_time"
    return "late" if closed_day > due_day else "early"
