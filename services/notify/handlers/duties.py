"""The duties that plans order: kept as due dates, and settled by what units hand in."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.handlers.desk import Desk
from services.notify.handlers.dossiers import deadline_outcome
from services.notify.rules.deadlines import duty_state
from services.notify.store import deadlines as due_store
from services.notify.store import notices as store
from services.notify.store import story
from services.notify.store.deadlines import DeadlineRow
from services.notify.store.story import HandedIn
from shared import clock, outbox
from shared.plans import Plan
from shared.plans.duties import Delivery, Duty, deliveries, duties, judge

HORIZON = timedelta(days=370)


@dataclass(frozen=True, slots=True)
class PlanMessage:
    """A plan's new version as it travels on PLANS."""

    plan: str
    version: int
    applied_at: datetime
    document: dict[str, Any]

    @property
    def uid(self) -> bytes:
        return sha256(f"plan:{self.plan}:{self.version}".encode()).digest()[:16]


def parse_plan(payload: bytes) -> PlanMessage:
    """Read a message of PLANS; raises ``ValueError``."""
    try:
        raw = orjson.loads(payload)
        applied = datetime.fromisoformat(raw["applied_at"])
        message = PlanMessage(raw["plan"], int(raw["version"]), applied, raw["document"])
        Plan.model_validate_json(orjson.dumps(message.document))
        return message
    except (KeyError, TypeError) as fault:
        raise ValueError("not a plan message") from fault


@dataclass(frozen=True, slots=True)
class Listed:
    """A plan with its duties up to a day."""

    plan: Plan
    version: int
    until: date
    duties: dict[tuple[str, str, str], Duty]


class Duties:
    """Keeps the duties of all plans in step with plans and deliveries.

    What was computed from a plan is kept in memory by its version; the store decides which
    version holds.
    """

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.listed: dict[str, Listed] = {}

    async def take_plans(self, session: AsyncSession, batch: Sequence[PlanMessage]) -> None:
        """Keep new versions of plans, and list what they order."""
        for message in batch:
            body = orjson.dumps(message.document)
            await story.put_plan(session, message.plan, message.version, message.applied_at, body)
        names = {message.plan for message in batch}
        for listed in await self.current(session):
            if listed.plan.plan in names:
                await self.list_all(session, listed)

    async def refresh(self, session: AsyncSession) -> None:
        """List every plan's duties anew: a new day brings new ones."""
        for listed in await self.current(session):
            await self.list_all(session, listed)

    async def current(self, session: AsyncSession) -> list[Listed]:
        """The newest version of each plan."""
        until = clock.today() + HORIZON
        found = []
        for name, version, document in await story.current_plans(session):
            listed = self.listed.get(name)
            if listed is None or (listed.version, listed.until) != (version, until):
                plan = Plan.model_validate_json(orjson.dumps(document)).bind(self.desk.units)
                owed = {
                    (duty.obligation, duty.unit, duty.period): duty for duty in duties(plan, until)
                }
                listed = self.listed[name] = Listed(plan, version, until, owed)
            found.append(listed)
        return found

    async def list_all(self, session: AsyncSession, listed: Listed) -> None:
        """Write all duties of one plan; those it no longer orders are forgotten."""
        known = await due_store.known_of_plan(session, listed.plan.plan)
        rows = await self.settle(session, listed, listed.duties.values(), known)
        present = {(row.key, row.version) for row in rows}
        gone = [("obligation", *identity) for identity in known if identity not in present]
        await due_store.drop(session, gone)
        await self.cancel_undone(session, rows, [key for _, key, _ in gone])

    async def follow(self, session: AsyncSession, touched: Sequence[HandedIn]) -> None:
        """Settle the duties that something handed in, or withdrawn, concerns."""
        for listed in await self.current(session):
            keys = {
                (each.obligation, each.unit, each.period)
                for event in touched
                for each in deliveries(listed.plan, event.type, event.data, event.at)
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
        for event in await story.handed_in(session, self.reach(listed.plan, owed)):
            for each in deliveries(listed.plan, event.type, event.data, event.at):
                by_duty.setdefault((each.obligation, each.unit, each.period), []).append(each)
        rows: list[DeadlineRow] = []
        announced: list[outbox.Message] = []
        for duty in owed:
            handed_in = by_duty.get((duty.obligation, duty.unit, duty.period), [])
            judgement = judge(duty, handed_in, now)
            row = duty_row(listed, duty, judgement.fulfilled_at)
            before = known.get((row.key, row.version))
            row.announced_at = before.announced_at if before else None
            row.state, row.slips_at = duty_state(duty, judgement.fulfilled_at)
            if row.slips_at is None:
                row.announced_at = None
                if row.state == "met" and before and before.state != "met" and row.due_at:
                    at = judgement.fulfilled_at or row.due_at
                    announced.append(deadline_outcome("met", row, at))
            elif row.announced_at is not None:
                row.state = "slipped"
            else:
                row.next_at = row.slips_at
            rows.append(row)
        await due_store.put(session, rows)
        await outbox.enqueue(session, announced)
        return rows

    def reach(self, plan: Plan, owed: Iterable[Duty]) -> set[str]:
        """The units whose deliveries may count for some duties: their own and those below."""
        units = {duty.unit for duty in owed}
        days = {plan.runs.from_, plan.runs.to}
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
        keys = {row.key for row in rows} | set(gone)
        undone: list[UUID] = [
            row.id
            for row in await store.unclaimed(session, keys, ("obligation_slipped",))
            if (row.subject, row.version) not in slipped
        ]
        await store.cancel(session, undone, "corrected", clock.now())


def key_of(duty: Duty) -> str:
    """What a unit's duty is known by."""
    return f"{duty.subject}/{duty.unit}"


def duty_row(listed: Listed, duty: Duty, fulfilled_at: datetime | None) -> DeadlineRow:
    """A duty as a due date; its state is still to be settled."""
    obligation = listed.plan.obligations[duty.obligation]
    plan = listed.plan
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
            "contact": plan.contact.office if plan.contact else None,
        },
    )
