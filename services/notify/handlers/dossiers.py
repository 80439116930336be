"""What dossiers' events and contacts lead to: notices to citizens, and due dates to watch."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.handlers.desk import Desk, announcement, language_of, name_of
from services.notify.handlers.erasing import erase
from services.notify.handlers.officers import OFFICER, load_officers, tell_units
from services.notify.rules import deadlines as due_rules
from services.notify.rules import notices as rules
from services.notify.rules.alerts import Alarm, alarms_of_dossier
from services.notify.rules.deadlines import Version
from services.notify.rules.notices import Contact, Draft, Fact, Origin, Told
from services.notify.rules.reminders import reminders_of
from services.notify.store import alerts as alert_store
from services.notify.store import deadlines as due_store
from services.notify.store import notices as store
from services.notify.store import people, story
from services.notify.store.deadlines import DeadlineRow
from services.notify.store.notices import NewNotice
from shared import clock, events, outbox, rulebook
from shared.dossiers import PAUSES, StatusChange, Story, Submission, read_story
from shared.due_dates import DueRules
from shared.events.outcomes import Deadline

CITIZEN = "citizen"
INTAKE = people.Actor("intake", "intake", "erased at intake")
DOSSIER_KINDS = (
    "late",
    "rescheduled",
    "due_earlier",
    "due_later",
    "due_today",
    "appointment_soon",
    "dossier_slipped",
    "dossier_approaching",
    "dossier_due_today",
    "dossier_overdue",
)
NAMES_DUE = frozenset({"registered", "received", "resumed"})
"""Facts whose texts name the due date."""
AWAITING = frozenset(
    {
        "dossier_approaching",
        "dossier_due_today",
        "dossier_overdue",
        "due_today",
        "appointment_soon",
    }
)
"""Kinds that are only true while the result is awaited."""


@dataclass(slots=True)
class Outcome:
    """What a batch of dossiers comes to."""

    notices: list[NewNotice] = field(default_factory=list)
    deadlines: list[DeadlineRow] = field(default_factory=list)
    alarms: list[tuple[str, str, Alarm]] = field(default_factory=list)
    dropped: list[tuple[str, str, str]] = field(default_factory=list)
    cancelled: dict[str, list[UUID]] = field(default_factory=dict)
    announced: list[outbox.Message] = field(default_factory=list)
    nobody: list[str] = field(default_factory=list)
    beyond: list[tuple[Fact, list[str]]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Known:
    """What the store says about one code before the batch."""

    contact: Contact | None
    told: Sequence[Told]
    deadlines: Mapping[str, object]
    unclaimed: Sequence[tuple[UUID, str, str]]
    rules: DueRules | None = None
    """By which due dates are computed where upstream states none."""
    changed: bool = False
    """Whether these rules are new to it: then nothing that is over is announced."""
    dated: bool = False
    """Whether its applicant was told a due date, or is about to be."""


async def follow_dossiers(
    session: AsyncSession, desk: Desk, codes: Collection[str], changed: DueRules | None = None
) -> None:
    """Read the stories of some dossiers anew and do what follows from them.

    `changed` are other rules about due dates than those that they were read by before.
    """
    if not codes:
        return
    now = clock.now()
    in_use = await rulebook.load(session)
    dated = await store.told_a_date(session, codes, NAMES_DUE) if changed else frozenset()
    dossiers = await story.load_dossiers(session, codes)
    contacts = await story.load_contacts(session, codes)
    told = await store.told(session, codes, CITIZEN)
    kept = await due_store.known(session, "dossier", codes)
    unclaimed: dict[str, list[tuple[UUID, str, str]]] = {}
    for row in await store.unclaimed(session, codes, DOSSIER_KINDS):
        unclaimed.setdefault(row.subject, []).append((row.id, row.kind, row.version))
    deadlines: dict[str, dict[str, object]] = {}
    for (code, version), row in kept.items():
        deadlines.setdefault(code, {})[version] = row

    outcome = Outcome()
    for code in sorted(dossiers):
        known = Known(
            contacts.get(code),
            told.get(code, ()),
            deadlines.get(code, {}),
            unclaimed.get(code, ()),
            changed or in_use.of(code).latest,
            changed is not None,
            code in dated,
        )
        decide(desk, code, dossiers[code], known, now, outcome)

    await due_store.cancel(session, outcome.dropped, "rules" if changed else "voided")
    await due_store.put(session, outcome.deadlines)
    await alert_store.put(session, "dossier", codes, outcome.alarms, outcome.alarms)
    for reason, ids in outcome.cancelled.items():
        await store.cancel(session, ids, reason, now)
    await tell_of_dates(session, desk, outcome, now)
    await desk.keep_links(session, {notice.subject for notice in outcome.notices})
    await store.add(session, outcome.notices, now)
    await outbox.enqueue(session, outcome.announced)
    await release(session, desk, outcome.nobody, {}, now)
    if outcome.notices:
        desk.wake()


def decide(
    desk: Desk,
    code: str,
    dossier: story.Dossier,
    known: Known,
    now: datetime,
    outcome: Outcome,
) -> None:
    """Everything that follows from one dossier's standing events."""
    read = read_story(dossier.submissions, dossier.statuses, rules=known.rules)
    versions = due_rules.versions_of(read) if read else []
    statuses = read.statuses if read else sorted(dossier.statuses, key=lambda s: (s.at, s.order))
    submission = read.submission if read else None
    return_by = dossier.return_by.get(submission.uid) if submission else None
    facts = rules.facts_of(
        code, submission, statuses, versions, dict(dossier.reasons), return_by,
        desk.policy.agency_words,
    )  # fmt: skip
    closed_at = read.closed_at if read else None
    paused = bool(statuses) and statuses[-1].status in PAUSES
    moves = due_rules.rescheduled(versions, closed_at)
    settled = due_rules.one_a_day(versions, closed_at)
    changed: list[Fact] = []
    beyond: set[tuple[str, str]] = set()
    if read is not None:
        told_anyway = {fact.at for fact in facts if fact.kind in NAMES_DUE}
        named = rules.named_moves(versions, [each.version for each in known.told])
        changed = rules.numbered(
            rules.moved_facts(
                code, versions, told_anyway, closed_at, read.unit,
                lambda version: origin_of(read, version), values_of(read, dossier),
            )
        )  # fmt: skip
        facts += [fact for fact in changed if rules.step_of(fact.version) not in named]
        apologies = rules.numbered(
            rules.rescheduled_fact(
                code, old, new, read.unit, origin_of(read, new), values_of(read, dossier)
            )
            for old, new in moves
        )
        given = 0
        if known.changed:  # no event has come: nothing else is news
            facts = new_rules_facts(code, read, dossier, versions, known, now)
            apologies = [fact for fact in facts if fact.kind == "rescheduled"]
            given = len({each.version for each in known.told if each.kind == "rescheduled"})
        for number, fact in enumerate(apologies, given):
            if not known.changed:
                if rules.step_of(fact.version) in named:
                    continue
                facts.append(fact)
            if number >= desk.policy.reschedules:
                beyond.add((fact.kind, fact.version))
                units = sorted({read.unit, read.holder} - {None})  # type: ignore[type-var]
                outcome.beyond.append((rules.as_beyond(fact, desk.policy.reschedules), units))
    expected = submission is None or submission.contact is not None
    for fact in rules.news(facts, known.told):
        drafts = rules.draft(fact, known.contact, expected, now, desk.policy)
        if (fact.kind, fact.version) in beyond:
            drafts = [Draft(None, None, "withheld", "rescheduled_too_often")]
        for draft in drafts:
            outcome.notices.append(
                desk.write(
                    fact, draft, now, name=name_of(known.contact),
                    language=language_of(known.contact),
                )
            )  # fmt: skip
    if not expected and known.contact is None:
        outcome.nobody.append(code)

    moved = {old.number for old, _ in moves}
    if read is not None:
        for version in settled:
            row = deadline_row(code, read, dossier, version, version.number in moved)
            settle_deadline(row, version, known, outcome)
            replaced = version.until is not None and version.until <= now
            over = known.changed and (closed_at is not None or replaced)
            if over and row.next_at is not None:
                row.state, row.next_at, row.announced_at = "slipped", None, now
            alarms: list[Alarm] = []
            if row.state in ("open", "slipped") and not over:
                owing = {read.unit, read.holder} - {None}
                alarms += alarms_of_dossier(version, owing, desk.policy, now, paused=paused)
            if row.state == "open":
                alarms += reminders_of(
                    version, desk.policy.due_today, desk.policy.appointment, now,
                    desk.policy.stale_after,
                )  # fmt: skip
                outcome.alarms += [(code, row.version, alarm) for alarm in alarms]
    present = {identity_of(version) for version in settled}
    outcome.dropped += [
        ("dossier", code, version)
        for version, row in known.deadlines.items()
        if version not in present and getattr(row, "state", None) != "cancelled"
    ]
    cancel_undone(
        settled, moves, {fact.version for fact in changed}, known, outcome,
        closed=closed_at is not None,
    )  # fmt: skip


