"""Every query of quota. Batches go in as one statement each, whatever their size."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.quota.rules import Adds, Fact

CountKey = tuple[str, str, str, str]
"""(plan, indicator, part, key)."""


async def insert(
    session: AsyncSession,
    table: str,
    types: Mapping[str, str],
    rows: Sequence[Sequence[Any]],
    after: str = "",
) -> list[Any]:
    """Insert rows by one ``INSERT ... SELECT FROM unnest``; ``after`` may return something."""
    if not rows:
        return []
    columns = dict(zip(types, zip(*rows, strict=True), strict=True))
    casts = ", ".join(f"CAST(:{name} AS {kind}[])" for name, kind in types.items())
    statement = f"INSERT INTO {table} ({', '.join(types)}) SELECT * FROM unnest({casts}) {after}"
    result = await session.execute(
        sa.text(statement), {name: list(column) for name, column in columns.items()}
    )
    return list(result.all()) if result.returns_rows else []


async def add_facts(session: AsyncSession, facts: Sequence[Fact]) -> None:
    """Keep facts; each uid comes once, the inbox sees to it."""
    types = {
        "uid": "bytea", "type": "text", "code": "text", "occurred_at": "timestamptz",
        "source": "text", "event_id": "text", "rday": "date", "data": "text",
    }  # fmt: skip
    rows = [
        (
            f.uid,
            f.type,
            f.data.get("code"),
            f.occurred_at,
            f.source,
            f.event_id,
            f.rday,
            orjson.dumps(f.data).decode(),
        )
        for f in sorted(facts, key=lambda f: f.uid)
    ]
    if not rows:
        return
    columns = dict(zip(types, map(list, zip(*rows, strict=True)), strict=True))
    casts = ", ".join(f"CAST(:{name} AS {kind}[])" for name, kind in types.items())
    await session.execute(
        sa.text(
            f"INSERT INTO facts ({', '.join(types)})"
            " SELECT a, b, c, d, e, f, g, CAST(h AS jsonb)"
            f" FROM unnest({casts}) AS r(a, b, c, d, e, f, g, h) ON CONFLICT DO NOTHING"
        ),
        columns,
    )


async def add_voids(session: AsyncSession, voids: Mapping[bytes, date]) -> None:
    """Keep what was withdrawn; of several withdrawals the earliest day counts."""
    await insert(
        session,
        "voids",
        {"uid": "bytea", "rday": "date"},
        sorted(voids.items()),
        "ON CONFLICT (uid) DO UPDATE SET rday = least(voids.rday, excluded.rday)",
    )


FACT = (
    "f.uid, f.type, f.occurred_at, f.source, f.event_id, f.rday, f.data, v.rday AS voided_rday"
    " FROM facts f LEFT JOIN voids v ON v.uid = f.uid"
)


def _fact(row: Any) -> Fact:
    return Fact(
        bytes(row.uid), row.type, row.occurred_at, row.source, row.event_id, row.rday, row.data,
        row.voided_rday,
    )  # fmt: skip


async def facts_of_codes(session: AsyncSession, codes: Iterable[str]) -> list[Fact]:
    """All facts of these dossiers."""
    rows = await session.execute(
        sa.text(f"SELECT {FACT} WHERE f.code = ANY(:codes)"), {"codes": sorted(set(codes))}
    )
    return [_fact(row) for row in rows]


async def facts_of(session: AsyncSession, uids: Iterable[bytes]) -> list[Fact]:
    """Facts by their uids, with what withdrew them."""
    rows = await session.execute(
        sa.text(f"SELECT {FACT} WHERE f.uid = ANY(:uids)"), {"uids": sorted(set(uids))}
    )
    return [_fact(row) for row in rows]


async def facts_after(
    session: AsyncSession, uid: bytes, types: Sequence[str], limit: int
) -> list[Fact]:
    """The next facts of some types, in the order of their uids."""
    rows = await session.execute(
        sa.text(
            f"SELECT {FACT} WHERE f.type = ANY(:types) AND f.uid > :uid ORDER BY f.uid LIMIT :limit"
        ),
        {"types": list(types), "uid": uid, "limit": limit},
    )
    return [_fact(row) for row in rows]


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


async def recount(
    session: AsyncSession, now: Mapping[CountKey, Adds]
) -> set[tuple[str, str, str, str]]:
    """Make the counters say what the keys add now instead of what they added before.

    Returns the touched (plan, indicator, unit, period).
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
    session: AsyncSession, plan: str, indicator: str | None = None, as_of: date | None = None
) -> dict[tuple[str, str, str, str], int]:
    """(indicator, part, unit, period) -> how much, as far as recorded up to ``as_of``."""
    rows = await session.execute(
        sa.text(
            "SELECT indicator, part, unit, period, sum(n)::bigint AS n FROM counters"
            " WHERE plan = :plan AND (CAST(:indicator AS text) IS NULL OR indicator = :indicator)"
            " AND (CAST(:as_of AS date) IS NULL OR rday <= :as_of)"
            " GROUP BY indicator, part, unit, period"
        ),
        {"plan": plan, "indicator": indicator, "as_of": as_of},
    )
    return {(r.indicator, r.part, r.unit, r.period): r.n for r in rows}


