"""What teams did, and which difficulties they met."""

from collections import Counter
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting import rules
from services.reporting.handlers.reports.answer import Answer, total_of
from services.reporting.handlers.reports.book import Book
from services.reporting.handlers.reports.question import Question
from services.reporting.rules import Said
from services.reporting.store import teams
from shared.clock import VN, local_day


async def activity(session: AsyncSession, question: Question, book: Book) -> Answer:
    """What teams did: activities and people, by kind; people are visits, members are persons."""
    by = question.by or "unit"
    rows = [
        (book.named(group, question) if by == "unit" else {by: group})
        | {"kind": kind, "activities": count, "people": people, "members": members}
        for group, kind, count, people, members in await teams.activities(
            session, question.scope, by
        )
    ]
    return Answer(rows, total_of(rows, ("activities", "people")))


async def difficulties(session: AsyncSession, question: Question, book: Book) -> Answer:
    """Every difficulty open in the period or resolved in it, the oldest first; it belongs to the
    unit that raised it."""
    told = await teams.difficulties(session, question.scope)
    rows = [
        {"difficulty": each.difficulty, **book.named(book.placed(each.unit, each.day), question)}
        | {
            "category": each.category,
            "text": each.text,
            "raised_at": _local(each.raised_at),
            "resolved_at": _local(each.resolved_at),
            "state": "open" if each.resolved_at is None else "resolved",
            "answer": each.answer,
        }
        for each in rules.difficulties(
            Said(
                each.difficulty,
                each.unit,
                each.day,
                each.category,
                each.text,
                each.resolved,
                each.time,
            )
            for each in told
        )
        if (each.resolved_at is None or local_day(each.resolved_at) >= question.first)
        and question.territory.place(each.unit, each.day) is not None
    ]
    states = Counter(row["state"] for row in rows)
    return Answer(rows, {"open": states["open"], "resolved": states["resolved"]})


def _local(instant: datetime | None) -> str | None:
    return None if instant is None else instant.astimezone(VN).isoformat()
