"""The list of dossiers that are overdue."""

from collections.abc import AsyncIterator
from datetime import date

from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting.handlers.reports.answer import Answer, Row
from services.reporting.handlers.reports.book import Book
from services.reporting.handlers.reports.places import in_order
from services.reporting.handlers.reports.question import Question
from services.reporting.store import dossier_sums, spells


async def overdue(session: AsyncSession, question: Question, book: Book) -> Answer:
    """The dossiers overdue at the end of the last day, oldest first, a page at a time."""
    found = await dossier_sums.dossier_sums(session, question.scope, ["unit"])
    counts = {place: sums.overdue for (place,), sums in found if sums.overdue}
    page = await spells.page(session, question.scope, question.limit, question.offset)
    rows = [_overdue_row(one, question, book) for one in page]
    count = sum(counts.values())
    after = question.offset + len(rows)
    by_unit = [book.named(each, question) | {"overdue": counts[each]} for each in in_order(counts)]
    return Answer(
        rows,
        {"overdue": count},
        extra={
            "by_unit": by_unit,
            "next_offset": after if rows and after < count else None,
        },
    )


def _overdue_row(
    one: tuple[str, str, date, str, str | None, date], question: Question, book: Book
) -> Row:
    code, unit, era, field_, department, due_day = one
    return {
        "code": code,
        **book.named(book.placed(unit, era), question),
        "field": field_,
        "department": department,
        "due_date": due_day.isoformat(),
        "days_late": (question.last - due_day).days,
    }


async def all_overdue(
    session: AsyncSession, question: Question, book: Book
) -> AsyncIterator[list[Row]]:
    """All rows of the report `overdue`, so many at a time."""
    named: dict[tuple[str, date], Row] = {}
    async for page in spells.pages(session, question.scope):
        rows = []
        for one in page:
            known = named.get(one[1:3])
            if known is None:
                row = _overdue_row(one, question, book)
                known = {name: row[name] for name in ("unit", "unit_name", "unit_valid_from")}
                named[one[1:3]] = known
            code, _, _, field_, department, due_day = one
            rows.append(
                {
                    "code": code,
                    **known,
                    "field": field_,
                    "department": department,
                    "due_date": due_day.isoformat(),
                    "days_late": (question.last - due_day).days,
                }
            )
        yield rows