def new_rules_facts(
    code: str,
    read: Story,
    dossier: story.Dossier,
    versions: Sequence[Version],
    known: Known,
    now: datetime,
) -> list[Fact]:
    """The word to the applicant that other rules move the date that they were told.

    Rules may move it away and back again: each move that comes about is a word of its own. That it
    comes about once, the kept deadlines see to, which move in the same transaction.
    """
    if not known.dated:
        return []
    waiting = {(kind, version) for _, kind, version in known.unclaimed}
    apologies = {
        each.version
        for each in known.told
        if each.kind == "late" and (each.kind, each.version) not in waiting
    }
    kept = [
        due_rules.Kept(row.due_day, row.state, row.number, version in apologies)  # type: ignore[attr-defined]
        for version, row in known.deadlines.items()
    ]
    moved = due_rules.overtaken(kept, versions, read.closed_at, now)
    if moved is None:
        return []
    origin = replace(origin_of(read, versions[-1]), time=now)
    values = values_of(read, dossier)
    if moved[0].slips_at is not None:
        facts = [rules.rescheduled_fact(code, *moved, read.unit, origin, values)]
    else:
        facts = rules.moved_facts(
            code, moved, frozenset(), read.closed_at, read.unit, lambda _: origin, values
        )
    return [rules.once_more(fact, known.told) for fact in facts]