async def set_winners(
    session: AsyncSession, rows: Sequence[tuple[Any, ...]], losers: Sequence[tuple[str, str, str]]
) -> set[tuple[str, str, str]]:
    """Set the paid event of each key, or none; returns (plan, indicator, unit) it touches."""
    gone = [(plan, indicator, key) for plan, indicator, key, *_ in rows] + list(losers)
    touched = {(row[0], row[1], row[3]) for row in rows}
    if gone:
        removed = await session.execute(
            sa.text(
                "DELETE FROM winners w USING unnest(CAST(:a AS text[]), CAST(:b AS text[]),"
                " CAST(:c AS text[])) AS r(plan, indicator, key) WHERE w.plan = r.plan"
                " AND w.indicator = r.indicator AND w.key = r.key"
                " RETURNING w.plan, w.indicator, w.unit"
            ),
            dict(zip("abc", map(list, zip(*sorted(gone), strict=True)), strict=True)),
        )
        touched |= {(r.plan, r.indicator, r.unit) for r in removed}
    types = {
        "plan": "text", "indicator": "text", "key": "text", "unit": "text", "installer": "text",
        "occurred_at": "timestamptz", "source": "text", "event_id": "text",
    }  # fmt: skip
    await insert(session, "winners", types, sorted(rows))
    return touched


async def winners_of(session: AsyncSession, plan: str, indicator: str, unit: str) -> list[Any]:
    """A unit's paid events, earliest first."""
    rows = await session.execute(
        sa.text(
            "SELECT key, unit, installer, occurred_at, source, event_id FROM winners"
            " WHERE plan = :plan AND indicator = :indicator AND unit = :unit"
        ),
        {"plan": plan, "indicator": indicator, "unit": unit},
    )
    return sorted(rows, key=lambda r: (r.occurred_at, r.source, r.event_id))


async def mark_payable(
    session: AsyncSession, plan: str, indicator: str, unit: str, keys: Sequence[str]
) -> None:
    """Say which of a unit's winners are payable."""
    await session.execute(
        sa.text(
            "UPDATE winners SET payable = (key = ANY(:keys)) WHERE plan = :plan"
            " AND indicator = :indicator AND unit = :unit AND payable <> (key = ANY(:keys))"
        ),
        {"plan": plan, "indicator": indicator, "unit": unit, "keys": list(keys)},
    )


