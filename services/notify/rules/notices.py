"""Which notices follow from a dossier's story, to whom, through what, and whether they may go out.

A notice tells a citizen one fact. What identifies the fact is (code, kind, version): the instant
of a status, or the due date that slipped. However often and in whatever shape the fact is
reported, it is told once.
"""

import itertools
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Literal

from services.notify.rules.deadlines import Version
from services.notify.rules.stops import stop_of
from services.notify.rules.trials import DRY_RUN, Trial
from shared import phones
from shared.clock import local_day
from shared.dossiers import PAUSES, StatusChange, Submission

State = Literal[
    "waiting_contact",
    "ready",
    "retrying",
    "sending",
    "sent",
    "delivered",
    "failed",
    "unknown",
    "outbox",
    "withheld",
    "unreachable",
    "cancelled",
    "withdrawn",
    "digested",
    "dry_run",
]
STATES: tuple[State, ...] = State.__args__

UNCLAIMED: frozenset[State] = frozenset(
    {"waiting_contact", "ready", "retrying", "outbox", "withheld", "unreachable", "dry_run"}
)
"""States in which nothing has been handed to a provider: they can still be cancelled."""

UNSENT: frozenset[State] = frozenset({"waiting_contact", "ready", "retrying", "sending"})
"""States of notices that are still to be sent."""

REACHING: frozenset[State] = UNSENT | {"sent", "delivered", "unknown"}
"""States of notices that reached their recipient, may have, or still will."""

RETRIABLE: frozenset[State] = frozenset({"failed", "unknown"})
"""States from which a person may order another attempt."""

ONCE_IN_A_LIFE: Mapping[str, str] = {
    "registered": "registered",
    "received": "received",
    "result_ready": "result_ready",
    "result_posted": "result_ready",
    "returned": "returned",
}
"""Facts that happen once to a dossier, whichever instants are reported for them -> the happening:
a result lies ready once, to be fetched or to go by post."""

DEMO_SOURCES = "/demo/"


@dataclass(frozen=True, slots=True)
class Origin:
    """The event that a notice rests on; of a ``backfill`` nobody is told."""

    uid: bytes
    source: str
    time: datetime
    backfill: bool = False


@dataclass(frozen=True, slots=True)
class Fact:
    """Something about a subject that somebody is to be told."""

    subject: str
    kind: str
    version: str
    at: datetime
    unit: str
    origin: Origin
    facts: tuple[tuple[str, str | None], ...] = ()


@dataclass(frozen=True, slots=True)
class Contact:
    """How an applicant can be reached; ``notify`` null means: as is usual. Through a ``barred``
    channel somebody else was reached, who said so."""

    name: str | None = None
    phone: str | None = None
    email: str | None = None
    notify: tuple[str, ...] | None = None
    erased: bool = False
    language: str | None = None
    barred: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Draft:
    """A notice as it begins its life."""

    channel: str | None
    address: str | None
    state: State
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """A fact of a dossier for which notices exist; ``standing`` unless its event was voided."""

    kind: str
    version: str
    standing: bool = True


@dataclass(frozen=True, slots=True)
class Policy:
    """What holds for every notice: the channels that have a provider, the age beyond which
    nothing is sent, and when who is told of a due date.

    ``approach`` is how long before a dossier's due date its officers are told (zero: not at all),
    ``due_today`` is when a citizen is told on a due day that it has come (null: not at all),
    ``appointment`` how long before its hour that there is no result yet (zero: not at all),
    ``agency_words`` by which a stop is known to wait for another agency; ``day_of`` when on the
    due day the officers are told, ``overdue`` after how many days which level of the office is told
    that it is open still, ``reschedules`` how often a citizen may be given a new date.
    """

    channels: frozenset[str] = frozenset()
    stale_after: timedelta = field(default=timedelta(hours=48))
    approach: timedelta = field(default=timedelta(hours=24))
    due_today: time | None = time(7, 30)
    appointment: timedelta = field(default=timedelta(hours=3))
    agency_words: tuple[str, ...] = ()
    day_of: time | None = None
    overdue: tuple[tuple[int, str], ...] = ()
    reschedules: int = 1
    trial: Trial = field(default_factory=Trial)


