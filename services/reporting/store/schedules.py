"""Reports that were ordered for a time, what came of each, and the files as they were made."""

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

_ADD = sa.text(
    "INSERT INTO schedules (id, owner, owner_name, body, units, created_at, changed_at, next_at)"
    " VALUES (:id, :owner, :owner_name, CAST(:body AS jsonb), CAST(:units AS text[]), :now, :now,"
    " :next)"
)
_CHANGE = sa.text(
    "UPDATE schedules SET body = CAST(:body AS jsonb), units = CAST(:units AS text[]),"
    " changed_at = :now, next_at = :next, attempts = 0, not_before = NULL, reason = NULL,"
    " revision = revision + 1 WHERE id = :id"
)
_FIND = sa.text("SELECT * FROM schedules WHERE id = :id")
_LIST = sa.text("SELECT * FROM schedules ORDER BY created_at, id LIMIT :limit")
_COUNT = sa.text("SELECT count(*) FROM schedules WHERE owner = :owner")
_DROP = sa.text("DELETE FROM schedules WHERE id = :id")
_PAUSE = sa.text(
    "UPDATE schedules SET paused_at = coalesce(paused_at, :now), reason = :reason,"
    " revision = revision + 1 WHERE id = :id"
)
_RESUME = sa.text(
    "UPDATE schedules SET paused_at = NULL, next_at = :next, reason = NULL, attempts = 0,"
    " not_before = NULL, revision = revision + 1 WHERE id = :id"
)
_ORDER = sa.text(
    "UPDATE schedules SET asked_at = coalesce(asked_at, :now), not_before = NULL WHERE id = :id"
)
_DUE = sa.text(
    "SELECT id FROM schedules WHERE (asked_at IS NOT NULL OR (paused_at IS NULL AND next_at <= :now))"
    " AND (not_before IS NULL OR not_before <= :now) ORDER BY coalesce(asked_at, next_at), id"
    " LIMIT 20"
)
_HOLD = sa.text(
    "SELECT pg_try_advisory_lock(hashtextextended(current_schema() || '.schedule.' || :id, 0))"
)
_DONE = sa.text(
    "UPDATE schedules SET next_at = coalesce(:next, next_at), attempts = 0, not_before = NULL,"
    " reason = NULL, asked_at = CASE WHEN asked_at = :asked THEN NULL ELSE asked_at END"
    " WHERE id = :id AND revision = :revision RETURNING id"
)
_PUT_OFF = sa.text(
    "UPDATE schedules SET attempts = attempts + 1, not_before = :until, reason = :reason"
    " WHERE id = :id AND revision = :revision"
)
_ADD_RUN = sa.text(
    "INSERT INTO schedule_runs (schedule, due_at, asked, state, late, missed, first, last, file,"
    " bytes, rows, reason, at) VALUES (:schedule, :due_at, :asked, :state, :late, :missed, :first,"
    " :last, :file, :bytes, :rows, :reason, :at)"
    " ON CONFLICT (schedule, due_at) DO NOTHING RETURNING id"
)
_RUNS = sa.text(
    "SELECT r.*, EXISTS (SELECT FROM schedule_files f WHERE f.run = r.id) AS kept"
    " FROM schedule_runs r WHERE schedule = :schedule ORDER BY at DESC, id DESC LIMIT :limit"
)
_HISTORIES = sa.text(
    "SELECT r.*, EXISTS (SELECT FROM schedule_files f WHERE f.run = r.id) AS kept"
    " FROM unnest(CAST(:schedules AS text[])) AS s(id) CROSS JOIN LATERAL (SELECT *"
    " FROM schedule_runs r WHERE r.schedule = s.id ORDER BY at DESC, id DESC LIMIT :limit) AS r"
    " ORDER BY r.schedule, r.at DESC, r.id DESC"
)
_RUN = sa.text(
    "SELECT r.*, s.units, s.owner FROM schedule_runs r JOIN schedules s ON s.id = r.schedule"
    " WHERE r.id = :id"
)
_PART = sa.text(
    "INSERT INTO schedule_files (run, number, content) VALUES (:run, :number, :content)"
)
_PARTS = sa.text("SELECT count(*) FROM schedule_files WHERE run = :run")
_READ = sa.text("SELECT content FROM schedule_files WHERE run = :run AND number = :number")
_KEY = sa.text("SELECT id, name, scopes, units, revoked_at FROM keys WHERE id = :id")
_FORGET = (
    sa.text(
        "DELETE FROM schedule_files WHERE run IN"
        " (SELECT id FROM schedule_runs WHERE at < :files ORDER BY at LIMIT 500)"
    ),
    sa.text(
        "DELETE FROM schedule_runs WHERE id IN"
        " (SELECT id FROM schedule_runs WHERE at < :runs ORDER BY at LIMIT 500)"
    ),
)


@dataclass(frozen=True, slots=True)
class Schedule:
    """An order; `body` says what, when and to whom, as it was checked."""

    id: str
    owner: str
    owner_name: str
    body: Mapping[str, Any]
    units: frozenset[str] | None
    """The units whose figures it may show; null: all."""
    revision: int
    paused_at: datetime | None
    next_at: datetime | None
    asked_at: datetime | None
    attempts: int
    reason: str | None


@dataclass(frozen=True, slots=True)
class Run:
    """What came of an order at one of its times."""

    schedule: str
    due_at: datetime
    asked: bool
    state: str
    late: bool
    missed: int
    first: date | None
    last: date | None
    file: str | None
    bytes: int
    rows: int
    reason: str | None
    at: datetime


