"""Uploaded lists: jobs, their files, what is said about their rows."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

PART_BYTES = 1 << 20
_SHOWN = (
    "id, kind, file_name, bytes, key_id, given, state, created_at, started_at, finished_at, done,"
    " total, rows, accepted, duplicate, refused, repaired, eligible, tally, sheet, errors,"
    " EXISTS (SELECT 1 FROM import_parts p WHERE p.import_id = imports.id) AS kept"
)
ADD = sa.text(
    "INSERT INTO imports (id, kind, file_name, bytes, fingerprint, key_id, caller, given, state,"
    " created_at) VALUES (:id, :kind, :file_name, :bytes, :fingerprint, :key_id,"
    " CAST(:caller AS jsonb), CAST(:given AS jsonb), 'queued', :now)"
    " ON CONFLICT (fingerprint) WHERE state IN ('queued', 'running') DO NOTHING RETURNING id"
)
ADD_PARTS = sa.text(
    "INSERT INTO import_parts (import_id, n, content)"
    " SELECT :id, n, content FROM unnest(CAST(:contents AS bytea[])) WITH ORDINALITY AS p(content, n)"
)
CLAIM = sa.text(
    "UPDATE imports SET state = 'running', worker = :worker, attempts = attempts + 1,"
    " lease_until = now() + make_interval(secs => :lease), started_at = coalesce(started_at, now())"
    " WHERE id = (SELECT id FROM imports WHERE state = 'queued'"
    " OR (state = 'running' AND lease_until < now())"
    " ORDER BY attempts, created_at LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING *"
)
_MINE = " WHERE id = :id AND worker = :worker AND state = 'running' RETURNING id"
RENEW = sa.text("UPDATE imports SET lease_until = now() + make_interval(secs => :lease)" + _MINE)
BEGIN = sa.text(
    "UPDATE imports SET total = :total, sheet = CAST(:sheet AS jsonb), lease_until = now() +"
    " make_interval(secs => :lease)" + _MINE
)
SAVE = sa.text(
    "UPDATE imports SET done = :done, rows = :rows, accepted = :accepted, duplicate = :duplicate,"
    " refused = :refused, repaired = :repaired, eligible = :eligible,"
    " tally = CAST(:tally AS jsonb), lease_until = now() + make_interval(secs => :lease)" + _MINE
)
FINISH = sa.text(
    "UPDATE imports SET state = :state, errors = CAST(:errors AS jsonb), finished_at = now(),"
    " lease_until = NULL" + _MINE
)
ADD_ROWS = sa.text(
    'INSERT INTO import_rows (import_id, "row", status, notes)'
    " SELECT :id, n, s, CAST(t AS jsonb) FROM unnest(CAST(:numbers AS integer[]),"
    " CAST(:statuses AS text[]), CAST(:notes AS text[])) AS r(n, s, t)"
    ' ON CONFLICT (import_id, "row") DO UPDATE SET status = excluded.status,'
    " notes = excluded.notes"
)


class LeaseLost(Exception):
    """Another worker has taken the job over: nothing more may be written for it."""


async def add_import(
    session: AsyncSession, job: dict[str, Any], contents: Sequence[bytes], now: datetime
) -> str:
    """Keep an uploaded list; the id of its job, or of the unfinished one for the same upload."""
    values = job | {"now": now, "caller": _json(job["caller"]), "given": _json(job["given"])}
    if await session.scalar(ADD, values) is not None:
        await session.execute(ADD_PARTS, {"id": job["id"], "contents": list(contents)})
        return str(job["id"])
    query = sa.text(
        "SELECT id FROM imports WHERE fingerprint = :fingerprint"
        " AND state IN ('queued', 'running') ORDER BY created_at DESC LIMIT 1"
    )
    return str(await session.scalar(query, {"fingerprint": job["fingerprint"]}) or "")


async def find_import(session: AsyncSession, id: str) -> dict[str, Any] | None:
    """A job as it stands."""
    row = await session.execute(sa.text(f"SELECT {_SHOWN} FROM imports WHERE id = :id"), {"id": id})
    found = row.mappings().first()
    return dict(found) if found else None


async def list_imports(
    session: AsyncSession, key_id: str | None, before: datetime | None, limit: int
) -> list[dict[str, Any]]:
    """Jobs, newest first: of one key, or all."""
    rows = await session.execute(
        sa.text(
            f"SELECT {_SHOWN} FROM imports"
            " WHERE (CAST(:key_id AS text) IS NULL OR key_id = :key_id)"
            " AND (CAST(:before AS timestamptz) IS NULL OR created_at < :before)"
            " ORDER BY created_at DESC, id DESC LIMIT :limit"
        ),
        {"key_id": key_id, "before": before, "limit": limit},
    )
    return [dict(row) for row in rows.mappings()]


async def list_import_rows(
    session: AsyncSession, id: str, after: int, limit: int
) -> list[dict[str, Any]]:
    """What is said about a list's rows, in their order, beyond the row ``after``."""
    rows = await session.execute(
        sa.text(
            'SELECT "row", status, notes FROM import_rows WHERE import_id = :id AND "row" > :after'
            ' ORDER BY "row" LIMIT :limit'
        ),
        {"id": id, "after": after, "limit": limit},
    )
    return [dict(row) for row in rows.mappings()]


