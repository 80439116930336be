"""Whole reports as files, however long: written aside in flat memory, with progress, until cancelled."""

import asyncio
import contextlib
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import sqlalchemy as sa
import structlog

from services.reporting.handlers.answering import Reports
from services.reporting.handlers.asking import Asked, ask
from services.reporting.store import exports as store
from shared import clock
from shared.keys import Key
from shared.problems import Problem

log = structlog.get_logger()

PART_BYTES = 1 << 20
KEPT = timedelta(days=1)
"""How long a file can be fetched."""
SILENT = timedelta(seconds=60)
"""After so long without news a running export counts as interrupted."""
BEAT_SECONDS = 5
"""How often an export gives a sign of life while the database sorts."""
AT_ONCE = 2
"""Exports that one process writes at a time; others wait."""
FORMATS = ("xlsx", "csv", "json")
_WRONG_FORMAT = {
    "pointer": "/format",
    "code": "unknown",
    "message": f"Ask for one of: {', '.join(FORMATS)}.",
}


FOLDER = "motcua-export-"
"""How the folders begin in which files are written."""


class Writer(Protocol):
    """Writes a report's rows to a file."""

    def add(self, rows: Sequence[Mapping[str, Any]]) -> None: ...
    def close(self) -> None: ...


def sweep(place: Path, now: datetime) -> None:
    """Remove the folders of exports whose process was killed: untouched for as long as files are
    kept."""
    for folder in place.glob(f"{FOLDER}*"):
        with contextlib.suppress(OSError):
            newest = max(each.stat().st_mtime for each in (folder, *folder.iterdir()))
            if now.timestamp() - newest > KEPT.total_seconds():
                shutil.rmtree(folder, ignore_errors=True)


OpenWriter = Callable[[Path, str, Asked], Writer]
"""(path, format, what was asked) to a writer."""


class Exports:
    """The exports of one store.

    Args:
        reports: what answers.
        open_writer: opens a file of a format.
    """

    def __init__(self, reports: Reports, open_writer: OpenWriter) -> None:
        self.reports, self.open_writer = reports, open_writer
        self.tasks: set[asyncio.Task[None]] = set()
        self.sorting: set[str] = set()
        """Those whose first rows have not come yet."""
        self.places = asyncio.Semaphore(AT_ONCE)

    async def start(self, report: str, typed: Mapping[str, str], form: str, key: Key) -> str:
        """Begin to write a file; raises `Problem` as `ask` does, 422 for another format."""
        now = clock.now()
        faults = [] if form in FORMATS else [_WRONG_FORMAT]
        try:
            asked = ask(report, typed, key, self.reports.registry, now)
        except Problem as problem:
            problem.errors += faults if problem.status == 422 else []
            raise
        if faults:
            raise Problem(422, errors=faults)
        id = secrets.token_urlsafe(18)
        async with self.reports.database.transaction() as session:
            await store.add(session, id, report, dict(typed), form, key.name, now, KEPT)
        task = asyncio.create_task(self._write(id, asked, form))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return id

    async def find(self, id: str, key: Key) -> sa.Row:
        """An export of this key; raises `Problem` 404."""
        async with self.reports.database.transaction() as session:
            row = await store.find(session, id)
        if row is None or (row.key_name != key.name and not key.may("admin")):
            raise Problem(404, "There is no such export.")
        return row

    @staticmethod
    def state(row: sa.Row) -> str:
        """running, done, failed, cancelled, or interrupted: nobody writes it any more."""
        if row.state == "running" and clock.now() - row.seen_at > SILENT:
            return "interrupted"
        return str(row.state)

    async def cancel(self, id: str, key: Key) -> None:
        """Stop an export and drop its file; raises `Problem` 404."""
        await self.find(id, key)
        async with self.reports.database.transaction() as session:
            await store.cancel(session, id)

    async def read(self, id: str) -> AsyncIterator[bytes]:
        """The file, piece by piece."""
        async with self.reports.database.transaction() as session:
            async for part in store.read(session, id):
                yield part

    async def _write(self, id: str, asked: Asked, form: str) -> None:
        try:
            async with self.places:
                await asyncio.to_thread(sweep, Path(tempfile.gettempdir()), clock.now())
                with tempfile.TemporaryDirectory(prefix=FOLDER) as folder:
                    path = Path(folder) / f"export.{form}"
                    if await self._watched(id, self._fill(id, asked, form, path)):
                        await self._keep(id, path)
        except Exception as fault:
            log.error("export_failed", error=type(fault).__name__)
            with contextlib.suppress(Exception):
                async with self.reports.database.transaction() as session:
                    await store.end(session, id, "failed")

    async def _watched(self, id: str, work: Coroutine[Any, Any, bool]) -> bool:
        """What a piece of work comes to, with a sign of life now and then; false if nobody wants it
        any more."""
        task = asyncio.create_task(work)
        try:
            while not (await asyncio.wait({task}, timeout=BEAT_SECONDS))[0]:
                async with self.reports.database.transaction() as session:
                    wanted = await store.beat(session, id, clock.now())
                if not wanted and id in self.sorting:
                    return False
            return task.result()
        finally:
            self.sorting.discard(id)
            if not task.done():
                task.cancel()
                await asyncio.wait({task})

    async def _fill(self, id: str, asked: Asked, form: str, path: Path) -> bool:
        """Write the rows; false once nobody wants them any more."""
        writer = await asyncio.to_thread(self.open_writer, path, form, asked)
        done = 0
        self.sorting.add(id)
        try:
            async for total, rows in self.reports.every_row(asked.question):
                self.sorting.discard(id)
                await asyncio.to_thread(writer.add, rows)
                done += len(rows)
                if not await self._seen(id, done, total):
                    return False
        finally:
            await asyncio.to_thread(writer.close)
        return await self._seen(id, done, done)

    async def _seen(self, id: str, rows: int, total: int) -> bool:
        async with self.reports.database.transaction() as session:
            return await store.see(session, id, rows, total, clock.now())

    async def _keep(self, id: str, path: Path) -> None:
        with path.open("rb") as file:
            number = 0
            while content := await asyncio.to_thread(file.read, PART_BYTES):
                async with self.reports.database.transaction() as session:
                    await store.add_part(session, id, number, content)
                number += 1
        async with self.reports.database.transaction() as session:
            if not await store.end(session, id, "done"):
                await store.cancel(session, id)
