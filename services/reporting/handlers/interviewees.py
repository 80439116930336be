"""A page of the dossiers whose applicants can be asked."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting.handlers.reports.question import Question
from services.reporting.store import interviews
from services.reporting.store.interviews import Interviewee
from shared.problems import Problem


@dataclass(frozen=True, slots=True)
class Page:
    """Dossiers by the day of their return and their code; `next` is where to go on, null at the
    end."""

    found: list[Interviewee]
    next: str | None


async def interviewees(session: AsyncSession, question: Question) -> Page:
    """The page that a question asks for. Raises `Problem` 422 where it goes on from nowhere."""
    limit = question.limit
    found = await interviews.page(session, question.scope, _after(question.after), limit + 1)
    if len(found) <= limit:
        return Page(found, None)
    last = found[limit - 1]
    return Page(found[:limit], f"{last.returned.isoformat()} {last.code}")


def _after(place: str) -> tuple[date, str] | None:
    if not place:
        return None
    day, _, code = place.partition(" ")
    try:
        return date.fromisoformat(day), code
    except ValueError:
        told = "Give the `next` of the page before."
        fault = {"pointer": "/after", "code": "unknown", "message": told}
        raise Problem(422, errors=[fault]) from None
