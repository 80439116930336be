"""Reports that are ordered ahead: built in time, kept, and announced with their files, each once."""

import asyncio
import base64
import contextlib
import secrets
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import structlog

from services.reporting.handlers.answering import Reports
from services.reporting.handlers.asking import MOST_ROWS, Asked, ask, visible_units
from services.reporting.handlers.documents import document
from services.reporting.handlers.exporting import PART_BYTES, OpenWriter
from services.reporting.handlers.reports import REPORTS
from services.reporting.rules import accounts as account_rules
from services.reporting.rules import schedules as rules
from services.reporting.rules.schedules import Occasion, When
from services.reporting.store import accounts as account_store
from services.reporting.store import schedules as store
from services.reporting.store.schedules import Run, Schedule
from shared import clock, events, nearest
from shared.events.outcomes import BuiltReport, Recipient
from shared.keys import Key
from shared.outbox import Message, enqueue
from shared.problems import Problem

log = structlog.get_logger()

SOURCE = "/motcua/reporting"
BUILT = "motcua.report.built.v1"
FORMATS = ("xlsx", "pdf", "csv")
LISTS = ("overdue", "interview-list")
"""Reports of single dossiers: all rows go into a sheet, the first so many on paper."""
POLL_SECONDS = 5.0
BUILD_SECONDS = 900.0
TRAVELS = 180 * 1024
"""Bytes of a file that fit into a message once they are written in base64 (an event: 256 KiB)."""
MOST_TRIES = 6
MOST_OF_ONE = 100
"""Orders of one person."""
MOST_LISTED = 1000
FILES_KEPT = timedelta(days=90)
RUNS_KEPT = timedelta(days=400)
MOVING = ("from", "to", "as_of", "format", "limit", "offset", "lang", "after")
"""Parameters that an order takes from its time, or has no use for."""

Make = Callable[[Mapping[str, Any], str, str], bytes]
"""(document, format, title) to a file."""
NameFile = Callable[[Mapping[str, Any], str], str]
"""(document, format) to the name of a file."""


@dataclass(frozen=True, slots=True)
class Wish:
    """An order as somebody gives it."""

    title: str
    report: str
    parameters: Mapping[str, str]
    period: str
    format: str
    every: str
    before: str
    days: Sequence[int]
    days_off: str
    lead_minutes: int | None
    recipients: Sequence[tuple[str, str | None]]


@dataclass(frozen=True, slots=True)
class Built:
    """A file that was built of an order."""

    asked: Asked
    path: Path
    name: str
    rows: int


class Refused(Exception):
    """An order that cannot be built as it is, however often it is tried; says why in a word."""


