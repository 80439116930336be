"""What the data of units lack."""

from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting.handlers.reports.answer import Answer, Row, total_of
from services.reporting.handlers.reports.book import Book
from services.reporting.handlers.reports.places import in_order
from services.reporting.handlers.reports.question import Question
from services.reporting.store import dossier_sums, notices, refusals

QUALITY = (
    "dossiers",
    "missing_phone",
    "invalid_phone",
    "missing_name",
    "missing_returned_at",
    "no_submission",
    "eligible_for_survey",
    "refused_events",
    "undeliverable_phones",
)
"""The columns of the report on data quality."""


async def data_quality(session: AsyncSession, question: Question, book: Book) -> Answer:
    """What the data of each unit lack: contact data, return dates, events that were refused."""
    scope = question.scope
    found = await dossier_sums.quality_counts(session, scope)
    refused = undeliverable = None
    if question.field is None:  # what was refused or not delivered is of no field
        refused = await refusals.counts(session, scope)
        undeliverable = await notices.undeliverable(session, scope)
    rows = []
    for unit in in_order(found.keys() | (refused or {}).keys() | (undeliverable or {}).keys()):
        sums = found.get(unit, {})
        counts = {name: sums.get(name, 0) for name in QUALITY}
        counts["dossiers"] = sums.get("received", 0)
        counts["eligible_for_survey"] = sums.get("eligible", 0)
        others: Row = {
            "refused_events": None if refused is None else refused.get(unit, 0),
            "undeliverable_phones": None if undeliverable is None else undeliverable.get(unit, 0),
            "reason": "not_by_field" if refused is None else None,
        }
        rows.append(book.named(unit, question) | counts | others)
    total = total_of(rows, QUALITY)
    if refused is None:
        total |= {"refused_events": None, "undeliverable_phones": None, "reason": "not_by_field"}
    return Answer(rows, total)
