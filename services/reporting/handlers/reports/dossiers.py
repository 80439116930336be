"""The reports that are sums over dossiers, by unit or field."""

from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting import rules
from services.reporting.handlers.reports.answer import Answer, total_of
from services.reporting.handlers.reports.book import Book
from services.reporting.handlers.reports.question import Question
from services.reporting.rules import DossierSums, Judged, Place
from services.reporting.store import dossier_sums


async def form_06(session: AsyncSession, question: Question, book: Book) -> Answer:
    """Report form 06, by field or by unit; without those that had nothing to do."""
    by = question.by or "field"
    found = await dossier_sums.dossier_sums(session, question.scope, [by])
    rows = [
        (book.named(key, question) if by == "unit" else {by: key}) | row
        for (key,), sums in found
        if any((row := rules.form_06(sums)).values())
    ]
    return Answer(rows, total_of(rows, rules.FORM_06))


async def on_time(session: AsyncSession, question: Question, book: Book) -> Answer:
    """The honest on-time rate per unit, or per field."""
    by = question.by or "unit"
    found = await dossier_sums.dossier_sums(session, question.scope, [by])
    rows = [
        (book.named(key, question) if by == "unit" else {by: key}) | row
        for (key,), sums in found
        if any(row[name] for name in rules.ON_TIME if (row := rules.on_time(sums)))
    ]
    total = total_of(rows, rules.ON_TIME)
    whole = total["on_time"] + total["late"] + total["open_overdue"]
    return Answer(rows, total | rules.rate("rate", total["on_time"], whole))


async def online_share(session: AsyncSession, question: Question, book: Book) -> Answer:
    """Of the dossiers received, how many were filed online, per unit and authority."""
    rows = []
    for place, authority, online, others in await dossier_sums.received(session, question.scope):
        total = online + others
        if not total:
            continue
        target = _online_target(question, book, place, authority)
        share = rules.online_share(
            online, total, target.bound if target else None, over=target is None or target.over
        )
        rows.append(book.named(place, question) | {"authority": authority} | share)
    total = total_of(rows, ("online", "total"))
    return Answer(rows, total | rules.rate("share", total["online"], total["total"]))


def _online_target(question: Question, book: Book, place: Place, authority: str) -> Judged | None:
    """The target of a whole unit itself: a part of it, or several units, have none."""
    if question.field is not None or question.level is not None:
        return None
    target = rules.online_target(book.plans, place.unit, authority, question.first, question.last)
    since = place.since or book.placed(place.unit, question.last).since
    if target is None or book.placed(place.unit, target.day).since != since:
        return None
    return target


async def index_766(session: AsyncSession, question: Question, book: Book) -> Answer:
    """The quality index of QĐ 766/QĐ-TTg 2022 per unit and group, as far as events tell of it."""
    found = await dossier_sums.dossier_sums(session, question.scope, ["unit"])
    rows = []
    by_unit = []
    whole = DossierSums()
    for (place,), sums in found:
        groups = rules.index_766(sums)
        if all(row["points"] is None for row in groups):
            continue
        named = book.named(place, question)
        rows += [named | row for row in groups]
        by_unit.append(named | rules.index_total(groups))
        whole = whole + sums
    return Answer(rows, rules.index_total(rules.index_766(whole)), extra={"by_unit": by_unit})