def day_text(instant_day: date) -> str:
    """A day as a person reads it."""
    return instant_day.strftime("%d/%m/%Y")


def facts_of(
    code: str,
    submission: Submission | None,
    statuses: Sequence[StatusChange],
    versions: Sequence[Version] = (),
    reasons: dict[bytes, str] | None = None,
    return_by: str | None = None,
    agency_words: Sequence[str] = (),
) -> list[Fact]:
    """What the citizen is told about a dossier, oldest first.

    ``statuses`` are in the story's order; ``versions`` are the due dates it had. Lateness is
    told by its own deadline, not here.
    """
    reasons = reasons or {}
    facts: list[Fact] = []
    seen: set[str] = set()
    holder: str | None = None
    last_department: str | None = None
    paused = False
    common = (
        ("procedure", submission.procedure if submission else None),
        ("return_by", return_by),
        ("filed", submission.channel if submission else None),
    )

    def due_at(instant: datetime) -> str | None:
        in_force = [each for each in versions if each.known_at <= instant]
        stated = in_force[-1:] or versions[:1]
        return day_text(stated[0].due_day) if stated else None

    def tell(kind: str, at: datetime, unit: str, origin: Origin, *more: tuple) -> None:
        values = (*common, ("on", day_text(local_day(at))), ("due", due_at(at)), *more)
        facts.append(Fact(code, kind, at.isoformat(), at, unit, origin, values))

    if submission is not None and submission.received_at is not None:
        tell("received", submission.received_at, submission.unit, _origin(submission))
        seen.add("received")
    elif (
        submission is not None and submission.channel == "online" and not statuses_beyond(statuses)
    ):
        tell("registered", submission.submitted_at, submission.unit, _origin(submission))
    for change in statuses:
        kind = change.status
        if kind == "in_process":
            # The progress log of an office repeats the status at every step; only a change of
            # hands is news to the citizen, and that the clock goes on.
            if holder is not None and holder == (change.department or holder):
                continue
            holder = change.department or ""
            kind = "resumed" if paused else kind
        elif kind in PAUSES:
            holder = None
        if kind == "stopped":
            kind = stop_of(change, last_department, reasons.get(change.uid), agency_words)
        elif kind == "result_ready" and return_by == "post":
            kind = "result_posted"
        paused = change.status in PAUSES
        if not paused:
            last_department = change.department or last_department
        if kind == "registered":
            continue
        if kind in ONCE_IN_A_LIFE:
            if ONCE_IN_A_LIFE[kind] in seen:
                continue
            seen.add(ONCE_IN_A_LIFE[kind])
        unit = submission.unit if submission is not None else change.unit
        tell(
            kind,
            change.at,
            unit,
            _origin(change),
            ("department", change.department),
            ("reason", reasons.get(change.uid)),
        )
    return sorted(facts, key=lambda fact: (fact.at, fact.kind))


def statuses_beyond(statuses: Iterable[StatusChange]) -> bool:
    """Whether anything is known of a dossier beyond that it was sent in."""
    return any(change.status != "registered" for change in statuses)


def moved_facts(
    code: str,
    versions: Sequence[Version],
    told: Collection[datetime],
    closed_at: datetime | None,
    unit: str,
    origin_of: Callable[[Version], Origin],
    values: Iterable[tuple] = (),
) -> list[Fact]:
    """The due dates that replaced others in time, while there was something to wait for.

    Not where the citizen is told of the new date anyway: ``told`` are the instants of such facts.
    What had slipped before is told as an apology (`rescheduled_fact`).
    """
    found = []
    for old, new in itertools.pairwise(versions):
        closed = closed_at is not None and new.known_at >= closed_at
        if old.slips_at is not None or closed or new.known_at in told:
            continue
        kind = "due_earlier" if new.due_day < old.due_day else "due_later"
        days = (("old_due", day_text(old.due_day)), ("new_due", day_text(new.due_day)))
        on = ("on", day_text(local_day(new.known_at)))
        found.append(
            Fact(
                code, kind, move_of(old, new), new.known_at, unit, origin_of(new),
                (*values, on, *days),
            )
        )  # fmt: skip
    return found


