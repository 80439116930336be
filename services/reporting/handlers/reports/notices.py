"""Notices handed to providers, and what they cost."""

from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting import rules
from services.reporting.handlers.reports.answer import Answer, Row, total_of
from services.reporting.handlers.reports.book import Book
from services.reporting.handlers.reports.question import Question
from services.reporting.store import notices

NOTICES = ("notices", "sent", "delivered", "failed", "segments", "cost")
"""The figures of the report on notices."""


async def notice_counts(session: AsyncSession, question: Question, book: Book) -> Answer:
    """Notices handed to a provider, per unit and channel: sent, delivered, failed, segments, cost
    in VND where the provider tells it."""
    found = await notices.counts(session, question.scope)
    rows = [
        book.named(place, question)
        | {"channel": channel}
        | {name: sums[name] for name in NOTICES[:-1]}
        | _cost(sums["cost"] if sums["priced"] else None)
        for (place, channel), sums in found
    ]
    costs = [row["cost"] for row in rows if row["cost"] is not None]
    total = total_of(rows, NOTICES[:-1])
    return Answer(rows, total | _cost(sum(costs) if costs else None, bool(rows)))


def _cost(cost: int | None, some: bool = True) -> Row:
    reason = "cost_unknown" if some else rules.NOTHING
    return {"cost": cost, "reason": reason if cost is None else None}