class Scheduling:
    """The orders of one store.

    Args:
        reports: what answers.
        make, open_writer: write files, of documents and of long lists.
        name_file: how a file is called.
        announce: called once there is something to publish to the broker.
        base: where people reach this service, without a slash at its end; empty: unknown.
        lead: how long before its time a report is built, where an order does not say.
    """

    def __init__(
        self,
        reports: Reports,
        make: Make,
        open_writer: OpenWriter,
        name_file: NameFile,
        announce: Callable[[], None],
        base: str = "",
        lead: int = 60,
    ) -> None:
        self.reports, self.make, self.open_writer = reports, make, open_writer
        self.name_file, self.announce = name_file, announce
        self.base, self.lead = base, lead
        self.awake = asyncio.Event()

    # -- orders ------------------------------------------------------------------------------

    async def create(self, wish: Wish, key: Key) -> str:
        """Keep an order; returns its id. Raises `Problem` 403, 422 naming every fault."""
        now = clock.now()
        body, units = await self._checked(wish, key, now)
        id = secrets.token_hex(8)
        async with self.reports.database.transaction() as session:
            if await store.count(session, key.id) >= MOST_OF_ONE:
                raise Problem(422, errors=[_fault("", "too_many", "There is no room for more.")])
            owner = (key.id, key.name)
            await store.add(session, id, owner, body, units, now, self._next(body, now))
        return id

    async def change(self, id: str, wish: Wish, key: Key) -> None:
        """Put another order in its place; raises `Problem` 403, 404, 422."""
        now = clock.now()
        await self._mine(id, key)
        body, units = await self._checked(wish, key, now)
        async with self.reports.database.transaction() as session:
            await store.change(session, id, body, units, now, self._next(body, now))

    async def drop(self, id: str, key: Key) -> None:
        """Forget an order and its files; raises `Problem` 403, 404."""
        await self._mine(id, key)
        async with self.reports.database.transaction() as session:
            await store.drop(session, id)

    async def pause(self, id: str, key: Key) -> None:
        """Build nothing until it is resumed; raises `Problem` 403, 404."""
        await self._mine(id, key)
        async with self.reports.database.transaction() as session:
            await store.pause(session, id, clock.now())

    async def resume(self, id: str, key: Key) -> None:
        """Go on with the next time: what lay between is not made up for. Raises `Problem`."""
        found = await self._mine(id, key)
        async with self.reports.database.transaction() as session:
            await store.resume(session, id, self._next(found.body, clock.now()))

    async def run_now(self, id: str, key: Key) -> None:
        """Have it built and sent now, beside its times; raises `Problem` 403, 404."""
        await self._mine(id, key)
        async with self.reports.database.transaction() as session:
            await store.order(session, id, clock.now())
        self.awake.set()

    async def listed(self, key: Key, runs: int = 1) -> list[tuple[Schedule, list[sa.Row]]]:
        """The orders that somebody may see, each with what came of it, the newest first."""
        async with self.reports.database.transaction() as session:
            found = await store.listed(session, MOST_LISTED)
            seen = [each for each in found if self._sees(each, key)]
            history = await store.histories(session, [each.id for each in seen], runs)
        return [(each, history.get(each.id, [])) for each in seen]

    async def find(self, id: str, key: Key) -> Schedule:
        """An order; raises `Problem` 404, also for one of others' units."""
        async with self.reports.database.transaction() as session:
            found = await store.find(session, id)
        if found is None or not self._sees(found, key):
            raise Problem(404, "There is no such schedule.")
        return found

    async def runs(self, id: str, key: Key, limit: int) -> list[sa.Row]:
        """What came of an order, the newest first; raises `Problem` 404."""
        await self.find(id, key)
        async with self.reports.database.transaction() as session:
            return await store.runs(session, id, limit)

    async def file(self, run: int, key: Key) -> sa.Row:
        """A run whose file somebody may read; raises `Problem` 404."""
        async with self.reports.database.transaction() as session:
            row = await store.run(session, run)
        units = None if row is None or row.units is None else frozenset(row.units)
        if row is None or row.file is None or not (row.owner == key.id or self._covers(key, units)):
            raise Problem(404, "There is no such file.")
        return row

    async def read(self, run: int) -> AsyncIterator[bytes]:
        """A file, piece by piece."""
        async with self.reports.database.transaction() as session:
            async for part in store.read(session, run):
                yield part

    def next_times(self, body: Mapping[str, Any], after: datetime, most: int) -> list[Occasion]:
        """The next times of an order."""
        return rules.occasions(when_of(body), after, most, self.reports.working)

    def _next(self, body: Mapping[str, Any], after: datetime) -> datetime | None:
        found = self.next_times(body, after, 1)
        return found[0].build_at if found else None

    def _sees(self, schedule: Schedule, key: Key) -> bool:
        return schedule.owner == key.id or self._covers(key, schedule.units)

    def _covers(self, key: Key, units: frozenset[str] | None) -> bool:
        """Whether somebody may see the figures of some units, or of all."""
        reach = visible_units(None, key, self.reports.registry, date.min, clock.today())
        if reach.open:
            return True
        return units is not None and units <= {span.unit for span in reach.spans}

    async def _mine(self, id: str, key: Key) -> Schedule:
        found = await self.find(id, key)
        if found.owner != key.id and not key.may("admin"):
            raise Problem(403, "Only who made a schedule, and admins, may change it.")
        return found

    async def _checked(
        self, wish: Wish, key: Key, now: datetime
    ) -> tuple[dict[str, Any], frozenset[str] | None]:
        """An order as it is kept, and the units that it shows; raises `Problem` 403, 422."""
        faults: list[dict[str, str]] = []
        for name, value, known in (
            ("report", wish.report, tuple(REPORTS)),
            ("period", wish.period, rules.PERIODS),
            ("format", wish.format, FORMATS),
            ("when/every", wish.every, rules.EVERY),
            ("when/days_off", wish.days_off, rules.DAYS_OFF),
        ):
            if value not in known:
                faults.append(_fault(name, "unknown", f"Give one of: {', '.join(known)}."))
        if not wish.title.strip():
            faults.append(_fault("title", "missing", "Give it a name."))
        faults += _faults_of_time(wish)
        for name in wish.parameters:
            if name in MOVING:
                message = "A schedule says this by its period, format and time."
                faults.append(_fault(f"parameters/{name}", "not_here", message))
        faults += self._faults_of_recipients(wish, key)
        asked = None
        if wish.report in REPORTS:
            try:
                names = await self.reports.names()
                asked = ask(wish.report, wish.parameters, key, self.reports.registry, now, names)
            except Problem as problem:
                if problem.status != 422:
                    raise
                faults += [
                    {**each, "pointer": f"/parameters{each['pointer']}"} for each in problem.errors
                ]
        if asked is not None:  # what is mailed every month had better not name a plan that is not
            faults += [
                {**each, "pointer": f"/parameters{each['pointer']}"} for each in asked.warnings
            ]
        if faults or asked is None:
            raise Problem(422, errors=faults)
        lead = self.lead if wish.lead_minutes is None else wish.lead_minutes
        return {
            "title": wish.title,
            "report": wish.report,
            "parameters": dict(wish.parameters),
            "period": wish.period,
            "format": wish.format,
            "when": {
                "every": wish.every,
                "days": sorted(set(wish.days)) if wish.every != "day" else [],
                "before": wish.before,
                "days_off": wish.days_off,
                "lead_minutes": lead,
            },
            "recipients": [
                {"unit": unit, "level": level} for unit, level in dict.fromkeys(wish.recipients)
            ],
        }, asked.question.units

    def _faults_of_recipients(self, wish: Wish, key: Key) -> list[dict[str, str]]:
        registry, today, faults = self.reports.registry, clock.today(), []
        if not wish.recipients:
            faults.append(_fault("recipients", "missing", "Say who is to have it."))
        for number, (unit, level) in enumerate(wish.recipients):
            where = f"recipients/{number}"
            if not registry.known(unit):
                message = "There is no such unit."
                named = nearest.fault("unit", message, registry.nearest(unit))
                faults.append({**named, "pointer": f"/{where}/unit"})
            elif key.units and not (
                registry.within(unit, key.units, today)
                or any(unit in registry.ancestors(own, today) for own in key.units)
            ):
                message = "Give one of your units, or of those above or below them."
                faults.append(_fault(f"{where}/unit", "beyond_key", message))
            if level not in (None, *LEVELS):
                message = f"Give one of: {', '.join(LEVELS)}."
                faults.append(_fault(f"{where}/level", "unknown", message))
        return faults

    # -- building ----------------------------------------------------------------------------

    async def build_always(self) -> None:
        """For ever: build what is due. Replicas share the work; what one drops another takes up."""
        while True:
            self.awake.clear()
            try:
                busy = await self.build_due()
            except Exception as fault:
                log.error("schedules_wait", error=type(fault).__name__)
                busy = False
            if not busy:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.awake.wait(), POLL_SECONDS)

    async def build_due(self) -> bool:
        """Build an order whose time has come; false where there is none that nobody builds."""
        async with self.reports.database.transaction() as session:
            due = await store.due(session, clock.now())
        for id in due:
            async with self._held(id) as held:
                if held:
                    await self._build(id)
                    return True
        return False

    @contextlib.asynccontextmanager
    async def _held(self, id: str) -> AsyncIterator[bool]:
        async with self.reports.database.engine.connect() as plain:
            connection = await plain.execution_options(isolation_level="AUTOCOMMIT")
            try:
                yield await store.hold(connection, id)
            finally:  # back in the pool it would go on holding the order
                await connection.invalidate()

    async def _build(self, id: str) -> None:
        now = clock.now()
        async with self.reports.database.transaction() as session:
            schedule = await store.find(session, id)
            key = None if schedule is None else await _owner(session, schedule)
        if schedule is None:
            return
        plan = self._time_of(schedule, now)
        if plan is None:  # another replica has built it meanwhile
            return
        occasion, missed = plan
        try:
            if key is None:
                raise Refused("owner_gone")
            with tempfile.TemporaryDirectory(prefix="motcua-schedule-") as folder:
                async with asyncio.timeout(BUILD_SECONDS):
                    built = await self._write(schedule, occasion, key, Path(folder))
                await self._keep(schedule, occasion, missed, built)
        except Exception as fault:
            await self._fail(schedule, occasion, missed, fault)

    def _time_of(self, schedule: Schedule, now: datetime) -> tuple[Occasion, int] | None:
        """The time that an order is built for, and how many before it are left out: after a time of
        standing still it is built once, for the last one."""
        if schedule.asked_at is not None:
            asked = schedule.asked_at
            return Occasion(clock.local_day(asked), asked, asked), 0
        if schedule.paused_at is not None or schedule.next_at is None or schedule.next_at > now:
            return None
        when = when_of(schedule.body)
        found = rules.missed(when, schedule.next_at, now, self.reports.working)
        if not found:  # the calendar has changed since
            due = schedule.next_at + when.lead
            found = [Occasion(clock.local_day(due), schedule.next_at, due)]
        return found[-1], len(found) - 1

    async def _write(self, schedule: Schedule, occasion: Occasion, key: Key, folder: Path) -> Built:
        body, form = schedule.body, schedule.body["format"]
        first, last = rules.period_of(body["period"], occasion.day)
        typed = dict(body["parameters"]) | {"to": last.isoformat(), "limit": str(MOST_ROWS)}
        if first is not None:
            typed["from"] = first.isoformat()
        registry, now = self.reports.registry, clock.now()
        asked = ask(body["report"], typed, key, registry, now, await self.reports.names())
        path = folder / f"report.{form}"
        if body["report"] in LISTS and form != "pdf":
            rows = await self._write_list(asked, form, path)
            head = {"report": body["report"], "from": typed.get("from"), "to": typed["to"]}
            return Built(asked, path, self.name_file(head, form), rows)
        made = document(asked, await self.reports.answer(asked.question))
        title = body["title"]
        path.write_bytes(await asyncio.to_thread(self.make, made, form, title))
        return Built(asked, path, self.name_file(made, form), len(made["rows"]))

    async def _write_list(self, asked: Asked, form: str, path: Path) -> int:
        writer = await asyncio.to_thread(self.open_writer, path, form, asked)
        count = 0
        try:
            async for _, rows in self.reports.every_row(asked.question):
                await asyncio.to_thread(writer.add, rows)
                count += len(rows)
        finally:
            await asyncio.to_thread(writer.close)
        return count

    async def _keep(
        self, schedule: Schedule, occasion: Occasion, missed: int, built: Built
    ) -> None:
        """Keep the file, announce it and wait for the next time, all in one transaction."""
        now, size = clock.now(), built.path.stat().st_size
        manual = schedule.asked_at is not None
        late = not manual and now > occasion.due_at
        run = Run(
            schedule.id, occasion.due_at, manual, "done", late, missed, built.asked.first,
            built.asked.last, built.name, size, built.rows, None, now,
        )  # fmt: skip
        async with self.reports.database.transaction() as session:
            if not await self._move_on(session, schedule, now):
                return  # changed or dropped while it was built: what is wanted now is built next
            number = await store.add_run(session, run)
            if number is not None:
                with built.path.open("rb") as file:
                    for part in range(size // PART_BYTES + 1):
                        content = await asyncio.to_thread(file.read, PART_BYTES)
                        await store.add_part(session, number, part, content)
                content = built.path.read_bytes() if size <= TRAVELS else None
                await enqueue(session, [self._message(schedule, number, run, content)])
            await store.forget(session, now - FILES_KEPT, now - RUNS_KEPT)
        log.info("schedule_built", schedule=schedule.id, rows=built.rows, bytes=size, late=late)
        self.announce()

    async def _move_on(self, session, schedule: Schedule, now: datetime) -> bool:
        manual = schedule.asked_at is not None
        next_at = None if manual else self._next(schedule.body, now)
        return await store.done(session, schedule, schedule.asked_at, next_at)

    def _message(self, schedule: Schedule, number: int, run: Run, content: bytes | None) -> Message:
        body = schedule.body
        told = BuiltReport(
            schedule=schedule.id,
            run=str(number),
            report=body["report"],
            title=f"{body['title']} ({_span(run)})",
            to=[Recipient(**each) for each in body["recipients"]],
            file=run.file or "",
            size=run.bytes,
            content=None if content is None else base64.b64encode(content).decode(),
            address=f"{self.base}/schedules/runs/{number}",
            due_at=run.due_at,
            late=run.late,
            at=run.at,
        )
        mark = f"report:{schedule.id}:{run.due_at.astimezone(clock.VN).isoformat()}"
        payload = events.outcome(BUILT, told, source=SOURCE, id=mark, time=run.at)
        return Message(
            "OUTCOMES", events.subject(BUILT, None), events.message_id(SOURCE, mark), payload
        )

    async def _fail(
        self, schedule: Schedule, occasion: Occasion, missed: int, fault: Exception
    ) -> None:
        """Try again in a while, or note that it could not be built: where trying again is no use,
        and after so many tries."""
        now, reason = clock.now(), _reason(fault)
        final = isinstance(fault, Refused | Problem) or schedule.attempts + 1 >= MOST_TRIES
        log.error("schedule_failed", schedule=schedule.id, error=reason, final=final)
        async with self.reports.database.transaction() as session:
            if not final:
                until = now + timedelta(seconds=15 * 2**schedule.attempts)
                await store.put_off(session, schedule, until, reason)
            elif await self._move_on(session, schedule, now):
                run = Run(
                    schedule.id, occasion.due_at, schedule.asked_at is not None, "failed",
                    now > occasion.due_at, missed, None, None, None, 0, 0, reason, now,
                )  # fmt: skip
                await store.add_run(session, run)
                if isinstance(fault, Refused):
                    await store.pause(session, schedule.id, now, reason)


LEVELS = ("officer", "head", "district", "province")


def when_of(body: Mapping[str, Any]) -> When:
    """The time of an order that is kept."""
    told = body["when"]
    lead = timedelta(minutes=told["lead_minutes"])
    before = time.fromisoformat(told["before"])
    return When(told["every"], before, lead, tuple(told["days"]), told["days_off"])


async def _owner(session, schedule: Schedule) -> Key | None:
    """Who made an order, with what he may see today; null once he may make none any more."""
    if schedule.owner == "admin":
        return Key("admin", "admin", frozenset({"admin"}))
    if schedule.owner.startswith("user:"):
        row = await account_store.find(session, schedule.owner.removeprefix("user:"))
        if row is None or row.disabled_at is not None:
            return None
        scopes = account_rules.ROLES.get(row.role, frozenset())
        key = Key(schedule.owner, row.display_name, scopes, frozenset(row.units))
    else:
        row = await store.key(session, schedule.owner)
        if row is None or row.revoked_at is not None:
            return None
        key = Key(row.id, row.name, frozenset(row.scopes), frozenset(row.units))
    return key if key.may("reports:write") else None


def _faults_of_time(wish: Wish) -> list[dict[str, str]]:
    faults = []
    try:
        time.fromisoformat(wish.before)
        fits = len(wish.before) == 5
    except ValueError:
        fits = False
    if not fits:
        faults.append(_fault("when/before", "not_a_time", "Write a time as HH:MM, such as 17:00."))
    most = {"week": 7, "month": 31}.get(wish.every)
    if most and not wish.days:
        faults.append(_fault("when/days", "missing", f"Give days from 1 to {most}."))
    if most and any(not 1 <= day <= most for day in wish.days):
        faults.append(_fault("when/days", "out_of_range", f"Give days from 1 to {most}."))
    if wish.lead_minutes is not None and not 0 <= wish.lead_minutes <= 10_080:
        message = "Give minutes from 0 to 10080, a week."
        faults.append(_fault("when/lead_minutes", "out_of_range", message))
    return faults


def _reason(fault: Exception) -> str:
    """Why it was not built, in a word that says nothing of anybody."""
    if isinstance(fault, Refused):
        return str(fault)
    if isinstance(fault, Problem):
        return "outside_units" if fault.status == 403 else "bad_parameters"
    return "timeout" if isinstance(fault, TimeoutError) else type(fault).__name__


def _span(run: Run) -> str:
    first = f"{run.first:%d/%m/%Y} - " if run.first else "đến "
    return f"{first}{run.last:%d/%m/%Y}"


def _fault(name: str, code: str, message: str) -> dict[str, str]:
    return {"pointer": f"/{name}", "code": code, "message": message}