async def balances(session: AsyncSession, plan: str, indicator: str, unit: str) -> dict[Any, int]:
    """(installer, source, event id) -> what the ledger has booked for it."""
    rows = await session.execute(
        sa.text(
            "SELECT installer, source, event_id, sum(amount)::bigint AS amount FROM ledger"
            " WHERE plan = :plan AND indicator = :indicator AND unit = :unit"
            " GROUP BY installer, source, event_id HAVING sum(amount) <> 0"
        ),
        {"plan": plan, "indicator": indicator, "unit": unit},
    )
    return {(r.installer, r.source, r.event_id): r.amount for r in rows}


async def book(session: AsyncSession, rows: Sequence[tuple[Any, ...]]) -> list[int]:
    """Append to the ledger; returns the entries' ids."""
    types = {
        "plan": "text", "version": "integer", "indicator": "text", "unit": "text",
        "installer": "text", "source": "text", "event_id": "text", "amount": "bigint",
        "currency": "text", "reason": "text", "booked_at": "timestamptz",
    }  # fmt: skip
    return [row.id for row in await insert(session, "ledger", types, rows, "RETURNING id")]


async def stipends(session: AsyncSession, plan: str, indicator: str) -> list[Any]:
    """Winners per unit and installer: how many, how many of them payable."""
    rows = await session.execute(
        sa.text(
            "SELECT unit, installer, count(*) AS succeeded, count(*) FILTER (WHERE payable) AS payable"
            " FROM winners WHERE plan = :plan AND indicator = :indicator"
            " GROUP BY unit, installer ORDER BY unit, installer"
        ),
        {"plan": plan, "indicator": indicator},
    )
    return list(rows.all())


async def ledger(
    session: AsyncSession, plan: str | None, unit: str | None, after: int, limit: int
) -> list[dict[str, Any]]:
    """Ledger entries in the order in which they were booked."""
    rows = await session.execute(
        sa.text(
            "SELECT * FROM ledger WHERE (CAST(:plan AS text) IS NULL OR plan = :plan)"
            " AND (CAST(:unit AS text) IS NULL OR unit = :unit) AND id > :after"
            " ORDER BY id LIMIT :limit"
        ),
        {"plan": plan, "unit": unit, "after": after, "limit": limit},
    )
    return [dict(row) for row in rows.mappings()]


async def pass_milestones(
    session: AsyncSession, rows: Sequence[tuple[str, int, str, str, str, int]]
) -> list[Any]:
    """Note milestones; returns those that are new."""
    types = {
        "plan": "text", "version": "integer", "indicator": "text", "unit": "text",
        "period": "text", "percent": "integer",
    }  # fmt: skip
    after = "ON CONFLICT DO NOTHING RETURNING plan, version, indicator, unit, period, percent"
    return await insert(session, "milestones", types, sorted(rows), after)


async def newest_plans(session: AsyncSession) -> list[Any]:
    """The newest version of each plan."""
    rows = await session.execute(
        sa.text(
            "SELECT DISTINCT ON (plan) plan, version, digest, document, applied_at FROM plans"
            " ORDER BY plan, version DESC"
        )
    )
    return list(rows.all())


async def plan_versions(session: AsyncSession, plan: str) -> list[Any]:
    """All versions of a plan, newest first."""
    rows = await session.execute(
        sa.text("SELECT * FROM plans WHERE plan = :plan ORDER BY version DESC"), {"plan": plan}
    )
    return list(rows.all())


async def add_plan(
    session: AsyncSession, plan: str, version: int, digest: str, document: str
) -> None:
    """Keep a new version of a plan."""
    await session.execute(
        sa.text("INSERT INTO plans VALUES (:plan, :version, :digest, :document, now())"),
        {"plan": plan, "version": version, "digest": digest, "document": document},
    )


async def forget_counts(session: AsyncSession, plan: str) -> None:
    """Clear a plan's counts, to count its facts anew; the ledger stays and is corrected."""
    for table in ("memberships", "counted", "counters", "winners"):
        await session.execute(sa.text(f"DELETE FROM {table} WHERE plan = :plan"), {"plan": plan})
