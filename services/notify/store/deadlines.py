"""Due dates, and the officers who answer for them."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.rules.notices import Officer

PUT = sa.text(
    "INSERT INTO deadlines (kind, key, version, number, subject, unit, due_at, due_day, state,"
    " slips_at, next_at, announced_at, fulfilled_at, moved, origin, source, origin_time, plan,"
    " obligation, period, facts, reason)"
    " SELECT * FROM unnest(CAST(:kinds AS text[]), CAST(:keys AS text[]),"
    " CAST(:versions AS text[]), CAST(:numbers AS integer[]), CAST(:subjects AS text[]),"
    " CAST(:units AS text[]), CAST(:dues AS timestamptz[]), CAST(:days AS date[]),"
    " CAST(:states AS text[]), CAST(:slips AS timestamptz[]), CAST(:nexts AS timestamptz[]),"
    " CAST(:announced AS timestamptz[]), CAST(:fulfilled AS timestamptz[]),"
    " CAST(:moved AS boolean[]), CAST(:origins AS bytea[]), CAST(:sources AS text[]),"
    " CAST(:times AS timestamptz[]), CAST(:plans AS text[]), CAST(:obligations AS text[]),"
    " CAST(:periods AS text[]), CAST(:facts AS jsonb[]),"
    " CAST(:reasons AS text[])) AS r"
    " ON CONFLICT (kind, key, version) DO UPDATE SET number = excluded.number,"
    " unit = excluded.unit, due_at = excluded.due_at, due_day = excluded.due_day,"
    " state = excluded.state, slips_at = excluded.slips_at, next_at = excluded.next_at,"
    " announced_at = excluded.announced_at, fulfilled_at = excluded.fulfilled_at,"
    " moved = excluded.moved, origin = excluded.origin, source = excluded.source,"
    " origin_time = excluded.origin_time, facts = excluded.facts, reason = excluded.reason"
)
OF = sa.text(
    "SELECT kind, key, version, number, due_day, state, announced_at, slips_at FROM deadlines"
    " WHERE kind = :kind AND key = ANY(CAST(:keys AS text[]))"
)
OF_PLAN = sa.text(
    "SELECT kind, key, version, state, announced_at, slips_at FROM deadlines WHERE plan = :plan"
)
CANCEL = sa.text(
    "UPDATE deadlines SET state = 'cancelled', reason = :reason, slips_at = NULL, next_at = NULL,"
    " announced_at = NULL FROM unnest(CAST(:kinds AS text[]), CAST(:keys AS text[]),"
    " CAST(:versions AS text[])) AS r(k, s, v)"
    " WHERE kind = r.k AND key = r.s AND version = r.v"
)
ANY_DUE = sa.text(  # the least instant is read off the index, whatever a planner expects of EXISTS
    "SELECT min(next_at) <= :now FROM deadlines WHERE next_at IS NOT NULL"
)
DUE = sa.text(
    "SELECT kind, key, version, number, subject, unit, due_at, due_day, slips_at, moved, origin,"
    " source, origin_time, plan, obligation, period, facts FROM deadlines WHERE next_at <= :now"
    " ORDER BY next_at LIMIT :limit FOR UPDATE SKIP LOCKED"
)
SLIP = sa.text(
    "UPDATE deadlines SET state = 'slipped', next_at = NULL, announced_at = :now"
    " FROM unnest(CAST(:kinds AS text[]), CAST(:keys AS text[]), CAST(:versions AS text[]))"
    " AS r(k, s, v) WHERE kind = r.k AND key = r.s AND version = r.v"
)
OFFICERS = sa.text(
    "SELECT id, unit, name, role, phone, email, valid_from, valid_to, level, replaces"
    " FROM officers"
    " WHERE CAST(:units AS text[]) IS NULL OR unit = ANY(CAST(:units AS text[]))"
    " ORDER BY unit, id"
)
DROP_OFFICERS = sa.text(
    "DELETE FROM officers"
    " WHERE CAST(:units AS text[]) IS NULL OR unit = ANY(CAST(:units AS text[]))"
)
ADD_OFFICERS = sa.text(
    "INSERT INTO officers (id, unit, name, role, phone, email, valid_from, valid_to, level,"
    " replaces)"
    " SELECT * FROM unnest(CAST(:ids AS text[]), CAST(:units AS text[]), CAST(:names AS text[]),"
    " CAST(:roles AS text[]), CAST(:phones AS text[]), CAST(:emails AS text[]),"
    " CAST(:starts AS date[]), CAST(:ends AS date[]), CAST(:levels AS text[]),"
    " CAST(:replaces AS text[])) ON CONFLICT (id) DO NOTHING"
)


@dataclass(slots=True)
class DeadlineRow:
    """One due date as it is kept."""

    kind: str
    key: str
    version: str
    number: int
    subject: str
    unit: str
    due_at: datetime | None
    due_day: date | None
    state: str
    slips_at: datetime | None
    next_at: datetime | None
    announced_at: datetime | None
    fulfilled_at: datetime | None
    moved: bool
    origin: bytes
    source: str
    origin_time: datetime
    plan: str | None = None
    obligation: str | None = None
    period: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    reason: str | None = None


async def put(session: AsyncSession, rows: Sequence[DeadlineRow]) -> None:
    """Keep due dates as they are now known."""
    if not rows:
        return
    rows = sorted(rows, key=lambda row: (row.kind, row.key, row.version))
    await session.execute(
        PUT,
        {
            "kinds": [row.kind for row in rows],
            "keys": [row.key for row in rows],
            "versions": [row.version for row in rows],
            "numbers": [row.number for row in rows],
            "subjects": [row.subject for row in rows],
            "units": [row.unit for row in rows],
            "dues": [row.due_at for row in rows],
            "days": [row.due_day for row in rows],
            "states": [row.state for row in rows],
            "slips": [row.slips_at for row in rows],
            "nexts": [row.next_at for row in rows],
            "announced": [row.announced_at for row in rows],
            "fulfilled": [row.fulfilled_at for row in rows],
            "moved": [row.moved for row in rows],
            "origins": [row.origin for row in rows],
            "sources": [row.source for row in rows],
            "times": [row.origin_time for row in rows],
            "plans": [row.plan for row in rows],
            "obligations": [row.obligation for row in rows],
            "periods": [row.period for row in rows],
            "facts": [orjson.dumps(row.facts).decode() for row in rows],
            "reasons": [row.reason for row in rows],
        },
    )


async def known(
    session: AsyncSession, kind: str, keys: Collection[str]
) -> dict[tuple[str, str], sa.Row]:
    """What is kept of some subjects, by (key, version)."""
    if not keys:
        return {}
    rows = await session.execute(OF, {"kind": kind, "keys": sorted(keys)})
    return {(row.key, row.version): row for row in rows}


async def known_of_plan(session: AsyncSession, plan: str) -> dict[tuple[str, str], sa.Row]:
    """What is kept of a plan's duties, by (key, version)."""
    rows = await session.execute(OF_PLAN, {"plan": plan})
    return {(row.key, row.version): row for row in rows}


