"""Queries about who earned what, and the ledger."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.quota.rules import Earned
from services.quota.store.batches import insert

Place = tuple[str, str, str]
"""(name of counts, indicator, unit); the name is the plan, or the plan, # and more."""

PLACES = (
    "unnest(CAST(:a AS text[]), CAST(:b AS text[]), CAST(:c AS text[])) AS r(plan, indicator, unit)"
)


def _columns(rows: Iterable[Sequence[Any]]) -> dict[str, list[Any]]:
    columns = map(list, zip(*sorted(rows), strict=True))
    return dict(zip("abc", columns, strict=True))


async def set_winners(
    session: AsyncSession, rows: Sequence[tuple[Any, ...]], losers: Sequence[tuple[str, str, str]]
) -> set[Place]:
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
            _columns(gone),
        )
        touched |= {(r.plan, r.indicator, r.unit) for r in removed}
    types = {
        "plan": "text", "indicator": "text", "key": "text", "unit": "text", "installer": "text",
        "occurred_at": "timestamptz", "source": "text", "event_id": "text",
    }  # fmt: skip
    await insert(session, "winners", types, sorted(rows, key=lambda row: row[:3]))
    return touched


async def paid_places(session: AsyncSession, name: str) -> set[Place]:
    """Every (name of counts, indicator, unit) that earned something, or to which something was
    booked."""
    rows = await session.execute(
        sa.text(
            "SELECT indicator, unit FROM winners WHERE plan = :name"
            " UNION SELECT indicator, unit FROM ledger WHERE plan = split_part(:name, '#', 1)"
        ),
        {"name": name},
    )
    return {(name, r.indicator, r.unit) for r in rows}


async def earned(
    session: AsyncSession, places: Mapping[Place, int | None]
) -> tuple[dict[Place, list[Earned]], dict[tuple[Place, str], tuple[str, bool, int]]]:
    """What earned something in some places, with its decisions; and how it stood until now.

    ``places`` says up to which rank it matters; None = all. Left out is what ranks behind that,
    is not paid, and stands as it was decided: nothing that is loaded depends on it.
    """
    found: dict[Place, list[Earned]] = {}
    stood: dict[tuple[Place, str], tuple[str, bool, int]] = {}
    if not places:
        return found, stood
    ordered = [(*place, limit) for place, limit in sorted(places.items())]
    rows = await session.execute(
        sa.text(
            "WITH r AS (SELECT * FROM unnest(CAST(:a AS text[]), CAST(:b AS text[]),"
            " CAST(:c AS text[]), CAST(:d AS bigint[])) AS r(plan, indicator, unit, ranks)),"
            " d AS (SELECT DISTINCT ON (plan, indicator, key) plan, indicator, key, decision"
            " FROM decisions WHERE plan = ANY(:plans) ORDER BY plan, indicator, key, id DESC),"
            " e AS (SELECT w.*, d.decision, r.ranks,"
            " count(*) FILTER (WHERE d.decision IS DISTINCT FROM 'refuse') OVER ("
            " PARTITION BY w.plan, w.indicator, w.unit ORDER BY w.occurred_at,"
            ' w.source COLLATE "C", w.event_id COLLATE "C" ROWS UNBOUNDED PRECEDING) AS rank'
            " FROM r JOIN winners w USING (plan, indicator, unit)"
            " LEFT JOIN d ON d.plan = split_part(w.plan, '#', 1)"
            " AND d.indicator = w.indicator AND d.key = w.key)"
            " SELECT * FROM e WHERE ranks IS NULL OR rank <= ranks"
            " OR state IN ('new', 'payable', 'approved')"
            " OR (state = 'refused') <> (coalesce(decision, '') = 'refuse')"
            " OR decision = 'approve'"
        ),
        dict(zip("abcd", map(list, zip(*ordered, strict=True)), strict=True))
        | {"plans": sorted({place[0].partition("#")[0] for place in places})},
    )
    for row in rows:
        place = (row.plan, row.indicator, row.unit)
        found.setdefault(place, []).append(
            Earned(
                row.key, row.unit, row.installer, row.occurred_at, row.source, row.event_id,
                row.rank, row.decision,
            )
        )  # fmt: skip
        stood[place, row.key] = (row.state, row.beyond, row.amount)
    return found, stood


