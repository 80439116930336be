"""Installs, held against the quotas of units."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting import rules
from services.reporting.handlers.reports.answer import Answer, Row
from services.reporting.handlers.reports.book import Book
from services.reporting.handlers.reports.places import dated, in_order, place_of
from services.reporting.handlers.reports.question import Question
from services.reporting.rules import Place
from services.reporting.store import figures


async def installs(session: AsyncSession, question: Question, book: Book) -> Answer:
    """Attempts and successes; by unit also the quota and how much of it is reached."""
    by = question.by or "unit"
    found, whole = await figures.install_counts(session, question.scope, by)
    rows: list[Row] = [
        (book.named(key, question) if by == "unit" else {by: key}) | _attempts(*counts)
        for key, counts in found
    ]
    total = _attempts(*whole)
    if by == "unit":
        rows, reached = await _held_against_quota(session, question, book, rows)
        total |= reached
    return Answer(rows, total)


def _attempts(installs: int, succeeded: int, distinct_citizens: int) -> Row:
    return {
        "installs": installs,
        "succeeded": succeeded,
        "failed": installs - succeeded,
        "distinct_citizens": distinct_citizens,
    }


async def _held_against_quota(
    session: AsyncSession, question: Question, book: Book, rows: list[Row]
) -> tuple[list[Row], Row]:
    """Rows with `counted` (each machine once), `quota` and `share`, one for every unit with a
    quota; and the same for all of them."""
    chosen = rules.install_plan(book.plans, question.first, question.last)
    if chosen is None:
        nothing = {"counted": None, "quota": None, "share": None, "reason": "no_quota"}
        return [row | nothing for row in rows], nothing
    plan, indicator = chosen.plan, chosen.indicator
    last = min(question.last, plan.runs.to)
    firsts = await book.keeping.installs(session, chosen)
    counted = firsts.counted(question.first, last, question.known)
    quotas: dict[Place, list[tuple[int, int]]] = {}
    for unit in plan.target_units(indicator):
        bound = plan.target_for(indicator, unit, last)
        place = question.territory.place(unit, last)
        if bound is not None and place is not None:
            place = dated(place, book, last)
            quotas.setdefault(place, []).append((counted[unit], int(bound.value)))
    by_place = {place_of(row): row for row in rows}
    for place in quotas:
        by_place.setdefault(place, book.named(place, question) | _attempts(0, 0, 0))
    shown = []
    for place in in_order(by_place):
        reached, quota = _pair(quotas.get(place, ()))
        shown.append(by_place[place] | _against(reached, quota))
    return shown, _against(*_pair([each for many in quotas.values() for each in many]))


def _pair(counts: Sequence[tuple[int, int]]) -> tuple[int | None, int | None]:
    if not counts:
        return None, None
    return sum(reached for reached, _ in counts), sum(quota for _, quota in counts)


def _against(counted: int | None, quota: int | None) -> Row:
    share = rules.share(counted or 0, quota or 0)
    reason = "no_quota" if quota is None else None if quota else rules.NOTHING
    return {"counted": counted, "quota": quota, "share": share, "reason": reason}
