"""The scan: what has slipped is announced, once, whichever replica sees it first."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from uuid import UUID

import orjson
import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.handlers.clockwork import Clockwork
from services.notify.handlers.desk import Desk, language_of, name_of, plain_facts
from services.notify.handlers.dossiers import CITIZEN, deadline_outcome
from services.notify.handlers.duties import Duties
from services.notify.handlers.officers import OFFICER, load_officers, tell_units
from services.notify.handlers.reminding import remind
from services.notify.rules import alerts as alert_rules
from services.notify.rules import notices as rules
from services.notify.rules.notices import Fact, Origin, Told
from services.notify.rules.recipients import read_target
from services.notify.rules.reminders import REMINDERS
from services.notify.store import alerts as alert_store
from services.notify.store import deadlines as due_store
from services.notify.store import notices as store
from services.notify.store import story
from services.notify.store.deadlines import DeadlineRow
from services.notify.store.notices import NewNotice
from shared import clock, outbox
from shared.db import Database, take_turn
from shared.plans import Plan

log = structlog.get_logger()

SCAN_SECONDS = 1.0
AHEAD = (
    "dossier_approaching", "dossier_due_today", "deadline_approaching", "deadline_due_today",
)  # fmt: skip
"""What officers are told before a due date; a citizen's reminders lapse by themselves."""
ROUND = 500


class Watch:
    """Looks every second for due dates that have passed.

    ``caught_up`` says whether every event that reached the broker before was read: nobody is told
    of a delay while the result may be waiting in the queue. By a clock that lies behind what was
    received nobody is told of anything.
    """

    def __init__(
        self,
        database: Database,
        desk: Desk,
        duties: Duties,
        caught_up: Callable[[], Awaitable[bool]],
        announce: Callable[[], None] = lambda: None,
        clockwork: Clockwork | None = None,
    ) -> None:
        self.database, self.desk, self.duties = database, desk, duties
        self.clockwork = clockwork or Clockwork(database)
        self.caught_up, self.announce = caught_up, announce
        self.listed_on: date | None = None

    async def run(self) -> None:
        """Scan for ever."""
        while True:
            if self.listed_on != clock.today():
                await self.begin_day(clock.today())
            async with self.database.transaction() as session:
                now = clock.now()
                waiting = await self.clockwork.trusted(session, now) and (
                    await due_store.any_due(session, now) or await alert_store.any_due(session, now)
                )
            more = waiting and await self.caught_up() and await self.scan(clock.now())
            if not more:
                await asyncio.sleep(SCAN_SECONDS)

    async def begin_day(self, today: date) -> None:
        """List the duties that have come within sight."""
        async with self.database.transaction() as session:
            await take_turn(session, "store")
            await self.duties.refresh(session)
        self.listed_on = today

    async def scan(self, now: datetime) -> bool:
        """Announce one round of due dates that slipped, approach, or are late; whether there may
        be more."""
        told: Sequence[sa.Row] = ()
        async with self.database.transaction() as session:
            await take_turn(session, "store")
            if not await self.clockwork.trusted(session, now):
                return False
            await self.desk.refresh(session)
            rows = await due_store.take_due(session, now, ROUND)
            if rows:  # first: who is told of what is late depends on it
                plans = await self.duties.plans(session)
                await announce_slips(session, self.desk, plans, rows, now)
            else:
                told = await alert_store.take_due(session, now, ROUND)
                await raise_alarms(session, self.desk, told, now)
        if rows or told:
            log.info("deadlines_told", slipped=len(rows), alarms=len(told))
            self.desk.wake()
            self.announce()
        return bool(rows) or len(told) == ROUND