def settle_deadline(row: DeadlineRow, version: Version, known: Known, outcome: Outcome) -> None:
    """Carry over what was announced of a due date, and take it back where it no longer holds."""
    before = known.deadlines.get(row.version)
    announced = getattr(before, "announced_at", None)
    row.announced_at = announced
    if version.slips_at is None:
        row.state = version.rest
        row.reason = "withdrawn" if version.rest == "cancelled" else None
        if announced is not None and getattr(before, "state", None) == "slipped":
            row.announced_at = None
            outcome.announced.append(deadline_outcome("met", row, version.known_at))
    elif announced is not None:
        row.state = "slipped"
    else:
        row.state, row.next_at = "open", version.slips_at
    outcome.deadlines.append(row)


def cancel_undone(
    versions: Sequence[Version],
    moves: Sequence[tuple[Version, Version]],
    changed: Collection[str],
    known: Known,
    outcome: Outcome,
    closed: bool,
) -> None:
    """Cancel unsent words about slips that did not happen, or that a new date has overtaken, and
    about dates that are no longer awaited."""
    slipped = {identity_of(version) for version in versions if version.slips_at is not None}
    slipped |= {rules.move_of(old, new) for old, new in moves}
    overtaken = {identity_of(old) for old, _ in moves if old in versions}
    awaited = {
        identity_of(each)
        for each in versions
        if each.rest == "open" and each.slips_at and not closed
    }
    ours = {each.due_day.isoformat() for each in versions[-1:] if each.computed and not closed}
    for notice, kind, version in known.unclaimed:
        step = rules.step_of(version)
        old, _, new = step.removeprefix("due:").partition(":")
        if new in ours and f"due:{old}" not in slipped:
            continue  # other rules have moved it there, and no event did
        if kind in ("due_earlier", "due_later"):
            if version not in changed:
                outcome.cancelled.setdefault("corrected", []).append(notice)
        elif kind in AWAITING:
            if version.partition("@")[0] not in awaited:
                outcome.cancelled.setdefault("corrected", []).append(notice)
        elif kind == "dossier_slipped" and closed:
            outcome.cancelled.setdefault("overtaken", []).append(notice)
        elif step not in slipped:
            outcome.cancelled.setdefault("corrected", []).append(notice)
        elif step in overtaken:
            outcome.cancelled.setdefault("rescheduled", []).append(notice)


def identity_of(version: Version) -> str:
    """What a due date is known by."""
    return f"due:{version.due_day.isoformat()}"


def origin_of(read: Story, version: Version) -> Origin:
    """The event that stated a due date."""
    event: Submission | StatusChange = read.submission
    for change in read.statuses:
        if change.at == version.known_at and (change.due_at is not None or version.computed):
            event = change
            break
    time, source, _ = event.order
    return Origin(event.uid, source, time, event.backfill)


