"""Reports that were ordered are built in time, kept, and announced with their files, each once."""

import asyncio
import base64
import contextlib
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import structlog

from services.reporting.handlers.answering import Reports
from services.reporting.handlers.asking import MOST_ROWS, Asked, ask
from services.reporting.handlers.documents import document
from services.reporting.handlers.exporting import PART_BYTES, OpenWriter
from services.reporting.handlers.scheduling.times import next_time, when_of
from services.reporting.rules import accounts as account_rules
from services.reporting.rules import schedules as rules
from services.reporting.rules.schedules import Occasion
from services.reporting.store import accounts as account_store
from services.reporting.store import schedules as store
from services.reporting.store.schedules import Run, Schedule
from shared import clock, events
from shared.events.outcomes import BuiltReport, Recipient
from shared.keys import Key
from shared.outbox import Message, enqueue
from shared.problems import Problem

log = structlog.get_logger()

SOURCE = "/motcua/reporting"
BUILT = "motcua.report.built.v1"
LISTS = ("overdue", "interview-list")
"""Reports of single dossiers: all rows go into a sheet, the first so many on paper."""
POLL_SECONDS = 5.0
BUILD_SECONDS = 900.0
TRAVELS = 180 * 1024
"""Bytes of a file that fit into a message once they are written in base64 (an event: 256 KiB)."""
MOST_TRIES = 6
FILES_KEPT = timedelta(days=90)
RUNS_KEPT = timedelta(days=400)

Make = Callable[[Mapping[str, Any], str, str], bytes]
"""(document, format, title) to a file."""
NameFile = Callable[[Mapping[str, Any], str], str]
"""(document, format) to the name of a file."""


@dataclass(frozen=True, slots=True)
class Built:
    """A file that was built of an order."""

    asked: Asked
    path: Path
    name: str
    rows: int


class Refused(Exception):
    """An order that cannot be built as it is, however often it is tried; says why in a word."""


class Building:
    """What builds the orders of one store.

    Args:
        reports: what answers.
        make, open_writer: write files, of documents and of long lists.
        name_file: how a file is called.
        announce: called once there is something to publish to the broker.
        base: where people reach this service, without a slash at its end; empty: unknown.
    """

    def __init__(
        self,
        reports: Reports,
        make: Make,
        open_writer: OpenWriter,
        name_file: NameFile,
        announce: Callable[[], None],
        base: str = "",
    ) -> None:
        self.reports, self.make, self.open_writer = reports, make, open_writer
        self.name_file, self.announce, self.base = name_file, announce, base
        self.awake = asyncio.Event()
        """Set once there is something to build at once."""

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
        next_at = None if manual else next_time(schedule.body, now, self.reports.working)
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