async def set_standings(session: AsyncSession, rows: Sequence[tuple[Any, ...]]) -> None:
    """Say how winners stand: (plan, indicator, key, state, beyond, amount)."""
    if not rows:
        return
    columns = map(list, zip(*sorted(rows), strict=True))
    await session.execute(
        sa.text(
            "UPDATE winners w SET state = r.state, beyond = r.beyond, amount = r.amount"
            " FROM unnest(CAST(:a AS text[]), CAST(:b AS text[]), CAST(:c AS text[]),"
            " CAST(:d AS text[]), CAST(:e AS boolean[]), CAST(:f AS bigint[]))"
            " AS r(plan, indicator, key, state, beyond, amount)"
            " WHERE w.plan = r.plan AND w.indicator = r.indicator AND w.key = r.key"
        ),
        dict(zip("abcdef", columns, strict=True)),
    )


async def balances(session: AsyncSession, places: Iterable[Place]) -> list[Any]:
    """What the ledger has booked in some places, per installer and event, where it is not 0."""
    ordered = set(places)
    if not ordered:
        return []
    rows = await session.execute(
        sa.text(
            "SELECT r.plan, l.indicator, l.unit, l.installer, l.source, l.event_id,"
            " sum(l.amount)::bigint AS amount, max(l.occurred_at) AS occurred_at,"
            " max(l.currency) AS currency FROM "
            + PLACES
            + " JOIN ledger l ON l.plan = split_part(r.plan, '#', 1)"
            " AND l.indicator = r.indicator AND l.unit = r.unit"
            " GROUP BY 1, 2, 3, 4, 5, 6 HAVING sum(l.amount) <> 0"
        ),
        _columns(ordered),
    )
    return list(rows.all())


async def book(session: AsyncSession, rows: Sequence[tuple[Any, ...]]) -> list[int]:
    """Append to the ledger; returns the entries' ids."""
    types = {
        "plan": "text", "version": "integer", "indicator": "text", "unit": "text",
        "installer": "text", "source": "text", "event_id": "text", "amount": "bigint",
        "currency": "text", "reason": "text", "booked_at": "timestamptz",
        "occurred_at": "timestamptz",
    }  # fmt: skip
    return [row.id for row in await insert(session, "ledger", types, rows, "RETURNING id")]


async def stipends(session: AsyncSession, plan: str) -> list[Any]:
    """Winners per indicator, unit and installer: how many stand how, and what they come to."""
    rows = await session.execute(
        sa.text(
            "SELECT indicator, unit, installer, count(*) AS succeeded,"
            " count(*) FILTER (WHERE state IN ('payable', 'approved')) AS payable,"
            " count(*) FILTER (WHERE beyond) AS beyond_quota,"
            " count(*) FILTER (WHERE state = 'held') AS held,"
            " count(*) FILTER (WHERE state = 'approved') AS approved,"
            " count(*) FILTER (WHERE state = 'refused') AS refused,"
            " sum(amount)::bigint AS amount"
            " FROM winners WHERE plan = :plan"
            " GROUP BY indicator, unit, installer ORDER BY indicator, unit, installer"
        ),
        {"plan": plan},
    )
    return list(rows.all())


async def ledger(
    session: AsyncSession, plan: str | None, unit: str | None, after: int, limit: int
) -> list[dict[str, Any]]:
    """Ledger entries in the order in which they were booked, with the run that pays them."""
    rows = await session.execute(
        sa.text(
            "SELECT l.*, e.run_id AS run FROM ledger l LEFT JOIN run_entries e ON e.entry_id = l.id"
            " WHERE (CAST(:plan AS text) IS NULL OR l.plan = :plan)"
            " AND (CAST(:unit AS text) IS NULL OR l.unit = :unit) AND l.id > :after"
            " ORDER BY l.id LIMIT :limit"
        ),
        {"plan": plan, "unit": unit, "after": after, "limit": limit},
    )
    return [dict(row) for row in rows.mappings()]