async def cancel(
    session: AsyncSession, identities: Sequence[tuple[str, str, str]], reason: str
) -> None:
    """Cancel due dates that no event or plan states any more: (kind, key, version)."""
    if identities:
        await session.execute(CANCEL, _identities(identities) | {"reason": reason})


async def any_due(session: AsyncSession, now: datetime) -> bool:
    """Whether the scan has anything to do."""
    return bool(await session.scalar(ANY_DUE, {"now": now}))


async def take_due(session: AsyncSession, now: datetime, limit: int) -> Sequence[sa.Row]:
    """Due dates that have slipped by an instant and were not announced, locked."""
    return (await session.execute(DUE, {"now": now, "limit": limit})).all()


async def mark_slipped(
    session: AsyncSession, identities: Sequence[tuple[str, str, str]], now: datetime
) -> None:
    """Record that due dates have slipped: (kind, key, version)."""
    if identities:
        await session.execute(SLIP, _identities(identities) | {"now": now})


async def find(
    session: AsyncSession,
    units: Collection[str] | None,
    state: str | None,
    offset: int,
    limit: int,
) -> Sequence[sa.Row]:
    """Due dates, earliest first."""
    parts, given = ["true"], {}
    if units is not None:
        parts.append("unit = ANY(CAST(:units AS text[]))")
        given["units"] = sorted(units)
    if state is not None:
        parts.append("state = :state")
        given["state"] = state
    statement = sa.text(
        "SELECT kind, subject, unit, due_at, due_day, number, state, reason, slips_at,"
        " approached_at, announced_at, fulfilled_at, plan, obligation, period FROM deadlines"
        f" WHERE {' AND '.join(parts)}"
        " ORDER BY due_day NULLS LAST, kind, key, version OFFSET :offset LIMIT :limit"
    )
    return (await session.execute(statement, given | {"offset": offset, "limit": limit})).all()


async def load_officers(
    session: AsyncSession, units: Collection[str] | None = None
) -> list[Officer]:
    """The officers of some units, or all."""
    given = {"units": None if units is None else sorted(units)}
    rows = await session.execute(OFFICERS, given)
    return [Officer(*row) for row in rows]


async def replace_officers(
    session: AsyncSession,
    officers: Iterable[Officer],
    units: Collection[str] | None = None,
) -> None:
    """Keep these officers and no others of some units, or of all."""
    given = {"units": None if units is None else sorted(units)}
    await session.execute(DROP_OFFICERS, given)
    listed = list(officers)
    await session.execute(
        ADD_OFFICERS,
        {
            "ids": [officer.id for officer in listed],
            "units": [officer.unit for officer in listed],
            "names": [officer.name for officer in listed],
            "roles": [officer.role for officer in listed],
            "phones": [officer.phone for officer in listed],
            "emails": [officer.email for officer in listed],
            "starts": [officer.valid_from for officer in listed],
            "ends": [officer.valid_to for officer in listed],
            "levels": [officer.level for officer in listed],
            "replaces": [officer.replaces for officer in listed],
        },
    )


def _identities(identities: Sequence[tuple[str, str, str]]) -> dict[str, list[str]]:
    return {
        "kinds": [kind for kind, _, _ in identities],
        "keys": [key for _, key, _ in identities],
        "versions": [version for _, _, version in identities],
    }
