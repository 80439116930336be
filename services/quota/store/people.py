"""Queries about officials and volunteers."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.quota.rules import Person


async def people(
    session: AsyncSession,
    role: str | None = None,
    at: date | None = None,
    codes: Sequence[str] | None = None,
) -> list[Any]:
    """Entries of the register, by code.

    On a day ``at`` the entry that began last holds, unless it has ended.
    """
    rows = await session.execute(
        sa.text(
            "WITH held AS (SELECT DISTINCT ON (code) * FROM people WHERE valid_from <= :at"
            " ORDER BY code, valid_from DESC), found AS (SELECT * FROM people WHERE :at IS NULL"
            " UNION ALL SELECT * FROM held WHERE valid_to IS NULL OR valid_to > :at)"
            " SELECT * FROM found WHERE (CAST(:role AS text) IS NULL OR role = :role)"
            " AND (CAST(:codes AS text[]) IS NULL OR code = ANY(:codes))"
            " ORDER BY code, valid_from".replace(":at", "CAST(:at AS date)")
        ),
        {"role": role, "at": at, "codes": None if codes is None else list(codes)},
    )
    return list(rows.all())


async def put_people(session: AsyncSession, entries: Sequence[Person]) -> int:
    """Add entries, or change those with the same code and first day; returns how many changed."""
    if not entries:
        return 0
    ordered = sorted(entries, key=lambda each: (each.code, each.valid_from))
    columns = ("code", "valid_from", "valid_to", "name", "role", "unit")
    values = {name: [getattr(each, name) for each in ordered] for name in columns}
    changed = await session.execute(
        sa.text(
            "INSERT INTO people (code, valid_from, valid_to, name, role, unit) SELECT * FROM"
            " unnest(CAST(:code AS text[]), CAST(:valid_from AS date[]), CAST(:valid_to AS date[]),"
            " CAST(:name AS text[]), CAST(:role AS text[]), CAST(:unit AS text[]))"
            " ON CONFLICT (code, valid_from) DO UPDATE SET valid_to = excluded.valid_to,"
            " name = excluded.name, role = excluded.role, unit = excluded.unit"
            " WHERE (people.valid_to, people.name, people.role, people.unit)"
            " IS DISTINCT FROM (excluded.valid_to, excluded.name, excluded.role, excluded.unit)"
            " RETURNING code"
        ),
        values,
    )
    return len(changed.all())
