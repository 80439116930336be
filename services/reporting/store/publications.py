"""Published reports: frozen answers in all their revisions, with the files as they were made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

_ADD = sa.text(
    "INSERT INTO publications (slug, report, parameters, title, plan, units, told, month, created_at,"
    " created_by) VALUES (:slug, :report, CAST(:parameters AS jsonb), :title, :plan,"
    " CAST(:units AS text[]), CAST(:told AS text[]), :month, :at, :by)"
    " ON CONFLICT (slug) DO NOTHING RETURNING slug"
)
_ADD_REVISION = sa.text(
    "INSERT INTO publication_revisions (slug, number, at, by, reason, document, differences,"
    " confirmations) VALUES (:slug, :number, :at, :by, :reason, :document, :differences,"
    " :confirmations)"
)
_ADD_FILES = sa.text(
    "INSERT INTO publication_files (slug, number, format, content) SELECT :slug, :number, f, c"
    " FROM unnest(CAST(:formats AS text[]), CAST(:contents AS bytea[])) AS r(f, c)"
)
_ONE = sa.text("SELECT * FROM publications WHERE slug = :slug")
_LOCKED = sa.text("SELECT * FROM publications WHERE slug = :slug FOR UPDATE")
_REVISIONS = sa.text(
    "SELECT number, at, by, reason, document, differences, confirmations"
    " FROM publication_revisions WHERE slug = :slug ORDER BY number"
)
_FILE = sa.text(
    "SELECT content FROM publication_files WHERE slug = :slug AND number = :number"
    " AND format = :format"
)
_LIST = sa.text(
    "SELECT p.*, r.number, r.at AS revised_at FROM publications p JOIN LATERAL"
    " (SELECT number, at FROM publication_revisions r WHERE r.slug = p.slug"
    " ORDER BY number DESC LIMIT 1) AS r ON true"
    " WHERE (CAST(:report AS text) IS NULL OR p.report = :report)"
    " AND (CAST(:before AS timestamptz) IS NULL OR (p.created_at, p.slug) <"
    " (CAST(:before AS timestamptz), CAST(:before_slug AS text)))"
    " ORDER BY p.created_at DESC, p.slug DESC LIMIT :limit"
)
_WITHDRAW = sa.text(
    "UPDATE publications SET withdrawn_at = :at, withdrawn_by = :by, withdrawn_reason = :reason"
    " WHERE slug = :slug"
)
_LOCK_OF = sa.text(
    "SELECT slug FROM publications WHERE month = :month AND report = :report"
    " AND withdrawn_at IS NULL AND (CAST(:domain AS text) IS NULL"
    " OR coalesce(parameters ->> 'domain', :domain) = :domain)"
    " AND (units IS NULL OR CAST(:unit AS text) = ANY(units)) ORDER BY created_at LIMIT 1"
)


@dataclass(frozen=True, slots=True)
class NewPublication:
    """A publication about to be kept; `units` null stands for all units, `told` are those whose
    officers are told; `month` is the month that it locks."""

    slug: str
    report: str
    parameters: Mapping[str, Any]
    title: str
    plan: str | None
    units: Sequence[str] | None
    told: Sequence[str]
    month: str | None
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Revision:
    """One state of a publication: `document` and the lists are JSON as it was made."""

    number: int
    at: datetime
    by: str
    reason: str | None
    document: bytes
    differences: bytes
    confirmations: bytes

    @property
    def content(self) -> dict[str, Any]:
        return orjson.loads(self.document)

    @property
    def changes(self) -> list[dict[str, Any]]:
        return orjson.loads(self.differences)

    @property
    def confirmed(self) -> list[dict[str, Any]]:
        return orjson.loads(self.confirmations)


async def add(session: AsyncSession, new: NewPublication) -> bool:
    """Keep a publication; False where its address is taken."""
    given = {
        "slug": new.slug,
        "report": new.report,
        "parameters": orjson.dumps(new.parameters).decode(),
        "title": new.title,
        "plan": new.plan,
        "units": None if new.units is None else list(new.units),
        "told": list(new.told),
        "month": new.month,
        "at": new.at,
        "by": new.by,
    }
    return await session.scalar(_ADD, given) is not None


async def add_revision(
    session: AsyncSession, slug: str, revision: Revision, files: Mapping[str, bytes]
) -> None:
    """Keep a revision with its files, by format."""
    given = {
        "slug": slug,
        "number": revision.number,
        "at": revision.at,
        "by": revision.by,
        "reason": revision.reason,
        "document": revision.document,
        "differences": revision.differences,
        "confirmations": revision.confirmations,
    }
    await session.execute(_ADD_REVISION, given)
    contents = {"formats": list(files), "contents": list(files.values())}
    await session.execute(_ADD_FILES, {"slug": slug, "number": revision.number, **contents})


async def find(session: AsyncSession, slug: str, *, lock: bool = False) -> sa.Row | None:
    """A publication; `lock` keeps others from changing it until the end of the transaction."""
    return (await session.execute(_LOCKED if lock else _ONE, {"slug": slug})).first()


async def revisions(session: AsyncSession, slug: str) -> list[Revision]:
    """Every revision of a publication, the first one first."""
    return [
        Revision(
            row.number,
            row.at,
            row.by,
            row.reason,
            bytes(row.document),
            bytes(row.differences),
            bytes(row.confirmations),
        )
        for row in await session.execute(_REVISIONS, {"slug": slug})
    ]


async def file(session: AsyncSession, slug: str, number: int, form: str) -> bytes | None:
    """A file of a revision as it was made."""
    found = await session.scalar(_FILE, {"slug": slug, "number": number, "format": form})
    return None if found is None else bytes(found)


async def listed(
    session: AsyncSession,
    report: str | None,
    before: tuple[datetime, str] | None,
    limit: int,
) -> Sequence[sa.Row]:
    """Publications with their newest revision's number, the newest publications first."""
    at, slug = before or (None, None)
    given = {"report": report, "before": at, "before_slug": slug, "limit": limit}
    return (await session.execute(_LIST, given)).all()


async def withdraw(session: AsyncSession, slug: str, at: datetime, by: str, reason: str) -> None:
    """Mark a publication as withdrawn."""
    await session.execute(_WITHDRAW, {"slug": slug, "at": at, "by": by, "reason": reason})


async def lock_of(
    session: AsyncSession, report: str, month: str, unit: str | None, domain: str | None = None
) -> str | None:
    """The address under which a unit's month is locked for a report, or that of all units where
    none is named; null while it is open. What was published of another domain locks nothing of one
    that is named."""
    given = {"report": report, "month": month, "unit": unit, "domain": domain}
    return await session.scalar(_LOCK_OF, given)
