"""Sources: what is agreed with each, their secrets, what arrived from them day by day."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession


class Source(NamedTuple):
    """What is agreed with a source. ``signing`` is ``required`` or ``optional``."""

    source: str
    name: str | None
    units: tuple[str, ...]
    signing: str
    events_per_minute: int | None


class Secret(NamedTuple):
    """A source's secret, sealed."""

    id: str
    source: str
    sealed: bytes
    created_at: datetime


class Arrived(NamedTuple):
    """Events of one source on one day."""

    accepted: int
    duplicate: int
    conflict: int


AGREED = "SELECT source, name, units, signing, events_per_minute FROM sources"
PUT = sa.text(
    "INSERT INTO sources (source, name, units, signing, events_per_minute, created_at)"
    " VALUES (:source, :name, :units, :signing, :events_per_minute, now())"
    " ON CONFLICT (source) DO UPDATE SET name = excluded.name, units = excluded.units,"
    " signing = excluded.signing, events_per_minute = excluded.events_per_minute"
)
ARRIVE = sa.text(
    "INSERT INTO arrivals (source, day, accepted, duplicate, conflict, last_at)"
    " SELECT s, CAST(:day AS date), a, d, c, CAST(:now AS timestamptz) FROM unnest(CAST(:sources AS text[]),"
    " CAST(:accepted AS bigint[]), CAST(:duplicate AS bigint[]), CAST(:conflict AS bigint[]))"
    " AS r(s, a, d, c)"
    " ON CONFLICT (source, day) DO UPDATE SET accepted = arrivals.accepted + excluded.accepted,"
    " duplicate = arrivals.duplicate + excluded.duplicate,"
    " conflict = arrivals.conflict + excluded.conflict, last_at = excluded.last_at"
)
FILLED = (
    "least(CAST(:burst AS float8), allowances.tokens + CAST(:rate AS float8)"
    " * extract(epoch FROM CAST(:now AS timestamptz) - allowances.filled_at))"
)
TAKE = sa.text(
    "INSERT INTO allowances (bucket, tokens, filled_at)"
    " VALUES (:bucket, CAST(:burst AS float8) - CAST(:n AS float8), CAST(:now AS timestamptz))"
    f" ON CONFLICT (bucket) DO UPDATE SET filled_at = excluded.filled_at,"
    f" tokens = {FILLED} - CAST(:n AS float8)"
    f" WHERE {FILLED} >= least(CAST(:n AS float8), CAST(:burst AS float8))"
    " RETURNING tokens"
)


async def agreed_with(session: AsyncSession, sources: Collection[str]) -> dict[str, Source]:
    """What is agreed with these sources, where anything is."""
    rows = await session.execute(
        sa.text(f"{AGREED} WHERE source = ANY(:sources)"), {"sources": list(sources)}
    )
    return {row.source: _source(row) for row in rows}


async def every_agreement(session: AsyncSession) -> list[Source]:
    """What is agreed with each source."""
    return [_source(row) for row in await session.execute(sa.text(AGREED))]


async def put_source(session: AsyncSession, source: Source) -> bool:
    """Write down what is agreed with a source; False where another bears its name."""
    taken = await session.scalar(
        sa.text("SELECT 1 FROM sources WHERE name = :name AND source <> :source"),
        {"name": source.name, "source": source.source},
    )
    if taken:
        return False
    await session.execute(PUT, source._asdict() | {"units": list(source.units)})
    return True


async def secrets_of(session: AsyncSession, sources: Collection[str]) -> list[Secret]:
    """The secrets of sources, oldest first."""
    rows = await session.execute(
        sa.text(
            "SELECT id, source, sealed, created_at FROM source_secrets"
            " WHERE source = ANY(:sources) ORDER BY created_at, id"
        ),
        {"sources": list(sources)},
    )
    return [Secret(*row) for row in rows]


async def add_secret(session: AsyncSession, secret: Secret, most: int) -> None:
    """Keep a secret; of a source's secrets the newest ``most`` stay valid."""
    await session.execute(
        sa.text(
            "INSERT INTO source_secrets (id, source, sealed, created_at)"
            " VALUES (:id, :source, :sealed, :created_at)"
        ),
        secret._asdict(),
    )
    await session.execute(
        sa.text(
            "DELETE FROM source_secrets WHERE source = :source AND id NOT IN (SELECT id FROM"
            " source_secrets WHERE source = :source ORDER BY created_at DESC, id LIMIT :most)"
        ),
        {"source": secret.source, "most": most},
    )


async def drop_secret(session: AsyncSession, source: str, id: str) -> bool:
    """Make a secret invalid; False where there is none."""
    result = await session.execute(
        sa.text("DELETE FROM source_secrets WHERE source = :source AND id = :id"),
        {"source": source, "id": id},
    )
    return bool(result.rowcount)  # type: ignore[attr-defined]