async def key_revoked(session: AsyncSession, key_id: str) -> bool:
    """Whether a key was revoked; the first admin key is in no store and never is."""
    query = sa.text("SELECT revoked_at IS NOT NULL FROM keys WHERE id = :id")
    return bool(await session.scalar(query, {"id": key_id}))


async def import_part(session: AsyncSession, id: str, n: int) -> bytes | None:
    """A piece of a file, counted from 1; None after the last."""
    content = await session.scalar(
        sa.text("SELECT content FROM import_parts WHERE import_id = :id AND n = :n"),
        {"id": id, "n": n},
    )
    return None if content is None else bytes(content)


async def claim_import(session: AsyncSession, worker: str, lease: float) -> dict[str, Any] | None:
    """Take the oldest job that waits, or whose worker has not been heard of for a lease."""
    row = await session.execute(CLAIM, {"worker": worker, "lease": lease})
    found = row.mappings().first()
    return dict(found) if found else None


async def renew_import(session: AsyncSession, id: str, worker: str, lease: float) -> None:
    """Say that the job is still being worked on; raises ``LeaseLost``."""
    await _mine(session, RENEW, {"id": id, "worker": worker, "lease": lease})


async def begin_import(
    session: AsyncSession, id: str, worker: str, lease: float, total: int, sheet: dict[str, Any]
) -> None:
    """Keep what was found about the sheet; raises ``LeaseLost``."""
    values = {"id": id, "worker": worker, "lease": lease, "total": total, "sheet": _json(sheet)}
    await _mine(session, BEGIN, values)


async def save_import(
    session: AsyncSession,
    id: str,
    worker: str,
    lease: float,
    figures: dict[str, Any],
    rows: Sequence[tuple[int, str, dict[str, Any]]],
) -> None:
    """Keep how far the job is and what is said about the rows; raises ``LeaseLost``."""
    values = figures | {"tally": _json(figures["tally"])}
    await _mine(session, SAVE, values | {"id": id, "worker": worker, "lease": lease})
    if rows:
        await session.execute(
            ADD_ROWS,
            {
                "id": id,
                "numbers": [number for number, _, _ in rows],
                "statuses": [status for _, status, _ in rows],
                "notes": [_json(notes) for _, _, notes in rows],
            },
        )


async def refuse_import_rows(
    session: AsyncSession, id: str, numbers: Sequence[int], notes: dict[str, Any]
) -> None:
    """Say of many rows that they were refused for one reason; what was said before stays."""
    await session.execute(
        sa.text(
            'INSERT INTO import_rows (import_id, "row", status, notes)'
            " SELECT :id, n, 'refused', CAST(:notes AS jsonb)"
            " FROM unnest(CAST(:numbers AS integer[])) AS r(n)"
            " ON CONFLICT (import_id, \"row\") DO UPDATE SET status = 'refused',"
            " notes = import_rows.notes || excluded.notes"
        ),
        {"id": id, "numbers": list(numbers), "notes": _json(notes)},
    )


async def finish_import(
    session: AsyncSession, id: str, worker: str, state: str, errors: Sequence[dict[str, str]]
) -> None:
    """End a job as done or failed; raises ``LeaseLost``. A failed one's file is not kept."""
    values = {"id": id, "worker": worker, "state": state, "errors": _json(list(errors))}
    await _mine(session, FINISH, values)
    if state == "failed":
        await forget_file(session, id)


async def restart_import(session: AsyncSession, id: str) -> None:
    """Forget what was said about a job's rows, before it is read from the beginning again."""
    await session.execute(sa.text("DELETE FROM import_rows WHERE import_id = :id"), {"id": id})


async def forget_file(session: AsyncSession, id: str) -> None:
    """Delete a job's file."""
    await session.execute(sa.text("DELETE FROM import_parts WHERE import_id = :id"), {"id": id})


async def tidy_imports(session: AsyncSession, before: datetime) -> int:
    """Delete the files of jobs that ended before an instant; how many pieces went."""
    result = await session.execute(
        sa.text(
            "DELETE FROM import_parts p USING imports i WHERE i.id = p.import_id"
            " AND i.finished_at < :before"
        ),
        {"before": before},
    )
    return int(result.rowcount)  # type: ignore[attr-defined]


async def _mine(session: AsyncSession, statement: Any, values: dict[str, Any]) -> None:
    if await session.scalar(statement, values) is None:
        raise LeaseLost


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
