"""Texts that were changed: every version of each; the newest holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

NEWEST = sa.text("SELECT coalesce(max(id), 0) FROM templates")
CURRENT = sa.text(
    "SELECT DISTINCT ON (name) name, version, source, stored_at, key_name FROM templates"
    " ORDER BY name, version DESC"
)
VERSIONS = sa.text(
    "SELECT name, version, source, stored_at, key_name FROM templates WHERE name = :name"
    " ORDER BY version DESC"
)
ADD = sa.text(
    "INSERT INTO templates (name, version, source, stored_at, key_id, key_name)"
    " SELECT :name, coalesce(max(version), 0) + 1, CAST(:source AS text), :now, :key_id, :key_name"
    " FROM templates WHERE name = :name"
)


@dataclass(frozen=True, slots=True)
class StoredText:
    """One version of a text; null ``source`` means that of the file."""

    name: tuple[str, str, str]
    version: int
    source: str | None
    stored_at: datetime
    key_name: str


async def newest(session: AsyncSession) -> int:
    """A number that grows with every change."""
    return int(await session.scalar(NEWEST) or 0)


async def current(session: AsyncSession) -> list[StoredText]:
    """The version that holds, of each text that was ever changed."""
    return _read((await session.execute(CURRENT)).all())


async def versions(session: AsyncSession, name: Sequence[str]) -> list[StoredText]:
    """Every version of a text, newest first."""
    return _read((await session.execute(VERSIONS, {"name": ".".join(name)})).all())


async def add(
    session: AsyncSession,
    name: Sequence[str],
    source: str | None,
    key_id: str,
    key_name: str,
    now: datetime,
) -> None:
    """Keep a new version."""
    given = {"name": ".".join(name), "source": source, "now": now}
    await session.execute(ADD, given | {"key_id": key_id, "key_name": key_name})


def _read(rows: Sequence[sa.Row]) -> list[StoredText]:
    return [
        StoredText(tuple(row.name.split(".")), row.version, row.source, row.stored_at, row.key_name)
        for row in rows
    ]
