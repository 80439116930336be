"""Export jobs and the pieces of their files."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

_ADD = sa.text(
    "INSERT INTO exports (id, report, parameters, format, key_name, state, rows, total, created_at,"
    " seen_at) VALUES (:id, :report, CAST(:parameters AS jsonb), :format, :key_name, 'running', 0, 0,"
    " :now, :now)"
)
_FIND = sa.text("SELECT * FROM exports WHERE id = :id")
_SEE = sa.text(
    "UPDATE exports SET rows = :rows, total = :total, seen_at = :now"
    " WHERE id = :id AND state = 'running' RETURNING id"
)
_BEAT = sa.text(
    "UPDATE exports SET seen_at = :now WHERE id = :id AND state = 'running' RETURNING id"
)
_END = sa.text(
    "UPDATE exports SET state = :state WHERE id = :id AND state = 'running' RETURNING id"
)
_CANCEL = sa.text(
    "UPDATE exports SET state = 'cancelled' WHERE id = :id AND state IN ('running', 'done')"
)
_PART = sa.text("INSERT INTO export_parts VALUES (:id, :number, :content)")
_PARTS = sa.text("SELECT count(*) FROM export_parts WHERE export = :id")
_READ = sa.text("SELECT content FROM export_parts WHERE export = :id AND number = :number")
_FORGET = sa.text("DELETE FROM export_parts WHERE export = :id")
_OLD = sa.text("DELETE FROM exports WHERE created_at < :before")


async def add(
    session: AsyncSession,
    id: str,
    report: str,
    parameters: dict[str, str],
    format: str,
    key_name: str,
    now: datetime,
    kept: timedelta,
) -> None:
    """Note a new export, and forget those that are older than is kept."""
    await session.execute(_OLD, {"before": now - kept})
    values = {"id": id, "report": report, "parameters": orjson.dumps(parameters).decode()}
    await session.execute(_ADD, values | {"format": format, "key_name": key_name, "now": now})


async def find(session: AsyncSession, id: str) -> sa.Row | None:
    """One export."""
    return (await session.execute(_FIND, {"id": id})).one_or_none()


async def see(session: AsyncSession, id: str, rows: int, total: int, now: datetime) -> bool:
    """Note how far an export has come; whether it is still wanted."""
    asked = {"id": id, "rows": rows, "total": total, "now": now}
    return (await session.scalar(_SEE, asked)) is not None


async def beat(session: AsyncSession, id: str, now: datetime) -> bool:
    """Note that an export is still at work; whether it is still wanted."""
    return (await session.scalar(_BEAT, {"id": id, "now": now})) is not None


async def end(session: AsyncSession, id: str, state: str) -> bool:
    """Note that an export has ended; false if it was cancelled before."""
    return (await session.scalar(_END, {"id": id, "state": state})) is not None


async def cancel(session: AsyncSession, id: str) -> None:
    """Stop an export, and drop its file."""
    await session.execute(_CANCEL, {"id": id})
    await session.execute(_FORGET, {"id": id})


async def add_part(session: AsyncSession, id: str, number: int, content: bytes) -> None:
    """Keep a piece of a file."""
    await session.execute(_PART, {"id": id, "number": number, "content": content})


async def read(session: AsyncSession, id: str) -> AsyncIterator[bytes]:
    """The pieces of a file, one after another."""
    for number in range(await session.scalar(_PARTS, {"id": id}) or 0):
        yield await session.scalar(_READ, {"id": id, "number": number}) or b""
