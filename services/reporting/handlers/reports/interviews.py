"""The list of dossiers whose applicants can be asked."""

from collections.abc import AsyncIterator

from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting.handlers.interviewees import interviewees
from services.reporting.handlers.reports.answer import Answer, Row
from services.reporting.handlers.reports.book import Book
from services.reporting.handlers.reports.question import Question
from services.reporting.store import dossier_sums, interviews
from services.reporting.store.interviews import Interviewee


async def interview_list(session: AsyncSession, question: Question, book: Book) -> Answer:
    """The dossiers whose applicants can be asked: result returned in the period, name and mobile
    number present. Without either; by day and code, a page at a time."""
    counts = await dossier_sums.quality_counts(session, question.scope)
    eligible = sum(sums.get("eligible", 0) for sums in counts.values())
    page = await interviewees(session, question)
    rows = [_row(one, question, book) for one in page.found]
    return Answer(rows, {"eligible": eligible}, extra={"next": page.next})


async def every_interviewee(
    session: AsyncSession, question: Question, book: Book
) -> AsyncIterator[list[Row]]:
    """All rows of the list, so many at a time."""
    async for found in interviews.pages(session, question.scope):
        yield [_row(one, question, book) for one in found]


def _row(one: Interviewee, question: Question, book: Book) -> Row:
    return {
        "code": one.code,
        **book.named(book.placed(one.unit, one.era), question),
        "field": one.field,
        "returned": one.returned.isoformat(),
    }
