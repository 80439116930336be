"""Answers reports out of one consistent view of the store."""

from collections.abc import AsyncIterator

from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting import rules
from services.reporting.handlers.asking import PlanNames
from services.reporting.handlers.keeping import Keeping
from services.reporting.handlers.planning import Plans, titles
from services.reporting.handlers.reports import REPORTS, WHOLE, Answer, Book, Question, Row
from services.reporting.store import figures, trends
from services.reporting.store.planner import plan_anew
from services.reporting.store.trends import Late, Month
from shared.db import Database
from shared.plans import Plan
from shared.units import UnitRegistry
from shared.working_days import WorkingDays

FEW_UNITS = 20
"""Of so many units a statement may be planned once for all questions."""


class Reports:
    """The reports of one store.

    Args:
        database: where the read models are.
        registry: the register of units.
        working: which days offices work.
        small_sample: scores of fewer answers are marked.
    """

    def __init__(
        self,
        database: Database,
        registry: UnitRegistry,
        working: WorkingDays,
        small_sample: int = 30,
    ) -> None:
        self.database, self.registry, self.working = database, registry, working
        self.small_sample = small_sample
        self._plans = Plans(registry)
        self._keeping = Keeping()
        self._book: Book | None = None

    async def answer(self, question: Question) -> Answer:
        """The rows of one report."""
        return (await self.answer_all([question]))[0]

    async def answer_all(self, questions: list[Question]) -> list[Answer]:
        """Several reports, all of the same moment."""
        async with self.database.transaction() as session:
            await figures.hold_still(session)
            return await self._answers(session, questions)

    async def with_pictures(
        self, questions: list[Question]
    ) -> tuple[list[Answer], list[Late], list[Month]]:
        """Several reports, and what `late` and `months` tell of the first question: all of the same
        moment, and what several need is read once."""
        async with self.database.transaction() as session:
            await figures.hold_still(session)
            answers = await self._answers(session, questions)
            scope = questions[0].scope
            return answers, await trends.late(session, scope), await trends.months(session, scope)

    async def _answers(self, session: AsyncSession, questions: list[Question]) -> list[Answer]:
        if any(len(each.territory.spans) > FEW_UNITS for each in questions):
            await plan_anew(session)
        book = await self.book(session)
        fresh = await figures.freshness(session)
        answers = []
        for question in questions:
            answer = await REPORTS[question.report](session, question, book)
            answer.data_as_of = fresh
            codes = {str(row["unit"]) for row in answer.rows if "unit" in row}
            answer.extra["unit_changes"] = rules.unit_changes(
                self.registry, codes, question.first, question.last
            )
            answers.append(self._lean(answer))
        return answers

    async def every_row(self, question: Question) -> AsyncIterator[tuple[int, list[Row]]]:
        """All rows of a report, a list of dossiers too, so many at a time, each with how many there
        are in all; of one moment. To sort a long list may take long."""
        async with self.database.long_transaction() as session:
            await figures.hold_still(session)
            book = await self.book(session)
            answer = self._lean(await REPORTS[question.report](session, question, book))
            if question.report not in WHOLE:
                yield len(answer.rows), answer.rows
                return
            every, counted = WHOLE[question.report]
            async for rows in every(session, question, book):
                for row in rows:
                    self._thin(row)
                yield answer.total[counted], rows

    def _lean(self, answer: Answer) -> Answer:
        """Without what says nothing: no reason where nothing is empty, and since when a unit bears
        its code only where other units bore it, too."""
        for row in (answer.total, *answer.rows):
            self._thin(row)
        for name in ("by_unit", "by_obligation"):
            for row in answer.extra.get(name, ()):
                self._thin(row)
        return answer

    def _thin(self, row: Row) -> None:
        if row.get("reason", "") is None:
            del row["reason"]
        if "unit_valid_from" in row and not self.registry.reused(row["unit"]):
            del row["unit_valid_from"]

    async def names(self) -> PlanNames:
        """What plans there are, with their indicators and obligations."""
        async with self.database.transaction() as session:
            known = await self._plans.load(session)
        indicators, obligations = {}, {}
        for each in known:
            made = [window.version.plan for window in each.windows]
            name = each.newest.plan.plan
            indicators[name] = frozenset(one for plan in made for one in plan.indicators)
            obligations[name] = frozenset(one for plan in made for one in plan.obligations)
        return PlanNames(indicators, obligations)

    async def book(self, session: AsyncSession) -> Book:
        """What reports look things up in."""
        plans = await self._plans.load(session)
        if self._book is None or self._book.plans != plans or self._book.full:
            self._book = Book(self.registry, self.working, plans, self.small_sample, self._keeping)
        return self._book

    async def months(self, question: Question) -> list[Month]:
        """What came in and was finished, by month and unit, for pictures."""
        async with self.database.transaction() as session:
            return await trends.months(session, question.scope)

    async def late(self, question: Question) -> list[Late]:
        """Which units have overdue dossiers, how many, and since when."""
        async with self.database.transaction() as session:
            return await trends.late(session, question.scope)

    async def plans(self) -> tuple[Plan, ...]:
        """The newest version of each plan."""
        async with self.database.transaction() as session:
            return tuple(each.newest.plan for each in await self._plans.load(session))

    def known_titles(self) -> dict[tuple[str, str], str]:
        """(plan, obligation or indicator) -> what it is called, by the plans of the last answer."""
        return titles(each.newest.plan for each in self._book.plans) if self._book else {}

    async def contacts(self, question: Question) -> list[tuple[str, str]]:
        """(title, help desk) of each plan that runs in a question's period."""
        async with self.database.transaction() as session:
            known = await self._plans.load(session)
        found = (each.in_period(question.first, question.last) for each in known)
        return [
            (version.plan.title, version.plan.contact.office)
            for version in found
            if version and version.plan.contact
        ]
