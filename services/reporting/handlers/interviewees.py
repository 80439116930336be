"""The dossiers whose applicants can be asked, of a question: by pages, or all of them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting.handlers.reports.question import Question
from services.reporting.store import interviews
from services.reporting.store.interviews import Interviewee


@dataclass(frozen=True, slots=True)
class Page:
    """Dossiers in the order of their codes; `next` is where to go on, null at the end."""

    found: list[Interviewee]
    next: str | None


async def interviewees(session: AsyncSession, question: Question, expected: int) -> Page:
    """A page of them; `expected` is how many there are on all pages."""
    found: list[Interviewee] = []
    after, limit = question.after, question.limit
    while True:
        rows = await interviews.page(
            session,
            first=question.first,
            last=question.last,
            known=question.known,
            units=question.units,
            field=question.field,
            after=after,
            limit=limit + 1,
            expected=expected,
        )
        found += _within(rows, question)
        if len(found) > limit:
            return Page(found[:limit], found[limit - 1].code)
        if len(rows) <= limit:
            return Page(found, None)
        after = rows[-1].code


async def all_interviewees(
    session: AsyncSession, question: Question
) -> AsyncIterator[list[Interviewee]]:
    """All of them by code, so many at a time."""
    async for rows in interviews.everything(
        session,
        first=question.first,
        last=question.last,
        known=question.known,
        units=question.units,
        field=question.field,
    ):
        yield _within(rows, question)


def _within(rows: list[Interviewee], question: Question) -> list[Interviewee]:
    """Those of the question's units: a code may have been another unit's at another time."""
    place = question.territory.place
    return [one for one in rows if place(one.unit, one.era) is not None]