def move_of(old: Version, new: Version) -> str:
    """What the step from one due date to the next is known by."""
    return f"due:{old.due_day.isoformat()}:{new.due_day.isoformat()}"


def step_of(version: str) -> str:
    """The step between due dates that a word about one tells of, without how often it was taken."""
    return version.partition("#")[0]


def numbered(facts: Iterable[Fact]) -> list[Fact]:
    """Words about steps between due dates, in their order; a step that is taken again after its
    date was moved away is a fact of its own."""
    times: Counter[tuple[str, str]] = Counter()
    found = []
    for fact in facts:
        times[fact.kind, fact.version] += 1
        count = times[fact.kind, fact.version]
        found.append(fact if count == 1 else replace(fact, version=f"{fact.version}#{count}"))
    return found


def once_more(fact: Fact, told: Collection[Told]) -> Fact:
    """A word about a step that has been taken now, whether or not it was told of before."""
    known = {each.version for each in told if each.kind == fact.kind}
    versions = (f"{fact.version}#r{count}" for count in itertools.count(2))
    if fact.version in known:
        return replace(fact, version=next(each for each in versions if each not in known))
    return fact


def named_moves(versions: Sequence[Version], told: Iterable[str]) -> set[str]:
    """The steps away from due dates of ours to a date that a word about a step has named before;
    ``told`` holds what such words are known by. Where other rules have moved what we computed, the
    date that followed it is no second news."""
    steps = [step_of(version) for version in told]
    days = {step.rpartition(":")[2] for step in steps if step.count(":") == 2}
    return {
        move_of(old, new)
        for old, new in itertools.pairwise(versions)
        if old.computed and new.due_day.isoformat() in days
    }


def rescheduled_fact(
    code: str, old: Version, new: Version, unit: str, origin: Origin, values: Iterable[tuple] = ()
) -> Fact:
    """The apology that can name a new date: given after the old one had passed."""
    return Fact(
        code,
        "rescheduled",
        move_of(old, new),
        new.known_at,
        unit,
        origin,
        (*values, ("old_due", day_text(old.due_day)), ("new_due", day_text(new.due_day))),
    )


def as_beyond(fact: Fact, times: int) -> Fact:
    """A new date as the officers are told of it, where citizens are told of no more than some."""
    values = (*fact.facts, ("times", str(times)))
    return replace(fact, kind="dossier_rescheduled", facts=values)


def news(facts: Iterable[Fact], told: Collection[Told]) -> list[Fact]:
    """The facts of one dossier that nobody has been told of yet."""
    known = {(each.kind, each.version) for each in told}
    lived = {
        ONCE_IN_A_LIFE[each.kind] for each in told if each.standing and each.kind in ONCE_IN_A_LIFE
    }
    fresh = []
    for fact in facts:
        life = ONCE_IN_A_LIFE.get(fact.kind)
        if (fact.kind, fact.version) in known or life in lived:
            continue
        known.add((fact.kind, fact.version))
        if life:
            lived.add(life)
        fresh.append(fact)
    return fresh


def stale_at(at: datetime, time: datetime, policy: Policy) -> datetime:
    """From when on a notice is too old to be sent: counted from what is older, the business
    instant or the time of its event."""
    return min(at, time) + policy.stale_after


def barred(fact: Fact, now: datetime, policy: Policy) -> str | None:
    """Why a fact may be recorded but never sent: ``backfill``, ``demo``, ``stale``, or null."""
    if fact.origin.backfill:
        return "backfill"
    if fact.origin.source.startswith(DEMO_SOURCES):
        return "demo"
    return "stale" if stale_at(fact.at, fact.origin.time, policy) <= now else None


def channels_of(contact: Contact) -> list[tuple[str, str]] | None:
    """(channel, address) that an applicant is to be told through; null if they want nothing.

    A choice is kept to: whoever chose SMS and has no mobile number gets no email instead.
    """
    mobile = contact.phone if contact.phone and phones.is_mobile(contact.phone) else None
    addresses = {"sms": mobile, "email": contact.email or None}
    addresses |= dict.fromkeys(contact.barred)
    if contact.notify is not None:
        if not contact.notify:
            return None
        chosen = dict.fromkeys(each for each in contact.notify if each in addresses)
        return [(each, address) for each in chosen if (address := addresses[each])]
    for channel, address in addresses.items():
        if address:
            return [(channel, address)]
    return []


