"""Many due dates, alarms and notices of which few are due, and what the database does to find them."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import asyncpg
import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

# Those numbered up to :due are due or lost, the others have to wait.
WHEN = (
    "now() + CASE WHEN n <= :due THEN -1 ELSE 1 END * (interval '1 day' + n * interval '1 minute')"
)
FILLS = (
    "INSERT INTO deadlines (kind, key, version, number, subject, unit, due_at, due_day, state,"
    " slips_at, next_at, moved, origin, source, origin_time, facts)"
    " SELECT 'dossier', 'D-' || n, 'due:2030-01-01', 1, 'D-' || n, '461', t, '2030-01-01', 'open',"
    " t, t, false, '\\x00', '/many', now(), '{}' FROM"
    f" (SELECT n, {WHEN} AS t FROM generate_series(1, :count) AS n) AS r",
    "INSERT INTO alerts (kind, key, version, what, at, units)"
    f" SELECT 'dossier', 'D-' || n, 'due:2030-01-01', 'approaching', {WHEN}, ARRAY['461']"
    " FROM generate_series(1, :count) AS n",
    "INSERT INTO notices (id, subject, kind, version, audience, recipient, channel, address, unit,"
    " state, at, event_uid, event_source, event_time, stale_at, next_at, claimed_by, claimed_at,"
    " facts, body, segments, created_at, changed_at)"
    " SELECT gen_random_uuid(), 'D-' || n, 'received', what, 'citizen', '', 'sms', '+84900000001',"
    " '461', CASE what WHEN 'sending' THEN 'sending' ELSE 'ready' END, now(), '\\x00', '/many',"
    " now(), CASE what WHEN 'stale' THEN t ELSE now() + interval '90 days' END,"
    " CASE what WHEN 'stale' THEN now() + interval '90 days' WHEN 'ready' THEN t END,"
    " CASE what WHEN 'sending' THEN 'n1' END, CASE what WHEN 'sending' THEN t END, '{}', 'x', 1,"
    f" now(), now() FROM (SELECT n, what, {WHEN} AS t FROM generate_series(1, :count) AS n,"
    " unnest(ARRAY['ready', 'stale', 'sending']) AS what WHERE what <> 'sending' OR n <= :due) AS r",
    "INSERT INTO handovers (provider, message_id, parts, at) SELECT 'p', 'm' || n, 1, now()"
    " - CASE WHEN n <= :due THEN interval '60 days' ELSE interval '1 day' END"
    " FROM generate_series(1, :count) AS n",
)
BIG = ("deadlines", "alerts", "notices", "handovers")
"""The tables that are filled."""


async def fill(session: AsyncSession, count: int, due: int) -> None:
    """Keep so many due dates, alarms and notices of which some are due."""
    for statement in FILLS:
        await session.execute(sa.text(statement), {"count": count, "due": due})


def positional(statement: sa.TextClause) -> tuple[str, list[str]]:
    """A statement of the product as the database knows it: $1, $2, and their names."""
    names: list[str] = []

    def number(found: re.Match[str]) -> str:
        if found[1] not in names:
            names.append(found[1])
        return f"${names.index(found[1]) + 1}"

    return re.sub(r"(?<!:):([a-z_]+)", number, statement.text), names


async def explain(
    connection: asyncpg.Connection, statement: sa.TextClause, types: dict[str, str], **given: Any
) -> dict[str, Any]:
    """What the database did to answer: the plan with its rows and pages.

    The statement is prepared, as the product's are, so it may be planned without its values.
    """
    text, names = positional(statement)
    declared = f"({', '.join(types[name] for name in names)})" if names else ""
    values = f"({', '.join(literal(given[name]) for name in names)})" if names else ""
    await connection.execute(f"PREPARE asked {declared} AS {text}")
    try:
        answer = await connection.fetchval(
            f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE asked {values}"
        )
    finally:
        await connection.execute("DEALLOCATE asked")
    return (orjson.loads(answer) if isinstance(answer, str) else answer)[0]


def literal(value: Any) -> str:
    """A value as a statement writes it."""
    if isinstance(value, datetime):
        return f"'{value.isoformat()}'"
    if isinstance(value, list):
        return "ARRAY[" + ", ".join(literal(each) for each in value) + "]"
    return f"'{value}'" if isinstance(value, str) else str(value)


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every step of a plan."""
    yield plan
    for each in plan.get("Plans", ()):
        yield from nodes(each)


def pages(plan: dict[str, Any]) -> int:
    """How many pages were looked at."""
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


def draw(plan: dict[str, Any], depth: int = 0) -> Iterator[str]:
    """A plan as lines."""
    name = plan.get("Index Name") or plan.get("Relation Name") or ""
    yield f"{'  ' * depth}{plan['Node Type']} {name} rows={plan['Actual Rows']:g}".rstrip()
    for each in plan.get("Plans", ()):
        yield from draw(each, depth + 1)