def _read(row: sa.Row) -> Schedule:
    body = orjson.loads(row.body) if isinstance(row.body, str | bytes) else row.body
    units = None if row.units is None else frozenset(row.units)
    return Schedule(
        row.id, row.owner, row.owner_name, body, units, row.revision, row.paused_at, row.next_at,
        row.asked_at, row.attempts, row.reason,
    )  # fmt: skip


async def add(
    session: AsyncSession,
    id: str,
    owner: tuple[str, str],
    body: Mapping[str, Any],
    units: Iterable[str] | None,
    now: datetime,
    next_at: datetime | None,
) -> None:
    """Keep a new order of somebody, by id and name."""
    given = {"id": id, "owner": owner[0], "owner_name": owner[1], "now": now, "next": next_at}
    await session.execute(_ADD, given | _kept(body, units))


async def change(
    session: AsyncSession,
    id: str,
    body: Mapping[str, Any],
    units: Iterable[str] | None,
    now: datetime,
    next_at: datetime | None,
) -> None:
    """Put another order in the place of one; what is being built of the old one is dropped."""
    await session.execute(_CHANGE, {"id": id, "now": now, "next": next_at} | _kept(body, units))


def _kept(body: Mapping[str, Any], units: Iterable[str] | None) -> dict[str, Any]:
    shown = None if units is None else sorted(units)
    return {"body": orjson.dumps(dict(body)).decode(), "units": shown}


async def find(session: AsyncSession, id: str) -> Schedule | None:
    """One order."""
    row = (await session.execute(_FIND, {"id": id})).first()
    return None if row is None else _read(row)


async def listed(session: AsyncSession, limit: int) -> list[Schedule]:
    """Orders, the oldest first."""
    return [_read(row) for row in await session.execute(_LIST, {"limit": limit})]


async def count(session: AsyncSession, owner: str) -> int:
    """How many orders somebody has."""
    return await session.scalar(_COUNT, {"owner": owner}) or 0


async def drop(session: AsyncSession, id: str) -> None:
    """Forget an order with its files."""
    await session.execute(_DROP, {"id": id})


async def pause(session: AsyncSession, id: str, now: datetime, reason: str | None = None) -> None:
    """Build nothing of an order until it is resumed."""
    await session.execute(_PAUSE, {"id": id, "now": now, "reason": reason})


async def resume(session: AsyncSession, id: str, next_at: datetime | None) -> None:
    """Go on with an order from its next time."""
    await session.execute(_RESUME, {"id": id, "next": next_at})


async def order(session: AsyncSession, id: str, now: datetime) -> None:
    """Have an order built now, once, beside its times."""
    await session.execute(_ORDER, {"id": id, "now": now})


async def due(session: AsyncSession, now: datetime) -> list[str]:
    """Orders whose time has come."""
    return list((await session.scalars(_DUE, {"now": now})).all())


async def hold(connection: AsyncConnection, id: str) -> bool:
    """Be the only one who builds an order, until the connection ends: a killed process lets go."""
    return bool(await connection.scalar(_HOLD, {"id": id}))


async def done(
    session: AsyncSession, schedule: Schedule, asked: datetime | None, next_at: datetime | None
) -> bool:
    """Wait for an order's next time; false if it was changed or dropped meanwhile."""
    given = {"id": schedule.id, "revision": schedule.revision, "asked": asked, "next": next_at}
    return await session.scalar(_DONE, given) is not None


async def put_off(session: AsyncSession, schedule: Schedule, until: datetime, reason: str) -> None:
    """Try again later."""
    given = {"id": schedule.id, "revision": schedule.revision, "until": until, "reason": reason}
    await session.execute(_PUT_OFF, given)


async def add_run(session: AsyncSession, run: Run) -> int | None:
    """Note what came of an order; null where that time has been noted before."""
    names = Run.__dataclass_fields__
    return await session.scalar(_ADD_RUN, {name: getattr(run, name) for name in names})


async def runs(session: AsyncSession, schedule: str, limit: int) -> list[sa.Row]:
    """What came of an order, the newest first."""
    rows = await session.execute(_RUNS, {"schedule": schedule, "limit": limit})
    return list(rows.all())


async def histories(
    session: AsyncSession, schedules: Iterable[str], limit: int
) -> dict[str, list[sa.Row]]:
    """What came of some orders, at most so many of each, the newest first."""
    found: dict[str, list[sa.Row]] = {}
    given = {"schedules": list(schedules), "limit": limit}
    for row in await session.execute(_HISTORIES, given):
        found.setdefault(row.schedule, []).append(row)
    return found


async def run(session: AsyncSession, id: int) -> sa.Row | None:
    """What came of an order once, with the units that it may show."""
    return (await session.execute(_RUN, {"id": id})).first()


async def add_part(session: AsyncSession, run: int, number: int, content: bytes) -> None:
    """Keep a piece of a file."""
    await session.execute(_PART, {"run": run, "number": number, "content": content})


async def read(session: AsyncSession, run: int) -> AsyncIterator[bytes]:
    """The pieces of a file, one after another."""
    for number in range(await session.scalar(_PARTS, {"run": run}) or 0):
        yield await session.scalar(_READ, {"run": run, "number": number}) or b""


async def forget(session: AsyncSession, files: datetime, runs: datetime) -> None:
    """Drop files and runs from before these instants."""
    for statement in _FORGET:
        await session.execute(statement, {"files": files, "runs": runs})


async def key(session: AsyncSession, id: str) -> sa.Row | None:
    """A key, revoked or not."""
    return (await session.execute(_KEY, {"id": id})).first()
