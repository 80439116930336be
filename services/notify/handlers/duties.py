"""The duties that plans order: kept as due dates, and settled by what units hand in."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.handlers.desk import Desk
from services.notify.handlers.dossiers import deadline_outcome
from services.notify.handlers.officers import OFFICER, load_officers, tell_units
from services.notify.handlers.outcomes import tell_waiting
from services.notify.rules import alerts as alert_rules
from services.notify.rules.deadlines import duty_state
from services.notify.rules.notices import Fact, Origin, day_text
from services.notify.store import alerts as alert_store
from services.notify.store import deadlines as due_store
from services.notify.store import notices as store
from services.notify.store import story
from services.notify.store.deadlines import DeadlineRow
from services.notify.store.story import HandedIn
from shared import clock, outbox
from shared.clock import local_day, start_of
from shared.plans import Plan
from shared.plans.duties import Delivery, Duty, deliveries, judge
from shared.plans.versions import PlanVersion, Versions, owed_duties, since_of
from shared.working_days import working_days

DUTY_KINDS = (
    "obligation_slipped", "obligation_escalated", "deadline_approaching", "deadline_due_today",
)  # fmt: skip
HORIZON = timedelta(days=370)

Mark = tuple[int, date]
"""A version of a plan and the first day that it judges."""


@dataclass(frozen=True, slots=True)
class PlanMessage:
    """A plan's new version as it travels on PLANS."""

    plan: str
    version: int
    since: date
    applied_at: datetime
    document: dict[str, Any]

    @property
    def uid(self) -> bytes:
        mark = f"plan:{self.plan}:{self.version}:{self.since}"
        return sha256(mark.encode()).digest()[:16]


def parse_plan(payload: bytes) -> PlanMessage:
    """Read a message of PLANS; raises ``ValueError``."""
    try:
        raw = orjson.loads(payload)
        applied = datetime.fromisoformat(raw["applied_at"])
        since = since_of(raw)
        message = PlanMessage(raw["plan"], int(raw["version"]), since, applied, raw["document"])
        Plan.model_validate_json(orjson.dumps(message.document))
        return message
    except (KeyError, TypeError) as fault:
        raise ValueError("not a plan message") from fault


@dataclass(frozen=True, slots=True)
class Listed:
    """A plan with its duties up to a day, each as the version orders it that is in force then.

    ``plan`` is the newest version; ``judges`` are those by which some duty is judged.
    """

    plan: Plan
    marks: list[Mark]
    applied_at: datetime
    until: date
    duties: dict[tuple[str, str, str], Duty]
    judges: dict[int, Plan]
    judged_by: dict[tuple[str, str, str], int]

    def plan_of(self, duty: Duty) -> Plan:
        """The version by which a duty is judged."""
        return self.judges[self.judged_by[duty.obligation, duty.unit, duty.period]]

    def deliveries(self, event: HandedIn) -> Iterator[Delivery]:
        """What an event hands in, as read by the version that judges the duty."""
        for number, plan in self.judges.items():
            for each in deliveries(plan, event.type, event.data, event.at):
                if self.judged_by.get((each.obligation, each.unit, each.period)) == number:
                    yield each


