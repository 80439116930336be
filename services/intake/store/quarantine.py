"""What was refused: kept until it is corrected or too old, its contents sealed."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

COLUMNS = {
    "received_at": "timestamptz",
    "day": "date",
    "key_id": "text",
    "kind": "text",
    "source": "text",
    "event_id": "text",
    "type": "text",
    "unit": "text",
    "dossier": "text",
    "errors": "text",
    "uid": "bytea",
    "fingerprint": "bytea",
    "sealed": "bytea",
}
INSERT = sa.text(
    f"INSERT INTO quarantine ({', '.join(COLUMNS)}, codes, last_at)"
    f" SELECT {', '.join('r.errors::jsonb' if c == 'errors' else f'r.{c}' for c in COLUMNS)},"
    " ARRAY(SELECT DISTINCT e ->> 'code' FROM jsonb_array_elements(r.errors::jsonb) AS e),"
    " r.received_at FROM unnest("
    + ", ".join(f"CAST(:{name} AS {kind}[])" for name, kind in COLUMNS.items())
    + f") AS r({', '.join(COLUMNS)})"
    " ON CONFLICT (fingerprint) DO UPDATE SET times = quarantine.times + 1,"
    " last_at = excluded.last_at, errors = excluded.errors, codes = excluded.codes,"
    " sealed = coalesce(excluded.sealed, quarantine.sealed)"
    " RETURNING fingerprint, xmax = 0 AS fresh"
)
CORRECT = sa.text(
    "UPDATE quarantine SET state = 'corrected', corrected_at = now() WHERE uid = ANY(:uids)"
    " AND state = 'open' AND kind = 'refused'"
    " AND EXISTS (SELECT 1 FROM events e WHERE e.uid = quarantine.uid)"
)
SETTLE = sa.text(
    "UPDATE quarantine SET state = 'corrected', corrected_at = now() WHERE uid = ANY(:uids)"
    " AND state = 'open' AND kind = 'conflict'"
)
FILTERS = (
    " WHERE (CAST(:source AS text) IS NULL OR q.source = :source)"
    " AND (CAST(:code AS text) IS NULL OR :code = ANY(q.codes))"
    " AND (CAST(:since AS date) IS NULL OR q.day >= :since)"
    " AND (CAST(:until AS date) IS NULL OR q.day <= :until)"
    " AND (CAST(:state AS text) IS NULL OR q.state = :state)"
    " AND (CAST(:of AS text[]) IS NULL OR q.unit = ANY(:of))"
    " AND (CAST(:but AS text[]) IS NULL OR q.unit IS NULL OR q.unit <> ALL(:but))"
    " AND (q.key_id = :key_id OR (CAST(:sources AS text[]) IS NULL OR q.source = ANY(:sources))"
    " AND (CAST(:units AS text[]) IS NULL OR q.unit = ANY(:units)))"
)
SHOWN = (
    "q.id, q.received_at, q.last_at, q.times, q.day, q.kind, q.state, q.corrected_at, q.source,"
    " q.event_id AS event, q.key_id AS key, q.type, q.unit, q.errors, q.sealed IS NOT NULL AS sealed"
)


async def quarantine(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> set[bytes]:
    """Keep what was refused; the same refusal of the same contents is counted, not kept twice.

    Returns the fingerprints of those that were not there before.
    """
    last = {row["fingerprint"]: row for row in rows}
    if not last:
        return set()
    ordered = [last[fingerprint] for fingerprint in sorted(last)]
    columns: dict[str, list[Any]] = {name: [row[name] for row in ordered] for name in COLUMNS}
    columns["errors"] = [orjson.dumps(errors).decode() for errors in columns["errors"]]
    rows_kept = await session.execute(INSERT, columns)
    return {row.fingerprint for row in rows_kept if row.fresh}


async def correct(session: AsyncSession, uids: Iterable[bytes]) -> None:
    """Release what was refused before of events that are in now."""
    if wanted := list(uids):
        await session.execute(CORRECT, {"uids": wanted})


async def settle_conflicts(session: AsyncSession, uids: Iterable[bytes]) -> None:
    """Release the conflicts about events that have been voided."""
    if wanted := list(uids):
        await session.execute(SETTLE, {"uids": wanted})


def view(
    key_id: str,
    sources: Collection[str] | None = None,
    units: Collection[str] | None = None,
    source: str | None = None,
    code: str | None = None,
    since: date | None = None,
    until: date | None = None,
    state: str | None = None,
    of: Collection[str] | None = None,
    but: Collection[str] | None = None,
) -> dict[str, Any]:
    """What of the quarantine is asked for, and by whom; ``sources`` and ``units`` None = all.

    ``of``: only of these units; ``but``: only what names none of these.
    """
    return {
        "key_id": key_id,
        "sources": None if sources is None else sorted(sources),
        "units": None if units is None else sorted(units),
        "source": source,
        "code": code,
        "since": since,
        "until": until,
        "state": state,
        "of": None if of is None else sorted(of),
        "but": None if but is None else sorted(but),
    }


async def list_quarantine(
    session: AsyncSession, wanted: dict[str, Any], before: int | None, limit: int
) -> list[dict[str, Any]]:
    """Refused events, newest first, below the id ``before``."""
    rows = await session.execute(
        sa.text(
            f"SELECT {SHOWN} FROM quarantine q {FILTERS}"
            " AND (CAST(:before AS bigint) IS NULL OR q.id < :before) ORDER BY q.id DESC LIMIT :limit"
        ),
        wanted | {"before": before, "limit": limit},
    )
    return [dict(row) for row in rows.mappings()]


async def sum_quarantine(session: AsyncSession, wanted: dict[str, Any]) -> list[dict[str, Any]]:
    """Refused events by source, fault and day; an event with two faults is in two rows."""
    rows = await session.execute(
        sa.text(
            "SELECT q.source, c.code, q.day, count(*) AS events, sum(q.times) AS refusals,"
            " count(*) FILTER (WHERE q.state = 'open') AS open,"
            " count(*) FILTER (WHERE q.state = 'corrected') AS corrected"
            f" FROM quarantine q CROSS JOIN LATERAL unnest(q.codes) AS c(code) {FILTERS}"
            " AND (CAST(:code AS text) IS NULL OR c.code = :code)"
            " GROUP BY q.source, c.code, q.day ORDER BY q.day DESC, q.source, c.code LIMIT 10000"
        ),
        wanted,
    )
    return [{**row, "refusals": int(row["refusals"])} for row in map(dict, rows.mappings())]


async def refusals_of(session: AsyncSession, uid: bytes) -> list[dict[str, Any]]:
    """Every refusal of one event that is kept, newest first."""
    rows = await session.execute(
        sa.text(f"SELECT {SHOWN} FROM quarantine q WHERE q.uid = :uid ORDER BY q.id DESC LIMIT 20"),
        {"uid": uid},
    )
    return [dict(row) for row in rows.mappings()]


async def sealed_of(session: AsyncSession, id: int) -> bytes | None:
    """The sealed contents of a refused event; None where there is none (any more)."""
    query = sa.text("SELECT sealed FROM quarantine WHERE id = :id")
    found: bytes | None = await session.scalar(query, {"id": id})
    return found


async def tidy_quarantine(session: AsyncSession, sealed_before: datetime, before: datetime) -> None:
    """Forget the contents of what was last refused before an instant, and all before another."""
    await session.execute(
        sa.text(
            "UPDATE quarantine SET sealed = NULL WHERE sealed IS NOT NULL AND last_at < :instant"
        ),
        {"instant": sealed_before},
    )
    await session.execute(
        sa.text("DELETE FROM quarantine WHERE last_at < :instant"), {"instant": before}
    )
