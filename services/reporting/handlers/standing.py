"""How far the units of a territory are against the targets of plans."""

from datetime import date, timedelta

from services.reporting import rules
from services.reporting.handlers.answering import Reports
from services.reporting.handlers.reports import Question
from services.reporting.rules import Stand
from services.reporting.store import results
from services.reporting.store.scope import LATEST


async def standing(reports: Reports, question: Question, today: date) -> list[Stand]:
    """Results beside their targets, of periods that touch the question's, what needs somebody
    first: as quota told them last or, with `as_of`, as known then and judged on that day."""
    then = question.known if question.known < today else None
    async with reports.database.transaction() as session:
        versions = (await reports.book(session)).plans
        told = await results.load(
            session,
            question.known if then else LATEST,
            plans=None if question.plan is None else [question.plan],
            units=question.units,
        )
    if then:
        today, after = then, then + timedelta(days=1)
        told = [
            one
            for each in versions
            for one in rules.seen_on(told, each, today, after, reports.working)
        ]
    plans = {each.newest.plan.plan: each.newest.plan for each in versions}
    found = []
    for result in told:
        plan = plans.get(result.plan)
        stand = plan and rules.stand_of(plan, result, today, reports.working)
        if (
            stand
            and stand.first <= question.last
            and stand.last >= question.first
            and question.plan in (None, result.plan)
            and question.territory.place(result.unit, min(stand.last, today)) is not None
        ):
            found.append(stand)
    return sorted(found, key=_urgency)


def _urgency(stand: Stand) -> tuple[int, str, str, float, str]:
    result = stand.result
    reached = (stand.actual or 0) / result.target if result.target else 0
    place = rules.URGENCY.index(result.state) if result.state in rules.URGENCY else 9
    return place, result.plan, result.indicator, reached, result.unit
