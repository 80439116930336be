"""What units said of their figures, all of it, in the order in which they said it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting.rules import About, Statement
from shared import events

_ADD = sa.text(
    "INSERT INTO confirmations (report, month, unit, state, dossier, remark, domain, source,"
    " event_id, at, by, figures)"
    " SELECT :report, :month, :unit, l.state, d, r, m, s, e, l.at, l.by, CAST(:figures AS jsonb)"
    " FROM unnest(CAST(:states AS text[]), CAST(:dossiers AS text[]), CAST(:remarks AS text[]),"
    " CAST(:domains AS text[]), CAST(:sources AS text[]), CAST(:ids AS text[]),"
    " CAST(:ats AS timestamptz[]), CAST(:bys AS text[]))"
    " WITH ORDINALITY AS l(state, d, r, m, s, e, at, by, n) ORDER BY n"
)
_LOAD = sa.text(
    "SELECT unit, state, dossier, remark, domain, source, event_id, at, by FROM confirmations"
    " WHERE report = :report AND month = :month"
    " AND (CAST(:units AS text[]) IS NULL OR unit = ANY(CAST(:units AS text[])))"
    " ORDER BY id"
)
_FIGURES = sa.text(
    "SELECT DISTINCT ON (unit) unit, figures FROM confirmations WHERE report = :report"
    " AND month = :month AND state = 'confirmed' AND dossier IS NULL AND event_id IS NULL"
    " AND (CAST(:domain AS text) IS NULL OR coalesce(domain, :domain) = :domain)"
    " ORDER BY unit, id DESC"
)
_SURVEYS = sa.text(
    "SELECT source, event_id, unit, day, domain FROM surveys WHERE uid = ANY(CAST(:uids AS bytea[]))"
)


@dataclass(frozen=True, slots=True)
class Survey:
    """A survey that somebody speaks of."""

    unit: str
    day: date
    domain: str


async def add(
    session: AsyncSession,
    report: str,
    month: str,
    unit: str,
    said: Sequence[Statement],
    figures: dict[str, Any],
) -> None:
    """Keep what a unit says, with its figures as they are when it says so."""
    given = {
        "report": report,
        "month": month,
        "unit": unit,
        "states": [one.state for one in said],
        "dossiers": [one.about.dossier for one in said],
        "remarks": [one.remark for one in said],
        "domains": [one.domain for one in said],
        "sources": [one.about.event and one.about.event[0] for one in said],
        "ids": [one.about.event and one.about.event[1] for one in said],
        "ats": [one.at for one in said],
        "bys": [one.by for one in said],
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
        event = None if row.event_id is None else (row.source, row.event_id)
        about = About(row.dossier, event)
        one = Statement(row.state, about, row.remark, row.at, row.by, row.domain)
        found.setdefault(row.unit, []).append(one)
    return found


async def figures(
    session: AsyncSession, report: str, month: str, domain: str | None = None
) -> dict[str, dict[str, Any]]:
    """The figures that units saw when they last confirmed them, or those of a domain."""
    given = {"report": report, "month": month, "domain": domain}
    rows = await session.execute(_FIGURES, given)
    return {
        row.unit: orjson.loads(row.figures) if isinstance(row.figures, str | bytes) else row.figures
        for row in rows
    }


async def surveys(
    session: AsyncSession, named: Collection[tuple[str, str]]
) -> dict[tuple[str, str], Survey]:
    """The surveys that there are of those named by their (source, id)."""
    uids = [events.uid(source, id) for source, id in sorted(named)]
    rows = await session.execute(_SURVEYS, {"uids": uids})
    return {(row.source, row.event_id): Survey(row.unit, row.day, row.domain) for row in rows}
