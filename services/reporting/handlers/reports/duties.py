"""What units had to hand in, and whether it came in time."""

from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting import rules
from services.reporting.handlers.reports.answer import Answer, Row
from services.reporting.handlers.reports.book import Book
from services.reporting.handlers.reports.places import dated, in_order
from services.reporting.handlers.reports.question import Question
from services.reporting.rules import HandedIn, JudgedDuty, Place
from shared.clock import local_day
from shared.plans import PlanVersion, Versions


async def timeliness(session: AsyncSession, question: Question, book: Book) -> Answer:
    """Every duty of the plans as it stands, by plan and due day; undecided ones last."""
    handed_in = await book.keeping.handed_in(session, book.plans)
    rows = []
    groups: dict[Place, list[Row]] = {}
    for versions in book.asked(question):
        for one in judged_duties(versions, handed_in, question, book):
            duty = one.duty
            if question.obligation not in (None, duty.obligation):
                continue
            day = duty.day or local_day(duty.opens)
            place = question.territory.place(duty.unit, day)
            if place is not None:
                row = {"plan": duty.plan} | book.named(book.placed(duty.unit, day), question)
                row |= one.row
                rows.append(row)
                groups.setdefault(dated(place, book, day), []).append(row)
    by_unit = [
        book.named(each, question) | rules.timeliness_total(groups[each])
        for each in in_order(groups)
    ]
    return Answer(
        rows,
        rules.timeliness_total(rows),
        extra={"by_obligation": rules.timeliness_summary(rows), "by_unit": by_unit},
    )


def judged_duties(
    versions: Versions[PlanVersion], handed_in: HandedIn, question: Question, book: Book
) -> list[JudgedDuty]:
    """The duties of a plan in a question's period, as they stand by what was handed in."""
    return rules.judged_duties(
        versions,
        handed_in,
        question.first,
        question.last,
        question.now,
        question.known,
        book.working,
    )
