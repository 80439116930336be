"""The citizens whom no message has reached, for people to call, and the calls that were made."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.store.people import Actor

UNREACHED = (
    "n.audience = 'citizen' AND (n.state IN ('unreachable', 'failed')"
    " OR (n.state = 'withheld' AND n.reason = 'wrong_number'))"
)
# A fact that reached somebody through another channel, or still may, needs no call; nor does one
# that was told in a call, whose number is somebody else's, or that was tried on the day.
SPOKEN = (
    "SELECT 1 FROM calls_made k WHERE k.code = n.subject AND k.covers >= n.changed_at"
    " AND k.at < :until AND (k.result <> 'not_reached' OR k.day = :day)"
)
CALLS = sa.text(
    "WITH lost AS (SELECT n.subject, n.kind, n.version, min(n.unit) AS unit, max(n.at) AS at,"
    " max(n.changed_at) AS changed_at, min(n.reason) AS reason, max(n.body) AS body,"
    " max(n.title) AS title FROM notices n"
    f" WHERE {UNREACHED} AND n.changed_at >= :since AND n.changed_at < :until"
    " AND (CAST(:units AS text[]) IS NULL OR n.unit = ANY(CAST(:units AS text[])))"
    " AND n.subject > :after"
    " AND NOT EXISTS (SELECT 1 FROM notices o WHERE o.subject = n.subject AND o.kind = n.kind"
    " AND o.version = n.version AND o.audience = 'citizen' AND o.state IN ('sent', 'delivered',"
    " 'unknown', 'ready', 'retrying', 'sending', 'waiting_contact'))"
    " AND NOT EXISTS (SELECT 1 FROM contacts c WHERE c.code = n.subject AND c.erased)"
    f" AND NOT EXISTS ({SPOKEN})"
    " GROUP BY 1, 2, 3),"
    " codes AS (SELECT DISTINCT subject FROM lost ORDER BY subject LIMIT :limit)"
    " SELECT l.*, c.token, c.name, c.phone, c.email FROM lost l JOIN codes USING (subject)"
    " LEFT JOIN contacts c ON c.code = l.subject ORDER BY l.subject, l.at, l.kind"
)
UNIT = sa.text(
    "SELECT unit FROM notices WHERE subject = :code AND audience = 'citizen'"
    " ORDER BY at DESC, seq DESC LIMIT 1"
)
ADD = sa.text(
    "INSERT INTO calls_made (ref, code, unit, at, day, covers, result, note, key_id, key_name,"
    " recorded_at) VALUES (:ref, :code, :unit, :at, :day, :covers, :result, :note, :key_id,"
    " :key_name, :now) ON CONFLICT (ref) DO NOTHING RETURNING *"
)
BY_REF = sa.text("SELECT * FROM calls_made WHERE ref = :ref")
MADE = sa.text(
    "SELECT * FROM calls_made"
    " WHERE (CAST(:units AS text[]) IS NULL OR unit = ANY(CAST(:units AS text[])))"
    " AND (CAST(:code AS text) IS NULL OR code = :code)"
    " AND (CAST(:day AS date) IS NULL OR day = :day)"
    " AND (CAST(:before AS bigint) IS NULL OR id < :before) ORDER BY id DESC LIMIT :limit"
)
ABOUT = sa.text("SELECT * FROM calls_made WHERE code = ANY(CAST(:codes AS text[])) ORDER BY at, id")
BLANK = sa.text("UPDATE calls_made SET note = NULL WHERE code = ANY(CAST(:codes AS text[]))")


@dataclass(frozen=True, slots=True)
class Query:
    """Whose calls, of which day: of what changed from ``since`` on and before ``until``, when the
    day ends. ``units`` null means all, ``after`` is the last dossier seen."""

    since: datetime
    until: datetime
    day: date
    units: Collection[str] | None = None
    after: str = ""
    limit: int = 1000


async def find(session: AsyncSession, query: Query) -> Sequence[sa.Row]:
    """What some citizens were to be told and were not, by dossier."""
    units = None if query.units is None else sorted(query.units)
    given = {"since": query.since, "until": query.until, "day": query.day, "units": units}
    given |= {"after": query.after, "limit": query.limit}
    return (await session.execute(CALLS, given)).all()


@dataclass(frozen=True, slots=True)
class Made:
    """A call that was made; ``covers`` is until when it speaks of what could not be told."""

    ref: str | None
    code: str
    unit: str
    at: datetime
    day: date
    covers: datetime
    result: str
    note: str | None


async def unit_of(session: AsyncSession, code: str) -> str | None:
    """The unit in whose name a dossier's applicant was to be told something last."""
    return await session.scalar(UNIT, {"code": code})


async def add(session: AsyncSession, made: Made, actor: Actor, now: datetime) -> sa.Row | None:
    """Keep a call; null where one with its ``ref`` is known."""
    given = {name: getattr(made, name) for name in Made.__slots__}
    given |= {"key_id": actor.key_id, "key_name": actor.key_name, "now": now}
    return (await session.execute(ADD, given)).first()


async def by_ref(session: AsyncSession, ref: str) -> sa.Row:
    """The call of a name that is known."""
    return (await session.execute(BY_REF, {"ref": ref})).one()


async def history(
    session: AsyncSession,
    units: Collection[str] | None,
    code: str | None,
    day: date | None,
    before: int | None,
    limit: int,
) -> Sequence[sa.Row]:
    """Calls that were made, newest first."""
    given = {"units": None if units is None else sorted(units), "code": code, "day": day}
    return (await session.execute(MADE, given | {"before": before, "limit": limit})).all()


async def about(session: AsyncSession, codes: Collection[str]) -> dict[str, list[sa.Row]]:
    """The calls to the applicants of some dossiers, by code, oldest first."""
    found: dict[str, list[sa.Row]] = {}
    if codes:
        for row in (await session.execute(ABOUT, {"codes": sorted(codes)})).all():
            found.setdefault(row.code, []).append(row)
    return found


async def blank(session: AsyncSession, codes: Collection[str]) -> None:
    """Take what people noted out of the calls to somebody."""
    await session.execute(BLANK, {"codes": sorted(codes)})