def draft(
    fact: Fact, contact: Contact | None, expected: bool, now: datetime, policy: Policy
) -> list[Draft]:
    """How the notices of a citizen's fact begin, one for each channel.

    ``contact`` is null while it is unknown; ``expected`` says whether it may still come.
    """
    reason = barred(fact, now, policy)
    if contact is None:
        if reason is not None:
            return [Draft(None, None, "withheld", reason)]
        if expected:
            # What a dry run has recorded stays recorded, whenever its contact comes.
            return [Draft(None, None, "waiting_contact", DRY_RUN if policy.trial.dry_run else None)]
        return [Draft(None, None, "unreachable", "no_contact")]
    if contact.erased:
        return [Draft(None, None, "withheld", reason or "erased")]
    ways = channels_of(contact)
    if ways is None:
        return [Draft(None, None, "withheld", "declined")]
    if not ways:
        why = reason or ("wrong_number" if contact.barred else "no_address")
        return [Draft(None, None, "withheld" if reason else "unreachable", why)]
    return [through(channel, address, reason, policy) for channel, address in ways]


@dataclass(frozen=True, slots=True)
class Officer:
    """Somebody responsible for a unit, valid on the days [valid_from, valid_to).

    ``level`` is one of officer, head, district, province; ``replaces`` names, by name, number or
    address, whom of the unit they stand in for.
    """

    id: str
    unit: str
    name: str | None = None
    role: str | None = None
    phone: str | None = None
    email: str | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    level: str | None = None
    replaces: str | None = None

    def valid(self, day: date) -> bool:
        """Whether the officer is in charge on a day."""
        return (self.valid_from is None or self.valid_from <= day) and (
            self.valid_to is None or day < self.valid_to
        )


def draft_for_officers(
    fact: Fact,
    officers: Sequence[Officer],
    now: datetime,
    policy: Policy,
    channel: str | None = None,
) -> list[tuple[Officer | None, Draft]]:
    """How the notices to those in charge begin; to the office itself where none is known.

    ``channel`` is the one that a plan asks for; who has no address there is told the usual way.
    """
    reason = barred(fact, now, policy)
    day = local_day(now)
    on_duty = sorted((each for each in officers if each.valid(day)), key=lambda each: each.id)
    if not on_duty:
        state: State = "withheld" if reason else "outbox"
        return [(None, Draft(None, None, state, reason or "no_recipient"))]
    drafts: list[tuple[Officer | None, Draft]] = []
    for officer in on_duty:
        usual = Contact(officer.name, officer.phone, officer.email)
        asked = replace(usual, notify=(channel,)) if channel else usual
        ways = channels_of(asked) or channels_of(usual)
        if ways:
            drafts.append((officer, through(*ways[0], reason, policy)))
        else:
            state = "withheld" if reason else "unreachable"
            drafts.append((officer, Draft(None, None, state, reason or "no_address")))
    return drafts


def through(channel: str, address: str, reason: str | None, policy: Policy) -> Draft:
    """How a notice to an address begins; ``reason`` is why it may not be sent at all."""
    if reason is not None:
        return Draft(channel, address, "withheld", reason)
    if (why := policy.trial.bars(address)) is not None:
        return Draft(channel, address, "dry_run", why)
    if channel not in policy.channels:
        return Draft(channel, address, "outbox", "no_provider")
    return Draft(channel, address, "ready")


def as_recorded(draft: Draft, reason: str | None) -> Draft:
    """How a notice that waited for its contact begins: what was recorded in a dry run never
    leaves."""
    if reason != DRY_RUN or draft.state not in ("ready", "outbox"):
        return draft
    return replace(draft, state="dry_run", reason=DRY_RUN)


def _origin(event: Submission | StatusChange) -> Origin:
    time, source, _ = event.order
    return Origin(event.uid, source, time, event.backfill)
