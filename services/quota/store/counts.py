"""Queries about counts: which facts share a key, what a key adds, the sums of it all."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.quota.rules import Adds
from services.quota.store.batches import insert

CountKey = tuple[str, str, str, str]
"""(plan, indicator, part, key)."""
Cell = tuple[str, str, str, str]
"""(plan, indicator, unit, period of storage)."""


async def join_keys(session: AsyncSession, members: Iterable[tuple[*CountKey, bytes]]) -> None:
    """Note which facts share a key."""
    types = {
        "plan": "text", "indicator": "text", "part": "text", "key": "text", "uid": "bytea",
    }  # fmt: skip
    await insert(session, "memberships", types, sorted(set(members)), "ON CONFLICT DO NOTHING")


async def members_of(
    session: AsyncSession, keys: Iterable[CountKey]
) -> dict[CountKey, list[bytes]]:
    """The uids that share each key."""
    members: dict[CountKey, list[bytes]] = {}
    for row in await _by_keys(
        session, "m.plan, m.indicator, m.part, m.key, m.uid", "memberships", keys
    ):
        members.setdefault((row.plan, row.indicator, row.part, row.key), []).append(bytes(row.uid))
    return members


async def keys_of(session: AsyncSession, uids: Iterable[bytes]) -> set[CountKey]:
    """The keys that facts belong to."""
    rows = await session.execute(
        sa.text("SELECT plan, indicator, part, key FROM memberships WHERE uid = ANY(:uids)"),
        {"uids": sorted(set(uids))},
    )
    return {(row.plan, row.indicator, row.part, row.key) for row in rows}


async def _by_keys(
    session: AsyncSession, columns: str, table: str, keys: Iterable[CountKey]
) -> Sequence[Any]:
    ordered = sorted(set(keys))
    if not ordered:
        return []
    rows = await session.execute(
        sa.text(
            f"SELECT {columns} FROM unnest(CAST(:a AS text[]), CAST(:b AS text[]),"
            " CAST(:c AS text[]), CAST(:d AS text[])) AS r(plan, indicator, part, key)"
            f" JOIN {table} m ON m.plan = r.plan AND m.indicator = r.indicator"
            " AND m.part = r.part AND m.key = r.key"
        ),
        dict(zip("abcd", map(list, zip(*ordered, strict=True)), strict=True)),
    )
    return list(rows.all())


async def recount(session: AsyncSession, now: Mapping[CountKey, Adds]) -> set[Cell]:
    """Make the counters say what the keys add now instead of what they added before.

    Returns the touched (plan, indicator, unit, period of storage).
    """
    if not now:
        return set()
    before = await _by_keys(
        session, "m.plan, m.indicator, m.part, m.key, m.unit, m.period, m.rday, m.n", "counted", now
    )
    old = {(r.plan, r.indicator, r.part, r.key, r.unit, r.period, r.rday): r.n for r in before}
    new = {(*key, *place): n for key, adds in now.items() for place, n in adds.items()}
    changed = {place for place in old.keys() | new.keys() if old.get(place) != new.get(place)}
    if not changed:
        return set()
    deltas: dict[tuple[Any, ...], int] = {}
    for place in changed:
        plan, indicator, part, _key, unit, period, rday = place
        counter = (plan, indicator, part, unit, period, rday)
        deltas[counter] = deltas.get(counter, 0) + new.get(place, 0) - old.get(place, 0)
    names = {
        "plan": "text", "indicator": "text", "part": "text", "key": "text", "unit": "text",
        "period": "text", "rday": "date", "n": "bigint",
    }  # fmt: skip
    await insert(
        session,
        "counted",
        names,
        [(*place, new.get(place, 0)) for place in sorted(changed)],
        "ON CONFLICT (plan, indicator, part, key, unit, period, rday) DO UPDATE SET n = excluded.n",
    )
    del names["key"]
    await insert(
        session,
        "counters",
        names,
        [(*counter, n) for counter, n in sorted(deltas.items()) if n],
        "ON CONFLICT (plan, indicator, part, unit, period, rday)"
        " DO UPDATE SET n = counters.n + excluded.n",
    )
    return {(place[0], place[1], place[4], place[5]) for place in changed}


async def totals(
    session: AsyncSession,
    plan: str,
    indicators: Sequence[str] | None = None,
    units: Sequence[str] | None = None,
    as_of: date | None = None,
) -> list[Any]:
    """(indicator, part, unit, period, n): what is counted, as far as recorded up to ``as_of``."""
    rows = await session.execute(
        sa.text(
            "SELECT indicator, part, unit, period, sum(n)::bigint AS n FROM counters"
            " WHERE plan = :plan"
            " AND (CAST(:indicators AS text[]) IS NULL OR indicator = ANY(:indicators))"
            " AND (CAST(:units AS text[]) IS NULL OR unit = ANY(:units))"
            " AND (CAST(:as_of AS date) IS NULL OR rday <= :as_of)"
            " GROUP BY indicator, part, unit, period HAVING sum(n) <> 0"
        ),
        {
            "plan": plan,
            "indicators": None if indicators is None else list(indicators),
            "units": None if units is None else list(units),
            "as_of": as_of,
        },
    )
    return list(rows.all())


async def stream_totals(
    session: AsyncSession, plan: str, indicators: Sequence[str]
) -> AsyncIterator[tuple[str, dict[str, dict[tuple[str, str], int]]]]:
    """What is counted of some indicators, one after another: (indicator, unit -> (part, period of
    storage) -> n). One statement, and one indicator in memory."""
    if not indicators:
        return
    rows = await session.stream(
        sa.text(
            "SELECT indicator, part, unit, period, sum(n)::bigint AS n FROM counters"
            " WHERE plan = :plan AND indicator = ANY(:indicators)"
            " GROUP BY indicator, part, unit, period HAVING sum(n) <> 0 ORDER BY indicator"
        ),
        {"plan": plan, "indicators": list(indicators)},
        execution_options={"yield_per": 5000},
    )
    at: str | None = None
    sums: dict[str, dict[tuple[str, str], int]] = {}
    async for row in rows:
        if row.indicator != at:
            if at is not None:
                yield at, sums
            at, sums = row.indicator, {}
        sums.setdefault(row.unit, {})[row.part, row.period] = row.n
    if at is not None:
        yield at, sums


async def totals_of(session: AsyncSession, cells: Iterable[tuple[str, str, str]]) -> list[Any]:
    """(plan, indicator, part, unit, period, n) of some (plan, indicator, unit)."""
    ordered = sorted(set(cells))
    if not ordered:
        return []
    rows = await session.execute(
        sa.text(
            "SELECT c.plan, c.indicator, c.part, c.unit, c.period, sum(c.n)::bigint AS n"
            " FROM unnest(CAST(:a AS text[]), CAST(:b AS text[]), CAST(:c AS text[]))"
            " AS r(plan, indicator, unit) JOIN counters c ON c.plan = r.plan"
            " AND c.indicator = r.indicator AND c.unit = r.unit"
            " GROUP BY c.plan, c.indicator, c.part, c.unit, c.period HAVING sum(c.n) <> 0"
        ),
        dict(zip("abc", map(list, zip(*ordered, strict=True)), strict=True)),
    )
    return list(rows.all())


_BEHIND = sa.text("""
WITH c AS (
    SELECT key, sum(n)::bigint AS n FROM counted
    WHERE plan = :plan AND indicator = :indicator AND part = :part AND unit = :unit
        AND period = ANY(CAST(:periods AS text[]))
        AND (CAST(:as_of AS date) IS NULL OR rday <= :as_of)
    GROUP BY key HAVING sum(n) <> 0
), p AS (
    SELECT key, n FROM c ORDER BY key COLLATE "C" LIMIT :limit OFFSET :offset
)
SELECT coalesce((SELECT sum(n) FROM c), 0) AS whole, (SELECT count(*) FROM c) AS rows, p.n,
    CASE WHEN p.key IS NOT NULL THEN coalesce(e.events, '[]') END AS events
