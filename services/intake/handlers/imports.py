"""Uploaded lists: kept with a job, worked through by one worker at a time, never row by row twice."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import count
from typing import Any

import orjson
import structlog

from services.intake import store
from services.intake.handlers.admission import Admission
from services.intake.handlers.lists import Figures, Work, take_events, take_people
from services.intake.rules.lists.happenings import Teller
from services.intake.rules.lists.headings import DEEPEST, Headings, find
from services.intake.rules.lists.kinds import Kind
from services.intake.rules.lists.notes import FileFault
from services.intake.rules.lists.rows import RowReader
from services.intake.settings import IntakeSettings
from shared import clock
from shared.keys import Key
from shared.messaging.batches import is_outage
from shared.sealing import Sealer
from shared.sheets import opening
from shared.sheets.faults import Unreadable
from shared.sheets.reader import Batch, Reader

log = structlog.get_logger()

WORKERS = 2
"""Lists that one replica works through at once, so that a short one need not wait for a long one."""
IDLE_SECONDS = 2.0
TIDY_SECONDS = 3600.0
MOST_ATTEMPTS = 8
"""Workers that a job may cost before it is given up."""

INTERNAL = FileFault("internal", "", "Có lỗi phía hệ thống khi đọc tệp: hãy báo người quản trị.")
GAVE_UP = FileFault(
    "gave_up", "", "Đã thử nhiều lần mà không đọc hết được tệp: hãy chia nhỏ rồi gửi lại."
)
REVOKED = FileFault("key_revoked", "", "Khoá gửi tệp này đã bị thu hồi trước khi tệp được đọc.")
NO_KIND = FileFault("unknown_kind", "", "Loại danh sách này không còn được khai báo.")


@dataclass(frozen=True, slots=True)
class Upload:
    """A list as it was sent. ``given`` are values that hold for all its rows, and ``source``,
    ``sheet``, ``delivered``, ``backfill`` where they were named."""

    kind: str
    file_name: str
    content: bytes
    given: Mapping[str, str]


class Imports:
    """Keeps uploads and works through them.

    Args:
        kinds: what lists there are.
    """

    def __init__(
        self, admission: Admission, kinds: Mapping[str, Kind], settings: IntakeSettings
    ) -> None:
        self.admission, self.kinds, self.settings = admission, kinds, settings
        self.database = admission.database
        self.sealer = Sealer(admission.hash_key, "imports")
        self.wake = asyncio.Event()
        self.limits = opening.Limits(settings.max_import_unpacked_bytes, settings.max_import_rows)

    async def receive(self, upload: Upload, key: Key) -> str:
        """Keep a list to be worked through; the id of its job.

        The same upload, while it is not finished, is the same job.

        Raises:
            Unreadable: it is no list, as far as that is seen without reading it.
        """
        opening.recognise(upload.content, self.limits)
        job = {
            "id": secrets.token_hex(12),
            "kind": upload.kind,
            "file_name": upload.file_name,
            "bytes": len(upload.content),
            "fingerprint": _fingerprint(upload, key),
            "key_id": key.id,
            "caller": _snapshot(key),
            "given": dict(upload.given),
        }
        size = store.PART_BYTES
        parts = [
            self.sealer.seal(upload.content[at : at + size])
            for at in range(0, len(upload.content), size)
        ]
        id = ""
        while not id:  # the unfinished one may have ended between the two looks
            async with self.database.transaction() as session:
                id = await store.add_import(session, job, parts, clock.now())
        self.wake.set()
        return id

    # -- working -----------------------------------------------------------------------------

    async def run(self) -> None:
        """Work through what waits, for ever."""
        await asyncio.gather(self._tidy(), *(self._work() for _ in range(WORKERS)))

    async def _tidy(self) -> None:
        while True:
            with contextlib.suppress(Exception):
                before = clock.now() - timedelta(days=self.settings.import_keep_days)
                async with self.database.transaction() as session:
                    await store.tidy_imports(session, before)
            await asyncio.sleep(TIDY_SECONDS)

    async def _work(self) -> None:
        while True:
            self.wake.clear()
            worker = secrets.token_hex(8)
            try:
                async with self.database.transaction() as session:
                    job = await store.claim_import(
                        session, worker, self.settings.import_lease_seconds
                    )
            except Exception as fault:
                log.warning("imports_wait", error=type(fault).__name__)
                job = None
            if job is not None:
                await self._work_on(job, worker)
                continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.wake.wait(), IDLE_SECONDS)

    async def _work_on(self, job: Mapping[str, Any], worker: str) -> None:
        """One job to its end. An outage leaves it to whoever comes next."""
        beating = asyncio.create_task(self._beat(job["id"], worker))
        try:
            errors = await self._read(job, worker)
            await self._finish(job, worker, errors)
        except store.LeaseLost:
            log.info("import_taken_over", job=job["id"])
        except Unreadable as fault:
            errors = [FileFault(fault.code, "", fault.message)]
            await self._finish(job, worker, errors)
        except Exception as fault:
            log.error("import_failed", job=job["id"], error=type(fault).__name__)
            if is_outage(fault):
                await asyncio.sleep(IDLE_SECONDS)
            else:
                await self._finish(job, worker, [INTERNAL])
        finally:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)

    async def _beat(self, id: str, worker: str) -> None:
        lease = self.settings.import_lease_seconds
        while True:
            await asyncio.sleep(lease / 3)
            try:
                async with self.database.transaction() as session:
                    await store.renew_import(session, id, worker, lease)
            except store.LeaseLost:
                return
            except Exception as fault:
                log.warning("imports_wait", error=type(fault).__name__)

    async def _finish(self, job: Mapping[str, Any], worker: str, errors: list[FileFault]) -> None:
        state = "failed" if errors else "done"
        shown = [
            {"pointer": "/file", "code": e.code, "column": e.column, "message": e.message}
            for e in errors
        ]
        with contextlib.suppress(store.LeaseLost):
            async with self.database.transaction() as session:
                await store.finish_import(session, job["id"], worker, state, shown)
        log.info("import_finished", job=job["id"], kind=job["kind"], state=state)

    async def _read(self, job: Mapping[str, Any], worker: str) -> list[FileFault]:
        """Work through the rows; what is wrong with the file as a whole."""
        kind = self.kinds.get(job["kind"])
        if kind is None:
            return [NO_KIND]
        if job["attempts"] > MOST_ATTEMPTS:
            return [GAVE_UP]
        async with self.database.transaction() as session:
            if await store.key_revoked(session, job["key_id"]):
                return [REVOKED]
        given = job["given"]
        parts = self.parts(job["id"])
        async with Reader(parts, given.get("sheet"), self.limits) as reader:
            batches = reader.batches()
            head: Batch = []
            async for batch in batches:
                head += batch
                if len(head) > DEEPEST:
                    break
            headings, faults = find(head, kind, given)
            if headings is None:
                return faults
            lease = self.settings.import_lease_seconds
            sheet = reader.opened | _shown(headings)
            async with self.database.transaction() as session:
                await store.begin_import(
                    session, job["id"], worker, lease, reader.opened["total"], sheet
                )
            work = self._prepare(job, worker, kind, headings)
            take = take_people if kind.people else take_events
            await take(work, _with_head(head, batches), self.admission)
        return []

    def _prepare(self, job: Mapping[str, Any], worker: str, kind: Kind, headings: Headings) -> Work:
        given, registry = job["given"], self.admission.registry
        source = given.get("source")

        def source_of(unit: str) -> str:
            return source or f"/imports/{unit}"

        delivered = given.get("delivered")
        return Work(
            id=job["id"],
            worker=worker,
            lease=self.settings.import_lease_seconds,
            kind=kind,
            key=_caller(job["caller"]),
            headings=headings,
            reader=RowReader(kind, headings, registry, given, clock.local_day(job["created_at"])),
            teller=Teller(kind, registry, self.admission.hash_key, source_of),
            figures=Figures.of(job),
            delivered=datetime.fromisoformat(delivered) if delivered else job["created_at"],
            backfill=given.get("backfill") == "true",
        )

    async def parts(self, id: str) -> AsyncIterator[bytes]:
        """The file of a job, piece by piece."""
        for n in count(1):
            async with self.database.transaction() as session:
                content = await store.import_part(session, id, n)
            if content is None:
                return
            yield self.sealer.open(content)


async def _with_head(head: Batch, batches: AsyncIterator[Batch]) -> AsyncIterator[Batch]:
    if head:
        yield head
    async for batch in batches:
        yield batch


def _shown(headings: Headings) -> dict[str, Any]:
    """What a person may check about how the headings were understood."""
    return {
        "heading_row": headings.row,
        "first_row": headings.first_row,
        "columns": {name: headings.place(name) for name in headings.columns},
        "answers": {name: headings.place(name) for name in headings.answers},
        "likely": headings.likely,
        "ignored": headings.unknown[:100],
    }


def _fingerprint(upload: Upload, key: Key) -> bytes:
    body = orjson.dumps(
        [upload.kind, key.id, sha256(upload.content).hexdigest(), dict(upload.given)],
        option=orjson.OPT_SORT_KEYS,
    )
    return sha256(body).digest()


def _snapshot(key: Key) -> dict[str, Any]:
    """A caller as a job keeps it, without the key itself."""
    return {
        name: sorted(value) if isinstance(value, frozenset) else value
        for name, value in asdict(key).items()
    }


def _caller(snapshot: Mapping[str, Any]) -> Key:
    return Key(
        **{
            name: frozenset(value) if isinstance(value, list) else value
            for name, value in snapshot.items()
        }
    )
