"""The list of dossiers whose applicants can be asked."""

from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting.handlers import cases
from services.reporting.handlers.reports.answer import Answer
from services.reporting.handlers.reports.book import Book
from services.reporting.handlers.reports.question import Question
from services.reporting.store import dossier_sums


async def interview_list(session: AsyncSession, question: Question, book: Book) -> Answer:
    """The dossiers whose applicants can be asked: result returned in the period, name and mobile
    number present. Without either; by code, a page at a time."""
    page = await cases.interviewees(session, question, book.registry, question.limit)
    counts = await dossier_sums.quality_counts(session, question.scope)
    rows = [
        {
            "code": one.code,
            **book.named(book.placed(one.story.unit, one.era), question),
            "field": one.story.field,
            "returned": one.returned.isoformat(),
        }
        for one in page.found
    ]
    eligible = sum(sums.get("eligible", 0) for sums in counts.values())
    return Answer(rows, {"eligible": eligible}, extra={"next": page.next})
