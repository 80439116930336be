"""Reasons that people chose, and overdue spells: changed by differences, one statement a batch."""

from collections import Counter
from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting.rules import Overdue, ReasonCell
from services.reporting.store.rows import Insert

_REASONS = Insert(
    "reasons",
    {
        "unit": "text",
        "domain": "text",
        "mode": "text",
        "item": "text",
        "reason": "text",
        "business_day": "date",
        "recorded_day": "date",
        "n": "bigint",
    },
    "ON CONFLICT (unit, domain, mode, item, reason, business_day, recorded_day)"
    " DO UPDATE SET n = reasons.n + excluded.n",
)
_SPELLS = Insert(
    "overdue_spells",
    {
        "code": "text",
        "unit": "text",
        "era": "date",
        "field": "text",
        "department": "text",
        "due_day": "date",
        "since": "date",
        "until": "date",
        "known_from": "date",
        "known_until": "date",
    },
    on_conflict="",
)
_FORGET_SPELLS = sa.text("DELETE FROM overdue_spells WHERE code = ANY(CAST(:codes AS text[]))")


async def add_reasons(session: AsyncSession, change: Counter[ReasonCell]) -> None:
    """Add signed counts to the reasons that people chose."""
    await _REASONS.run(session, [(*cell, change[cell]) for cell in sorted(change)])


async def replace_spells(session: AsyncSession, spells: Mapping[str, Sequence[Overdue]]) -> None:
    """Put the overdue spells of these codes in the place of those kept."""
    if not spells:
        return
    await session.execute(_FORGET_SPELLS, {"codes": sorted(spells)})
    await _SPELLS.run(
        session,
        [
            (
                code,
                one.unit,
                one.era,
                one.field,
                one.department,
                one.due_day,
                one.since,
                one.until,
                one.known_from,
                one.known_until,
            )
            for code in sorted(spells)
            for one in spells[code]
        ],
    )
