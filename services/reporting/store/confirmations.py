"""What units said of their figures, all of it, in the order in which they said it."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting.rules import Statement

_ADD = sa.text(
    "INSERT INTO confirmations (report, month, unit, state, dossier, remark, at, by, figures)"
    " SELECT :report, :month, :unit, :state, d, r, :at, :by, CAST(:figures AS jsonb)"
    " FROM unnest(CAST(:dossiers AS text[]), CAST(:remarks AS text[])) WITH ORDINALITY AS l(d, r, n)"
    " ORDER BY n"
)
_LOAD = sa.text(
    "SELECT unit, state, dossier, remark, at, by FROM confirmations WHERE report = :report"
    " AND month = :month AND (CAST(:units AS text[]) IS NULL OR unit = ANY(CAST(:units AS text[])))"
    " ORDER BY id"
)
_FIGURES = sa.text(
    "SELECT DISTINCT ON (unit) unit, figures FROM confirmations WHERE report = :report"
    " AND month = :month AND state = 'confirmed' AND dossier IS NULL ORDER BY unit, id DESC"
)


async def add(
    session: AsyncSession,
    report: str,
    month: str,
    unit: str,
    state: str,
    about: Sequence[tuple[str | None, str | None]],
    at: datetime,
    by: str,
    figures: dict[str, Any],
) -> None:
    """Keep what a unit says, once for each (dossier, remark); dossier null: of all its figures."""
    given = {
        "report": report,
        "month": month,
        "unit": unit,
        "state": state,
        "dossiers": [dossier for dossier, _ in about],
        "remarks": [remark for _, remark in about],
        "at": at,
        "by": by,
        "figures": orjson.dumps(figures).decode(),
    }
    await session.execute(_ADD, given)


async def load(
    session: AsyncSession, report: str, month: str, units: Collection[str] | None
) -> dict[str, list[Statement]]:
    """What units said of a month of a report, by unit, the oldest first."""
    found: dict[str, list[Statement]] = {}
    given = {"report": report, "month": month, "units": None if units is None else sorted(units)}
    for row in await session.execute(_LOAD, given):
        one = Statement(row.state, row.dossier, row.remark, row.at, row.by)
        found.setdefault(row.unit, []).append(one)
    return found


async def figures(session: AsyncSession, report: str, month: str) -> dict[str, dict[str, Any]]:
    """The figures that units saw when they last confirmed them."""
    rows = await session.execute(_FIGURES, {"report": report, "month": month})
    return {
        row.unit: orjson.loads(row.figures) if isinstance(row.figures, str | bytes) else row.figures
        for row in rows
    }
