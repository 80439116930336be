"""Next year's calendar: once it should be known and no file has it, that is said, once."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

import structlog
from prometheus_client import Gauge
from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.handlers.clockwork import Clockwork
from services.notify.handlers.desk import SOURCE, Desk, announcement
from services.notify.handlers.duties import Duties
from services.notify.handlers.officers import load_officers, tell_units
from services.notify.rules.calendars import YearlyDay, missing_year
from services.notify.rules.notices import Fact, Origin
from services.notify.store import calendars as calendar_store
from services.notify.store import notices as store
from shared import clock, events, outbox
from shared.clock import local_day
from shared.db import Database, take_turn
from shared.events.outcomes import MissingCalendar
from shared.plans import Plan
from shared.working_days import WorkingDays, working_days

log = structlog.get_logger()

LOOK_SECONDS = 60.0
TYPE = "motcua.calendar.missing.v1"
KIND = "calendar_missing"
MISSING = Gauge(
    "motcua_calendar_missing", "Year whose calendar should be known and is not, 0: none"
)


@dataclass(frozen=True, slots=True)
class Asking:
    """From which day of the year the next calendar is missed (null: never), and who is told
    besides the help desks of the plans that run: units, maybe with a level."""

    since: YearlyDay | None
    targets: tuple[str, ...] = ()


class CalendarWatch:
    """Looks every minute whether a calendar is missing; the store says whether it was told.

    Files are read at the start, as everything else of the calendar is: once the year's file is
    there and the service has started anew, nothing is missing any more.
    """

    def __init__(
        self,
        database: Database,
        desk: Desk,
        duties: Duties,
        asking: Asking,
        announce: Callable[[], None] = lambda: None,
        clockwork: Clockwork | None = None,
        days: WorkingDays | None = None,
    ) -> None:
        self.database, self.desk, self.duties, self.asking = database, desk, duties, asking
        self.announce = announce
        self.clockwork = clockwork or Clockwork(database)
        self.days = days or working_days()
        self.told: int | None = None

    def missing(self) -> int | None:
        """The year whose calendar is missing by now."""
        return missing_year(clock.now(), self.asking.since, self.days.is_announced)

    def worry(self) -> str | None:
        """What readiness shows of it."""
        year = self.missing()
        return (
            f"the calendar of {year} is not announced: see calendar/ in the deploy folder"
            if (year)
            else None
        )

    async def run(self) -> None:
        """For ever."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> bool:
        """Tell of a missing calendar; whether this was the first to do so."""
        year = self.missing()
        MISSING.set(year or 0)
        if year is None or year == self.told:
            return False
        now = clock.now()
        async with self.database.transaction() as session:
            await take_turn(session, "store")
            if not await self.clockwork.trusted(session, now):
                return False
            first = await calendar_store.mark_told(session, year, now)
            if first:
                await self.desk.refresh(session)
                plans = (await self.duties.plans(session)).values()
                await tell(session, self.desk, year, recipients(plans, self.asking, now), now)
        self.told = year
        if first:
            log.warning("calendar_missing", year=year)
            self.desk.wake()
            self.announce()
        return first


def recipients(plans: Iterable[Plan], asking: Asking, now: datetime) -> list[str]:
    """Whom to tell: the help desks of the plans that run, and those who were named for it."""
    today = local_day(now)
    desks = [
        plan.contact.unit
        for plan in plans
        if plan.contact and plan.contact.unit and plan.runs.from_ <= today <= plan.runs.to
    ]
    return list(dict.fromkeys([*asking.targets, *sorted(desks)]))


async def tell(
    session: AsyncSession, desk: Desk, year: int, targets: list[str], now: datetime
) -> None:
    """The outcome, and one notice to each of those who are to mend it."""
    id, subject = f"calendar-missing:{year}", f"calendar/{year}"
    data = MissingCalendar(year=year, at=now)
    message = announcement(TYPE, data, id=id, time=now, unit=None, subject=subject)
    await outbox.enqueue(session, [message])
    if not targets:
        return
    origin = Origin(events.uid(SOURCE, id), SOURCE, now)
    fact = Fact(subject, KIND, str(year), now, targets[0], origin, (("year", str(year)),))
    officers = await load_officers(session, desk, targets, now)
    await store.add(session, tell_units(desk, fact, targets, officers, now), now)