async def announce_slips(
    session: AsyncSession,
    desk: Desk,
    plans: Mapping[str, Plan],
    rows: Sequence[sa.Row],
    now: datetime,
) -> None:
    """Write the apology, the word to the officers and the outcome of each slipped due date."""
    codes = {row.key for row in rows if row.kind == "dossier"}
    contacts = await story.load_contacts(session, codes)
    dossiers = await story.load_dossiers(session, codes)
    told = {
        audience: await store.told(session, {row.key for row in rows}, audience)
        for audience in (CITIZEN, OFFICER)
    }
    by_plan = {(row.key, row.version): told_by_plan(plans, row) for row in rows}
    units = {unit for row in rows for unit in (row.unit, read_facts(row).get("holder")) if unit}
    units |= {target for pair in by_plan.values() for found in pair for target in found}
    officers = await load_officers(session, desk, units, now)
    loaded = await story.loaded_afterwards(session, {bytes(row.origin) for row in rows})
    notices: list[NewNotice] = []
    announced: list[outbox.Message] = []
    for row in rows:
        facts = read_facts(row)
        fact = as_loaded(slip_fact(row, facts), row, loaded)
        own, others = by_plan[row.key, row.version]
        if new_to(fact, told[OFFICER].get(row.key, ())):
            notices += tell_units(desk, fact, own_targets(row, own), officers, now)
        if others:
            owing = {"owing": desk.office(row.unit, row.slips_at)}
            late = replace(
                fact, kind="obligation_escalated", version=f"{row.version}@slipped",
                facts=plain_facts({**dict(fact.facts), **owing}),
            )  # fmt: skip
            if new_to(late, told[OFFICER].get(row.key, ())):
                notices += tell_units(desk, late, others, officers, now)
        if row.kind == "dossier" and not row.moved:
            apology = as_apology(fact)
            if new_to(apology, told[CITIZEN].get(row.key, ())):
                contact = contacts.get(row.key)
                submissions = dossiers[row.key].submissions
                expected = any(each.contact is not None for each in submissions)
                for draft in rules.draft(apology, contact, expected, now, desk.policy):
                    notices.append(
                        desk.write(
                            apology, draft, now, name=name_of(contact),
                            language=language_of(contact),
                        )
                    )  # fmt: skip
        announced.append(deadline_outcome("slipped", as_row(row, facts), row.slips_at))
    await store.cancel(session, await pointless(session, rows), "overtaken", now)
    await desk.keep_links(session, codes)
    await store.add(session, notices, now)
    identities = [(row.kind, row.key, row.version) for row in rows]
    await due_store.mark_slipped(session, identities, now)
    await outbox.enqueue(session, announced)


def told_by_plan(plans: Mapping[str, Plan], row: sa.Row) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Whom a plan wants told of a duty that slipped: of the unit that owes it, and others."""
    plan = plans.get(row.plan or "")
    if plan is None:
        return (), ()
    found: list[str] = []
    for rule in alert_rules.rules_for(plan, "deadline.slipped", obligation=row.obligation):
        targets = alert_rules.people(plan, row.unit, rule.to, row.origin_time)
        if "owed_to" in rule.to and row.obligation in plan.obligations:
            targets += plan.members(plan.obligations[row.obligation].owed_to)
        found += alert_rules.as_rule_says(rule, targets)
    mine = [each for each in dict.fromkeys(found) if is_own(each, row.unit)]
    return tuple(mine), tuple(each for each in dict.fromkeys(found) if each not in mine)


def is_own(target: str, unit: str) -> bool:
    """Whether a target means those of a unit who answer for it."""
    read = read_target(target)
    return read.unit == unit and read.level in (None, "officer")


def own_targets(row: sa.Row, by_plan: Sequence[str] = ()) -> list[str]:
    """The offices that are told of their own delay: the one that owes, and the one that holds."""
    holder = read_facts(row).get("holder")
    return [*(by_plan or [row.unit]), *([holder] if holder and holder != row.unit else [])]


async def pointless(session: AsyncSession, rows: Sequence[sa.Row]) -> list[UUID]:
    """The unsent words to officers that due dates would come which have now slipped."""
    slipped = {(row.key, row.version) for row in rows}
    return [
        each.id
        for each in await store.unclaimed(session, {row.key for row in rows}, AHEAD)
        if (each.subject, each.version.partition("@")[0]) in slipped
    ]


async def raise_alarms(
    session: AsyncSession, desk: Desk, rows: Sequence[sa.Row], now: datetime
) -> None:
    """Tell officers of what approaches, or is late still; what has been done meanwhile is left.

    Of several alarms of one due date that have piled up while nobody was looking, whoever they
    name is told the last; who is told only now that it slipped is told that alone.
    """
    standing = [
        row
        for row in rows
        if alert_rules.stands(row.what, row.state, row.slips_at, row.fulfilled_at, now)
    ]
    reminded = [row for row in standing if row.what in REMINDERS]
    standing = [row for row in standing if row.what not in REMINDERS]
    wanted = {id(row): targets_left(row) for row in standing}
    officers = await load_officers(
        session, desk, {target for found in wanted.values() for target in found}, now
    )
    loaded = await story.loaded_afterwards(session, {bytes(row.origin) for row in standing})
    notices: list[NewNotice] = await remind(session, desk, reminded, now)
    announced: list[outbox.Message] = []
    approached: dict[tuple[str, str, str], sa.Row] = {}
    for row in standing:
        fact = as_loaded(alarm_fact(desk, row), row, loaded)
        notices += tell_units(desk, fact, wanted[id(row)], officers, now)
        identity = (row.kind, row.key, row.version)
        ahead = row.what in ("approaching", "day_of")
        if ahead and row.approached_at is None and identity not in approached:
            approached[identity] = row
            told = as_row(row, read_facts(row))
            announced.append(deadline_outcome("approaching", told, row.at))
    await store.add(session, notices, now)
    await alert_store.mark_done(session, rows, now)
    await alert_store.mark_approached(session, list(approached.values()), now)
    await outbox.enqueue(session, announced)


def targets_left(row: sa.Row) -> list[str]:
    """Whom an alarm tells: not those of a later one that is due too, nor, where the slip itself
    was told after the alarm's time, those who were told of it then."""
    later = set(row.later or ())
    if row.announced_at is not None and row.announced_at > row.at:
        return [
            target
            for target in row.units
            if target not in later
            and read_target(target).unit not in {row.unit, read_facts(row).get("holder")}
        ]
    return [target for target in row.units if target not in later]