def values_of(read: Story, dossier: story.Dossier) -> tuple[tuple[str, str | None], ...]:
    """What texts about a due date may mention."""
    reasons = [dossier.reasons[s.uid] for s in read.statuses if s.uid in dossier.reasons]
    return (
        ("procedure", read.procedure),
        ("department", read.department),
        ("reason", reasons[-1] if reasons else None),
    )


def deadline_row(
    code: str, read: Story, dossier: story.Dossier, version: Version, moved: bool
) -> DeadlineRow:
    """A due date as it is kept; its state and next instant are still to be settled."""
    origin = origin_of(read, version)
    facts = dict(values_of(read, dossier)) | {"holder": read.holder}
    return DeadlineRow(
        kind="dossier",
        key=code,
        version=identity_of(version),
        number=version.number,
        subject=code,
        unit=read.unit,
        due_at=version.due_at,
        due_day=version.due_day,
        state=version.rest,
        slips_at=version.slips_at,
        next_at=None,
        announced_at=None,
        fulfilled_at=read.closed_at,
        moved=moved,
        origin=origin.uid,
        source=origin.source,
        origin_time=origin.time,
        facts=facts,
    )


def deadline_outcome(what: str, row: DeadlineRow, at: datetime) -> outbox.Message:
    """``motcua.deadline.slipped`` or ``met`` for a due date, the same each time it is announced."""
    assert row.due_at is not None
    data = Deadline(
        kind=row.kind,  # type: ignore[arg-type]
        subject=row.subject,
        unit=row.unit,
        due_at=row.due_at,
        version=row.number,
        at=at,
        plan=row.plan,
        obligation=row.obligation,
        period=row.period,
    )
    return announcement(
        f"motcua.deadline.{what}.v1",
        data,
        id=f"deadline-{what}:{row.kind}:{row.key}:{row.version}",
        time=at,
        unit=row.unit,
        subject=row.subject,
    )


async def tell_of_dates(session: AsyncSession, desk: Desk, outcome: Outcome, now: datetime) -> None:
    """Tell officers of new dates given more often than citizens are told of, each once."""
    if not outcome.beyond:
        return
    told = await store.told(session, {fact.subject for fact, _ in outcome.beyond}, OFFICER)
    targets = {unit for _, units in outcome.beyond for unit in units}
    officers = await load_officers(session, desk, targets, now)
    for fact, units in outcome.beyond:
        known = {(each.kind, each.version) for each in told.get(fact.subject, ())}
        if (fact.kind, fact.version) not in known:
            outcome.notices += tell_units(desk, fact, units, officers, now)


async def take_contacts(
    session: AsyncSession, desk: Desk, contacts: Sequence[events.Contact]
) -> None:
    """Keep contacts and let go what was waiting for them; forget those that intake erased."""
    now = clock.now()
    told = {contact.token for contact in contacts if contact.erased}
    known = await people.erased(session, told)
    await story.put_contacts(session, contacts)
    for token in sorted(told - known):
        await erase(session, token, INTAKE, now, purged=True)
    codes = {contact.code for contact in contacts}
    await release(session, desk, codes, await story.load_contacts(session, codes), now)
    desk.wake()


def fact_of(row) -> Fact:
    """The fact that a stored notice tells."""
    origin = Origin(bytes(row.event_uid), row.event_source, row.event_time)
    facts = tuple(story.facts_of(row.facts).items())
    return Fact(row.subject, row.kind, row.version, row.at, row.unit, origin, facts)


async def release(
    session: AsyncSession,
    desk: Desk,
    codes: Collection[str],
    contacts: Mapping[str, Contact],
    now: datetime,
) -> None:
    """Give waiting notices their recipient; without a contact none will come any more."""
    more: list[NewNotice] = []
    rows = await store.waiting(session, codes)
    await desk.keep_links(session, {row.subject for row in rows})
    for row in rows:
        fact = fact_of(row)
        contact = contacts.get(row.subject)
        drafts: list[Draft] = [
            rules.as_recorded(each, row.reason)
            for each in rules.draft(fact, contact, False, now, desk.policy)
        ]
        written = [
            desk.write(
                fact,
                draft,
                now,
                audience=row.audience,
                recipient=row.recipient,
                name=name_of(contact),
                language=language_of(contact),
            )
            for draft in drafts
        ]
        await store.release(session, replace(written[0], id=row.id), now)
        more += [replace(each, id=uuid4()) for each in written[1:]]
    await store.add(session, more, now)