class Duties:
    """Keeps the duties of all plans in step with plans and deliveries.

    What was computed from a plan is kept in memory by its version; the store decides which
    version holds.
    """

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.listed: dict[str, Listed] = {}
        self.read: dict[tuple[str, int], Plan] = {}

    async def take_plans(self, session: AsyncSession, batch: Sequence[PlanMessage]) -> None:
        """Keep new versions of plans, and list what they order."""
        for message in batch:
            body = orjson.dumps(message.document)
            await story.put_plan(
                session, message.plan, message.version, message.since, message.applied_at, body
            )
        names = {message.plan for message in batch}
        concerned = [each for each in await self.current(session) if each.plan.plan in names]
        for listed in concerned:
            await self.list_all(session, listed)
            await self.tell_grants(session, listed)
        await tell_waiting(session, self.desk, {each.plan.plan: each.plan for each in concerned})

    async def plans(self, session: AsyncSession) -> dict[str, Plan]:
        """The newest version of each plan, by name."""
        return {listed.plan.plan: listed.plan for listed in await self.current(session)}

    async def tell_grants(self, session: AsyncSession, listed: Listed) -> None:
        """Tell units once of each extension, day to make up, and waiver granted to them."""
        now = clock.now()
        grants = alert_rules.grants_of(listed.plan, listed.duties.values())
        facts = [grant_fact(listed, grant) for grant in grants]
        told = await store.told(session, {fact.subject for fact in facts}, OFFICER)
        fresh = [
            fact
            for fact in facts
            if (fact.kind, fact.version)
            not in {(each.kind, each.version) for each in told.get(fact.subject, ())}
        ]
        officers = await load_officers(session, self.desk, {fact.unit for fact in fresh}, now)
        notices = [
            notice
            for fact in fresh
            for notice in tell_units(self.desk, fact, [fact.unit], officers, now)
        ]
        await store.add(session, notices, now)
        if notices:
            self.desk.wake()

    async def refresh(self, session: AsyncSession) -> None:
        """List every plan's duties anew: a new day brings new ones."""
        for listed in await self.current(session):
            await self.list_all(session, listed)

    async def current(self, session: AsyncSession) -> list[Listed]:
        """Each plan as its versions stand."""
        until = clock.today() + HORIZON
        by_plan: dict[str, list[Mark]] = {}
        applied: dict[str, datetime] = {}
        for row in await story.plan_marks(session):
            by_plan.setdefault(row.plan, []).append((row.version, row.since))
            applied[row.plan] = row.applied_at
        wanted = {(name, number) for name, marks in by_plan.items() for number, _ in marks}
        bodies = await story.plan_bodies(session, wanted - self.read.keys())
        for mark, document in bodies.items():
            made = Plan.model_validate_json(orjson.dumps(document))
            self.read[mark] = made.bind(self.desk.units)
        for name, marks in by_plan.items():
            listed = self.listed.get(name)
            if listed is None or (listed.marks, listed.until) != (marks, until):
                self.listed[name] = self.lay_out(name, marks, applied[name], until)
        return [self.listed[name] for name in by_plan]

    def lay_out(
        self, name: str, marks: Sequence[Mark], applied_at: datetime, until: date
    ) -> Listed:
        """The duties of a plan, given its versions."""
        versions = Versions(
            PlanVersion(self.read[name, number], number, since) for number, since in marks
        )
        owed = owed_duties(versions, until, working_days())
        keys = [(each.duty.obligation, each.duty.unit, each.duty.period) for each in owed]
        return Listed(
            plan=versions.newest.plan,
            marks=list(marks),
            applied_at=applied_at,
            until=until,
            duties=dict(zip(keys, (each.duty for each in owed), strict=True)),
            judges={each.version.number: each.version.plan for each in owed},
            judged_by=dict(zip(keys, (each.version.number for each in owed), strict=True)),
        )

    async def list_all(self, session: AsyncSession, listed: Listed) -> None:
        """Write all duties of one plan; those it no longer orders are cancelled."""
        known = await due_store.known_of_plan(session, listed.plan.plan)
        rows = await self.settle(session, listed, listed.duties.values(), known)
        present = {(row.key, row.version) for row in rows}
        gone = [
            ("obligation", *identity)
            for identity, row in known.items()
            if identity not in present and row.state != "cancelled"
        ]
        await due_store.cancel(session, gone, "plan")
        await self.cancel_undone(session, rows, [key for _, key, _ in gone])

    async def follow(self, session: AsyncSession, touched: Sequence[HandedIn]) -> None:
        """Settle the duties that something handed in, or withdrawn, concerns."""
        for listed in await self.current(session):
            keys = {
                (each.obligation, each.unit, each.period)
                for event in touched
                for each in listed.deliveries(event)
            }
            owed = [listed.duties[key] for key in sorted(keys) if key in listed.duties]
            if owed:
                known = await due_store.known(
                    session, "obligation", {key_of(duty) for duty in owed}
                )
                rows = await self.settle(session, listed, owed, known)
                await self.cancel_undone(session, rows, [])

    async def settle(
        self, session: AsyncSession, listed: Listed, owed: Iterable[Duty], known: dict
    ) -> list[DeadlineRow]:
        """Judge duties by everything handed in for them, and keep how they stand."""
        owed = list(owed)
        now = clock.now()
        by_duty: dict[tuple[str, str, str], list[Delivery]] = {}
        for event in await story.handed_in(session, self.reach(listed, owed)):
            for each in listed.deliveries(event):
                by_duty.setdefault((each.obligation, each.unit, each.period), []).append(each)
        rows: list[DeadlineRow] = []
        announced: list[outbox.Message] = []
        met: list[tuple[Duty, DeadlineRow, datetime]] = []
        for duty in owed:
            handed_in = by_duty.get((duty.obligation, duty.unit, duty.period), [])
            judgement = judge(duty, handed_in, now)
            row = duty_row(listed, duty, judgement.fulfilled_at)
            before = known.get((row.key, row.version))
            row.announced_at = before.announced_at if before else None
            row.state, row.slips_at = duty_state(duty, judgement.fulfilled_at)
            row.reason = "waived" if duty.waiver is not None else None
            if row.slips_at is None:
                row.announced_at = None
                if row.state == "met" and before and before.state != "met" and row.due_at:
                    at = judgement.fulfilled_at or row.due_at
                    met.append((duty, row, at))
                    announced.append(deadline_outcome("met", row, at))
            elif row.announced_at is not None:
                row.state = "slipped"
            else:
                row.next_at = row.slips_at
            rows.append(row)
        await due_store.put(session, rows)
        await self.set_alarms(session, listed, owed, rows)
        await self.tell_met(session, listed, met)
        await outbox.enqueue(session, announced)
        return rows

    async def set_alarms(
        self, session: AsyncSession, listed: Listed, owed: Sequence[Duty], rows: list[DeadlineRow]
    ) -> None:
        """Set when officers are told of duties that are still to be done."""
        policy, days = self.desk.policy, working_days()
        alarms = [
            (row.key, row.version, alarm)
            for duty, row in zip(owed, rows, strict=True)
            if row.slips_at is not None and row.fulfilled_at is None
            for alarm in alert_rules.alarms_of_duty(
                listed.plan_of(duty), duty, policy.approach, days, policy.day_of
            )
        ]
        # What had passed before the plan was applied is told to nobody.
        fresh = [each for each in alarms if each[2].at > listed.applied_at]
        keys = {row.key for row in rows}
        await alert_store.put(session, "obligation", keys, alarms, fresh)

    async def tell_met(
        self,
        session: AsyncSession,
        listed: Listed,
        met: Sequence[tuple[Duty, DeadlineRow, datetime]],
    ) -> None:
        """Tell the units that the plan names that a duty was done."""
        now = clock.now()
        wanted = [
            (met_fact(self.desk, row, at), units)
            for duty, row, at in met
            if (units := alert_rules.told_of_duty(listed.plan_of(duty), duty, "deadline.met"))
        ]
        targets = {target for _, units in wanted for target in units}
        officers = await load_officers(session, self.desk, targets, now)
        notices = [
            notice
            for fact, units in wanted
            for notice in tell_units(self.desk, fact, units, officers, now)
        ]
        await store.add(session, notices, now)

    def reach(self, listed: Listed, owed: Iterable[Duty]) -> set[str]:
        """The units whose deliveries may count for some duties: their own and those below."""
        units = {duty.unit for duty in owed}
        days = {day for plan in listed.judges.values() for day in (plan.runs.from_, plan.runs.to)}
        return units | {
            below
            for unit in units
            for day in days
            for below in self.desk.units.descendants(unit, day)
        }

    async def cancel_undone(
        self, session: AsyncSession, rows: Iterable[DeadlineRow], gone: Sequence[str]
    ) -> None:
        """Cancel unsent words about duties that are fulfilled, excused or no longer ordered."""
        slipped = {(row.key, row.version) for row in rows if row.slips_at is not None}
        awaited = {
            (row.key, row.version)
            for row in rows
            if row.slips_at is not None and row.fulfilled_at is None
        }
        keys = {row.key for row in rows} | set(gone)
        undone: list[UUID] = [
            row.id
            for row in await store.unclaimed(session, keys, DUTY_KINDS)
            if (row.subject, row.version.partition("@")[0])
            not in (slipped if row.kind == "obligation_slipped" else awaited)
        ]
        await store.cancel(session, undone, "corrected", clock.now())