FROM (SELECT 1) AS one LEFT JOIN p ON true LEFT JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object('source', f.source, 'id', f.event_id, 'type', f.type,
        'unit', f.data ->> 'unit', 'time', f.occurred_at, 'stands', v.uid IS NULL)
        || jsonb_strip_nulls(jsonb_build_object('dossier', coalesce(f.code, f.data ->> 'dossier'),
        'device', left(coalesce(f.data ->> 'device', f.data ->> 'citizen'), 12),
        'list', f.data ->> 'list', 'obligation', f.data ->> 'obligation',
        'period', f.data ->> 'period', 'kind', f.data ->> 'kind'))
        ORDER BY f.occurred_at, f.source COLLATE "C", f.event_id COLLATE "C") AS events
    FROM (
        SELECT m.uid FROM memberships m WHERE NOT :dossiers AND m.plan = :plan
            AND m.indicator = :indicator AND m.part = :part AND m.key = p.key
        UNION ALL SELECT d.uid FROM facts d WHERE :dossiers AND d.code = p.key
    ) m JOIN facts f ON f.uid = m.uid LEFT JOIN voids v ON v.uid = f.uid
) e ON true ORDER BY p.key COLLATE "C"
""")


async def behind(
    session: AsyncSession,
    plan: str,
    indicator: str,
    part: str,
    unit: str,
    periods: Sequence[str],
    as_of: date | None,
    dossiers: bool,
    limit: int,
    offset: int,
) -> Sequence[sa.Row]:
    """A page of the keys that count in a figure, with the events of each; one row at least, which says
    how many there are (`rows`) and what they add up to (`whole`).

    Args:
        dossiers: whether its keys are codes of dossiers: then all of a dossier's events are told.
    """
    given = {
        "plan": plan,
        "indicator": indicator,
        "part": part,
        "unit": unit,
        "periods": list(periods),
        "as_of": as_of,
        "dossiers": dossiers,
        "limit": limit,
        "offset": offset,
    }
    return (await session.execute(_BEHIND, given)).all()


async def forget_counts(session: AsyncSession, plan: str) -> None:
    """Clear a plan's counts, to count its facts anew; the ledger stays and is corrected."""
    for table in ("memberships", "counted", "counters", "winners"):
        await session.execute(sa.text(f"DELETE FROM {table} WHERE plan = :plan"), {"plan": plan})