async def take_allowance(
    session: AsyncSession, bucket: str, n: int, per_minute: int, now: datetime
) -> float | None:
    """Take ``n`` events from a bucket that refills at ``per_minute`` and holds as many.

    More than the bucket holds is let through when it is full, and owed. None where they were
    taken, else the seconds until they can be.
    """
    numbers = {"bucket": bucket, "n": float(n), "burst": float(per_minute), "now": now}
    numbers["rate"] = per_minute / 60
    if await session.scalar(TAKE, numbers) is not None:
        return None
    row = (
        await session.execute(
            sa.text("SELECT tokens, filled_at FROM allowances WHERE bucket = :bucket"),
            {"bucket": bucket},
        )
    ).one()
    missing = min(n, per_minute) - row.tokens
    passed = (now - row.filled_at).total_seconds()
    return max(0.0, missing / (per_minute / 60) - passed)


async def note_arrivals(
    session: AsyncSession, counts: Mapping[str, Arrived], day: date, now: datetime
) -> None:
    """Add to what arrived from sources on a day."""
    ordered = sorted(counts)
    if ordered:
        columns = {name: [getattr(counts[s], name) for s in ordered] for name in Arrived._fields}
        await session.execute(ARRIVE, {"sources": ordered, "day": day, "now": now, **columns})


async def list_sources(
    session: AsyncSession, after: str, limit: int, among: Collection[str] | None = None
) -> list[dict[str, Any]]:
    """Sources that are agreed with or have sent, in their order after one: agreement, first day,
    last event, alert. ``among``: these only; None = all."""
    rows = await session.execute(
        sa.text(
            "WITH named AS (SELECT source FROM sources WHERE source > :after"
            " UNION SELECT source FROM (SELECT DISTINCT source FROM arrivals"
            " WHERE source > :after ORDER BY source LIMIT CAST(:page AS bigint)) AS sent),"
            " page AS (SELECT source FROM named WHERE CAST(:among AS text[]) IS NULL"
            " OR source = ANY(:among) ORDER BY source LIMIT CAST(:limit AS bigint))"
            " SELECT page.source, s.name, coalesce(s.units, '{}') AS units,"
            " coalesce(s.signing, 'optional') AS signing, s.events_per_minute, a.first_day,"
            " a.last_at, (SELECT count(*) FROM source_secrets x WHERE x.source = page.source)"
            " AS secrets, e.state AS alert, e.since AS alert_since FROM page"
            " LEFT JOIN sources s ON s.source = page.source"
            " LEFT JOIN LATERAL (SELECT min(day) AS first_day, max(last_at) AS last_at"
            " FROM arrivals WHERE source = page.source) a ON true"
            " LEFT JOIN silences e ON e.source = page.source AND e.ended_at IS NULL"
            " ORDER BY page.source"
        ),
        {
            "after": after,
            "limit": limit,
            "page": limit if among is None else None,
            "among": None if among is None else sorted(among),
        },
    )
    return [dict(row) for row in rows.mappings()]


async def arrivals_since(
    session: AsyncSession, sources: Collection[str], day: date
) -> dict[str, dict[date, Arrived]]:
    """What arrived from each of some sources on each day since one."""
    rows = await session.execute(
        sa.text(
            "SELECT source, day, accepted, duplicate, conflict FROM arrivals"
            " WHERE source = ANY(:sources) AND day >= :day"
        ),
        {"sources": sorted(sources), "day": day},
    )
    found: dict[str, dict[date, Arrived]] = {}
    for row in rows:
        found.setdefault(row.source, {})[row.day] = Arrived(*row[2:])
    return found


async def open_silences(
    session: AsyncSession, found: Sequence[tuple[str, str, date]], now: datetime
) -> set[str]:
    """Begin an alert for (source, state, since), or make one worse: quiet is followed by silent.

    Returns the sources of which that is new.
    """
    ordered = sorted(found)
    if not ordered:
        return set()
    rows = await session.scalars(
        sa.text(
            "INSERT INTO silences (source, state, since, noticed_at)"
            " SELECT s, t, d, CAST(:now AS timestamptz) FROM unnest("
            "CAST(:sources AS text[]), CAST(:states AS text[]),"
            " CAST(:days AS date[])) AS r(s, t, d)"
            " ON CONFLICT (source) WHERE ended_at IS NULL DO UPDATE SET state = excluded.state,"
            " since = excluded.since, noticed_at = excluded.noticed_at"
            " WHERE silences.state = 'quiet' AND excluded.state = 'silent' RETURNING source"
        ),
        {
            "sources": [source for source, _, _ in ordered],
            "states": [state for _, state, _ in ordered],
            "days": [since for _, _, since in ordered],
            "now": now,
        },
    )
    return set(rows)


async def end_silences(session: AsyncSession, speaking: Iterable[str], now: datetime) -> set[str]:
    """End the alerts of sources that send as usual; returns those that had one."""
    rows = await session.scalars(
        sa.text(
            "UPDATE silences SET ended_at = :now WHERE ended_at IS NULL AND source = ANY(:sources)"
            " RETURNING source"
        ),
        {"sources": sorted(speaking), "now": now},
    )
    return set(rows)


def _source(row: Any) -> Source:
    return Source(row.source, row.name, tuple(row.units), row.signing, row.events_per_minute)
