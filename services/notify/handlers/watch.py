"""The scan: what has slipped is announced, once, whichever replica sees it first."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime, timedelta

import orjson
import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.handlers.desk import Desk, name_of, plain_facts
from services.notify.handlers.dossiers import CITIZEN, OFFICER, deadline_outcome
from services.notify.handlers.duties import Duties
from services.notify.rules import notices as rules
from services.notify.rules.notices import Fact, Officer, Origin, Told
from services.notify.store import deadlines as due_store
from services.notify.store import notices as store
from services.notify.store import story
from services.notify.store.deadlines import DeadlineRow
from services.notify.store.notices import NewNotice
from shared import clock, outbox
from shared.db import Database, take_turn

log = structlog.get_logger()

SCAN_SECONDS = 1.0
ROUND = 500


class Watch:
    """Looks every second for due dates that have passed.

    ``caught_up`` says whether every event that reached the broker before was read: nobody is told
    of a delay while the result may be waiting in the queue.
    """

    def __init__(
        self,
        database: Database,
        desk: Desk,
        duties: Duties,
        caught_up: Callable[[], Awaitable[bool]],
        announce: Callable[[], None] = lambda: None,
    ) -> None:
        self.database, self.desk, self.duties = database, desk, duties
        self.caught_up, self.announce = caught_up, announce
        self.listed_on: date | None = None

    async def run(self) -> None:
        """Scan for ever."""
        while True:
            if self.listed_on != clock.today():
                await self.begin_day(clock.today())
            async with self.database.transaction() as session:
                waiting = await due_store.any_due(session, clock.now())
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
        """Announce one round of slipped due dates; whether there may be more."""
        async with self.database.transaction() as session:
            await take_turn(session, "store")
            rows = await due_store.take_due(session, now, ROUND)
            if rows:
                await self.desk.refresh(session)
                await announce_slips(session, self.desk, rows, now)
        if rows:
            log.info("deadlines_slipped", count=len(rows))
            self.desk.wake()
            self.announce()
        return len(rows) == ROUND


async def announce_slips(
    session: AsyncSession, desk: Desk, rows: Sequence[sa.Row], now: datetime
) -> None:
    """Write the apology, the word to the officers and the outcome of each slipped due date."""
    codes = {row.key for row in rows if row.kind == "dossier"}
    contacts = await story.load_contacts(session, codes)
    dossiers = await story.load_dossiers(session, codes)
    told = {
        audience: await store.told(session, {row.key for row in rows}, audience)
        for audience in (CITIZEN, OFFICER)
    }
    officers = await load_officers(session, rows)
    notices: list[NewNotice] = []
    announced: list[outbox.Message] = []
    for row in rows:
        facts = read_facts(row)
        unit_officers = [
            each
            for unit in {row.unit, facts.get("holder")}
            for each in officers.get(unit or "", [])
        ]
        fact = slip_fact(row, facts)
        if new_to(fact, told[OFFICER].get(row.key, ())):
            notices += tell_officers(desk, fact, unit_officers, now)
        if row.kind == "dossier" and not row.moved:
            apology = as_apology(fact)
            if new_to(apology, told[CITIZEN].get(row.key, ())):
                contact = contacts.get(row.key)
                submissions = dossiers[row.key].submissions
                expected = any(each.contact is not None for each in submissions)
                for draft in rules.draft(apology, contact, expected, now, desk.policy):
                    notices.append(desk.write(apology, draft, now, name=name_of(contact)))
        announced.append(deadline_outcome("slipped", as_row(row, facts), row.slips_at))
    await store.add(session, notices, now)
    identities = [(row.kind, row.key, row.version) for row in rows]
    await due_store.mark_slipped(session, identities, now)
    await outbox.enqueue(session, announced)


async def load_officers(session: AsyncSession, rows: Sequence[sa.Row]) -> dict[str, list[Officer]]:
    """The officers of the units concerned."""
    units = {row.unit for row in rows}
    units |= {holder for row in rows if (holder := read_facts(row).get("holder"))}
    found: dict[str, list[Officer]] = {}
    for officer in await due_store.load_officers(session, units):
        found.setdefault(officer.unit, []).append(officer)
    return found


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


def as_apology(fact: Fact) -> Fact:
    """The same fact as the citizen is told it."""
    return Fact(fact.subject, "late", fact.version, fact.at, fact.unit, fact.origin, fact.facts)


def new_to(fact: Fact, told: Sequence[Told]) -> bool:
    """Whether nobody of an audience was told of it."""
    return (fact.kind, fact.version) not in {(each.kind, each.version) for each in told}


def tell_officers(
    desk: Desk, fact: Fact, officers: Sequence[Officer], now: datetime
) -> list[NewNotice]:
    """The notices to a unit's officers."""
    return [
        desk.write(
            fact,
            draft,
            now,
            audience=OFFICER,
            recipient=officer.id if officer else "",
            name=officer.name if officer else None,
        )
        for officer, draft in rules.draft_for_officers(fact, officers, now, desk.policy)
    ]


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