def alarm_fact(desk: Desk, row: sa.Row) -> Fact:
    """What the officers are told of a due date that approaches, or is late."""
    due = row.due_day or clock.local_day(row.due_at - timedelta(microseconds=1))
    facts = read_facts(row)
    day = rules.day_text(due)
    values = {
        **facts,
        "due": facts.get("due") or day,
        "old_due": day,
        "code": row.subject,
        "owing": desk.office(row.unit, row.at),
        "days": str((clock.local_day(row.at) - due).days),
    }
    kinds = {
        ("dossier", "approaching"): "dossier_approaching",
        ("obligation", "approaching"): "deadline_approaching",
        ("obligation", "escalated"): "obligation_escalated",
        ("dossier", "day_of"): "dossier_due_today",
        ("dossier", "overdue"): "dossier_overdue",
        ("obligation", "day_of"): "deadline_due_today",
    }
    return Fact(
        subject=row.key,
        kind=kinds[row.kind, row.what],
        version=f"{row.version}@{row.at.astimezone(clock.VN):%Y-%m-%dT%H:%M}",
        at=row.at,
        unit=row.unit,
        origin=Origin(bytes(row.origin), row.source, max(row.origin_time, row.at)),
        facts=plain_facts(values),
    )


def read_facts(row: sa.Row) -> dict[str, str | None]:
    """What texts about a due date may mention."""
    return row.facts if isinstance(row.facts, dict) else orjson.loads(row.facts)


def slip_fact(row: sa.Row, facts: dict[str, str | None]) -> Fact:
    """What the officers are told."""
    due = row.due_day or clock.local_day(row.due_at - timedelta(microseconds=1))
    values = {**facts, "old_due": rules.day_text(due), "code": row.subject}
    return Fact(
        subject=row.key,
        kind=f"{row.kind}_slipped",
        version=row.version,
        at=row.slips_at,
        unit=row.unit,
        origin=Origin(bytes(row.origin), row.source, max(row.origin_time, row.slips_at)),
        facts=plain_facts(values),
    )


def as_loaded(fact: Fact, row: sa.Row, loaded: Mapping[bytes, datetime]) -> Fact:
    """The same fact, told to nobody where its due date was loaded afterwards and had passed by
    then, or the fact itself lies before that."""
    received = loaded.get(bytes(row.origin))
    if received is None or min(fact.at, row.slips_at or fact.at) > received:
        return fact
    return replace(fact, origin=replace(fact.origin, backfill=True))


def as_apology(fact: Fact) -> Fact:
    """The same fact as the citizen is told it."""
    return Fact(fact.subject, "late", fact.version, fact.at, fact.unit, fact.origin, fact.facts)


def new_to(fact: Fact, told: Sequence[Told]) -> bool:
    """Whether nobody of an audience was told of it."""
    return (fact.kind, fact.version) not in {(each.kind, each.version) for each in told}


def as_row(row: sa.Row, facts: dict[str, str | None]) -> DeadlineRow:
    """A slipped due date as it is announced."""
    return DeadlineRow(
        kind=row.kind,
        key=row.key,
        version=row.version,
        number=row.number,
        subject=row.subject,
        unit=row.unit,
        due_at=row.due_at,
        due_day=row.due_day,
        state="slipped",
        slips_at=row.slips_at,
        next_at=None,
        announced_at=None,
        fulfilled_at=None,
        moved=row.moved,
        origin=bytes(row.origin),
        source=row.source,
        origin_time=row.origin_time,
        plan=row.plan,
        obligation=row.obligation,
        period=row.period,
        facts=facts,
    )