def key_of(duty: Duty) -> str:
    """What a unit's duty is known by."""
    return f"{duty.subject}/{duty.unit}"


def duty_row(listed: Listed, duty: Duty, fulfilled_at: datetime | None) -> DeadlineRow:
    """A duty as a due date; its state is still to be settled."""
    plan = listed.plan_of(duty)
    obligation = plan.obligations[duty.obligation]
    source = f"/motcua/plans/{plan.plan}"
    return DeadlineRow(
        kind="obligation",
        key=key_of(duty),
        version=f"due:{duty.due.isoformat()}" if duty.due else "undecided",
        number=1,
        subject=duty.subject,
        unit=duty.unit,
        due_at=duty.due,
        due_day=duty.day,
        state="open",
        slips_at=None,
        next_at=None,
        announced_at=None,
        fulfilled_at=fulfilled_at,
        moved=False,
        origin=sha256(source.encode()).digest()[:16],
        source=source,
        origin_time=duty.due or duty.opens,
        plan=duty.plan,
        obligation=duty.obligation,
        period=duty.period,
        facts={
            "obligation": obligation.title or duty.obligation,
            "plan": plan.title,
            "period": duty.period if duty.period != "once" else None,
            "due": alert_rules.due_words(duty),
            "contact": plan.contact.office if plan.contact else None,
        },
    )


def met_fact(desk: Desk, row: DeadlineRow, at: datetime) -> Fact:
    """What is told once a duty was done."""
    values = {**row.facts, "owing": desk.office(row.unit, at), "on": day_text(local_day(at))}
    origin = Origin(row.origin, row.source, at)
    return Fact(row.key, "obligation_met", row.version, at, row.unit, origin, tuple(values.items()))


def grant_fact(listed: Listed, grant: alert_rules.Grant) -> Fact:
    """What a unit is told of an extension, a day to make up, or a waiver; of an ended plan it is
    as old as its end."""
    row = duty_row(listed, grant.duty, None)
    ended = start_of(listed.plan.runs.to + timedelta(days=1))
    at = min(listed.applied_at, ended)
    values = {**row.facts, "due": grant.due, "document": grant.document}
    origin = Origin(row.origin, row.source, at)
    return Fact(row.key, grant.kind, grant.version, at, row.unit, origin, tuple(values.items()))
