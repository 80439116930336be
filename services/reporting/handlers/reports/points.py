"""What plans give and take units."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting import rules
from services.reporting.handlers.reports.answer import Answer, Row, total_of
from services.reporting.handlers.reports.book import Book
from services.reporting.handlers.reports.duties import judged_duties
from services.reporting.handlers.reports.question import Question
from services.reporting.rules import Standing
from services.reporting.store import results
from shared.clock import local_day
from shared.plans import Plan


@dataclass(frozen=True, slots=True)
class Scored:
    """A plan's points: how each unit stands, by which results and duties; `day` is the one by which
    codes of units are meant."""

    plan: Plan
    day: date
    standings: list[Standing]
    results: list[rules.Result]
    judged: list[rules.JudgedDuty]


async def scored(session: AsyncSession, question: Question, book: Book) -> list[Scored]:
    """What each plan gives and takes within the question's units."""
    plans = [each for each in book.asked(question) if rules.gives_points(each)]
    # Of all units of a plan: a rank is a place among them.
    names = [each.newest.plan.plan for each in plans]
    known = await results.load(session, question.known, plans=names)
    handed_in = await book.keeping.handed_in(session, book.plans)
    found = []
    for versions in plans:
        judged = judged_duties(versions, handed_in, question, book)
        counting = rules.Counting(question.first, question.until, question.last)
        today = local_day(question.now)
        told = list(rules.seen_on(known, versions, question.last, today, book.working))
        newest = versions.newest.plan
        day = min(question.last, newest.runs.to)
        stands = [
            one
            for one in rules.standings(versions, told, judged, counting)
            if question.territory.place(one.unit, day) is not None
        ]
        found.append(Scored(newest, day, stands, told, judged))
    return found


async def emulation(session: AsyncSession, question: Question, book: Book) -> Answer:
    """What each plan gives and takes a unit, with the arithmetic; ranked where all is decided."""
    rows = [
        {"plan": each.plan.plan}
        | book.named(book.placed(one.unit, each.day), question)
        | _standing(one)
        for each in await scored(session, question, book)
        for one in each.standings
    ]
    open_plans = sorted({row["plan"] for row in rows if row["rank"] is None})
    names = ("merits", "deductions", "points", "undecided")
    return Answer(rows, total_of(rows, names), extra={"rank_open": open_plans})


def _standing(one: Standing) -> Row:
    return {
        "merits": one.merits,
        "deductions": one.deductions,
        "points": one.points,
        "undecided": one.undecided,
        "rank": one.rank,
        "reason": "undecided_amount" if one.rank is None else None,
        "items": [
            {
                "kind": each.kind,
                "about": each.about,
                "title": each.title,
                "state": each.state,
                "periods": each.periods,
                "times": each.times,
                "points": each.points,
                "subtotal": each.subtotal,
            }
            for each in one.items
        ],
        "arithmetic": "; ".join(
            f"{each.title}: {each.times} × {'?' if each.points is None else each.points}"
            f"{'' if each.subtotal is None else f' = {each.subtotal:+}'}"
            for each in one.items
        ),
    }
