"""Reasons that people chose: changed by differences, one statement a batch."""

from collections import Counter

from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting.rules import ReasonCell
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


async def add_reasons(session: AsyncSession, change: Counter[ReasonCell]) -> None:
    """Add signed counts to the reasons that people chose."""
    await _REASONS.run(session, [(*cell, change[cell]) for cell in sorted(change)])
