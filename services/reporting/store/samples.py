"""Samples of dossiers: what was drawn, from how many, and what came back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting.store.rows import Insert

_ADD = sa.text(
    "INSERT INTO samples (id, parameters, seed, size, title, units, created_at, created_by) VALUES"
    " (:id, CAST(:parameters AS jsonb), :seed, :size, :title, CAST(:units AS text[]), :at, :by)"
)
_UNITS = Insert(
    "sample_units",
    {"sample": "text", "unit": "text", "era": "date", "eligible": "bigint", "drawn": "bigint"},
)
_DOSSIERS = Insert(
    "sample_dossiers",
    {
        "sample": "text",
        "number": "integer",
        "code": "text",
        "unit": "text",
        "era": "date",
        "field": "text",
        "returned": "date",
    },
)
_ONE = sa.text("SELECT * FROM samples WHERE id = :id")
_LIST = sa.text("SELECT * FROM samples ORDER BY created_at DESC, id LIMIT :limit")
_OF_UNITS = sa.text(
    'SELECT unit, era, eligible, drawn FROM sample_units WHERE sample = :id ORDER BY unit COLLATE "C"'
)
_OF_DOSSIERS = sa.text(
    "SELECT number, code, unit, era, field, returned FROM sample_dossiers WHERE sample = :id"
    " ORDER BY number"
)
_RESPONSES = sa.text(
    "SELECT d.unit, d.era, s.mode, count(DISTINCT d.code)::bigint AS answered"
    " FROM sample_dossiers d JOIN surveys s ON s.dossier = d.code"
    " LEFT JOIN voids v ON v.target = s.uid WHERE d.sample = :id AND v.target IS NULL"
    " GROUP BY GROUPING SETS ((d.unit, d.era, s.mode), (d.unit, d.era))"
)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A dossier that was drawn."""

    number: int
    code: str
    unit: str
    era: date
    field: str
    returned: date


@dataclass(frozen=True, slots=True)
class NewSample:
    """A sample about to be kept; `units` null stands for all, `counts` are (unit, era, how many
    qualified, how many were drawn)."""

    id: str
    parameters: Mapping[str, Any]
    seed: str
    size: int
    title: str
    units: Sequence[str] | None
    at: datetime
    by: str
    counts: Sequence[tuple[str, date, int, int]]
    dossiers: Sequence[Drawn]


async def add(session: AsyncSession, new: NewSample) -> None:
    """Keep a sample."""
    given = {
        "id": new.id,
        "parameters": orjson.dumps(new.parameters).decode(),
        "seed": new.seed,
        "size": new.size,
        "title": new.title,
        "units": None if new.units is None else list(new.units),
        "at": new.at,
        "by": new.by,
    }
    await session.execute(_ADD, given)
    await _UNITS.run(session, [(new.id, *each) for each in new.counts])
    await _DOSSIERS.run(
        session,
        [
            (new.id, one.number, one.code, one.unit, one.era, one.field, one.returned)
            for one in new.dossiers
        ],
    )


async def find(session: AsyncSession, id: str) -> sa.Row | None:
    """A sample."""
    return (await session.execute(_ONE, {"id": id})).first()


async def listed(session: AsyncSession, limit: int) -> Sequence[sa.Row]:
    """Samples, the newest first."""
    return (await session.execute(_LIST, {"limit": limit})).all()


async def units(session: AsyncSession, id: str) -> Sequence[sa.Row]:
    """(unit, era, eligible, drawn) of a sample."""
    return (await session.execute(_OF_UNITS, {"id": id})).all()


async def dossiers(session: AsyncSession, id: str) -> list[Drawn]:
    """What was drawn, by number."""
    return [Drawn(*row) for row in await session.execute(_OF_DOSSIERS, {"id": id})]


async def responses(session: AsyncSession, id: str) -> dict[tuple[str, date, str | None], int]:
    """Dossiers of a sample that a standing survey names, by (unit, era, mode); mode null: by any."""
    rows = await session.execute(_RESPONSES, {"id": id})
    return {(row.unit, row.era, row.mode): row.answered for row in rows}
