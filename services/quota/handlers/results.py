"""Announces the results on which points depend or that are held against targets, as they change.

Reporting ranks units by them and shows how far they are; it counts nothing that quota has counted.
"""

import asyncio
import hashlib
from collections.abc import Callable, Iterable, Sequence
from datetime import date

from sqlalchemy.ext.asyncio import AsyncSession

from services.quota import rules, store
from services.quota.handlers.outcomes import outcome
from services.quota.handlers.progress import Question, Walk, progress
from services.quota.handlers.versions import Plans
from services.quota.rules import History, Owned, Step
from shared import clock
from shared.db import Database, take_turn
from shared.events import outcomes
from shared.outbox import enqueue
from shared.plans import Plan
from shared.units import UnitRegistry

SETTLE_SECONDS = 2.0
"""How long changes are gathered before they are announced together."""
REST = 5.0
"""Looking takes at most about one part in so many of the time: many units are looked at less often."""
LONGEST_SECONDS = 600.0
"""After so long it is looked even where nothing changed: periods end by themselves."""


UNITS = 100
"""Of how many units what was known since when is looked at together."""
DAYS = 500
"""How many days one message tells of."""
BROAD = 20_000
"""An indicator with more results than this is told only where points depend on it; ``/v1/progress``
answers for the others."""


def pointed_indicators(plans: Iterable[Plan]) -> set[str]:
    """The indicators whose result gives or costs points under any of some versions."""
    rules = (each.when.indicator for plan in plans for each in (*plan.penalties, *plan.merits))
    return {name for name in rules if name}


def told_indicators(plans: Iterable[Plan]) -> list[str]:
    """The indicators whose result gives or costs points under any of some versions, or is held
    against a target."""
    named: dict[str, None] = {}
    for plan in plans:
        for each in (*plan.penalties, *plan.merits):
            if each.when.indicator:
                named[each.when.indicator] = None
        for name, indicator in plan.indicators.items():
            if indicator.target.amount is not None:
                named[name] = None
    return list(named)


class Results:
    """Announces results.

    Args:
        announce: called after something was written.
    """

    def __init__(
        self,
        database: Database,
        plans: Plans,
        registry: UnitRegistry,
        announce: Callable[[], None],
    ) -> None:
        self.database, self.plans, self.registry = database, plans, registry
        self.announce = announce
        self.changed = asyncio.Event()

    def touch(self) -> None:
        """Something was counted, or a plan applied."""
        self.changed.set()

    async def run(self) -> None:
        """Announce for ever."""
        while True:
            self.changed.clear()
            began = clock.monotonic()
            async with self.database.transaction() as session:
                # A turn of its own: counting goes on, and whatever it changes is looked at next.
                await take_turn(session, "results")
                told = await self.announce_all(session, clock.today())
            took = clock.monotonic() - began
            if told:
                self.announce()
            try:
                await asyncio.wait_for(self.changed.wait(), LONGEST_SECONDS)
            except TimeoutError:
                continue
            await asyncio.sleep(max(SETTLE_SECONDS, REST * took))

    async def announce_all(self, session: AsyncSession, today: date) -> int:
        """Announce every result that has changed; returns how many."""
        told = 0
        for name, history in (await self.plans.load(session, idle=False)).items():
            plans = [each.version.plan for each in history.windows]
            pointed = pointed_indicators(plans)
            named = [
                each
                for each in told_indicators(plans)
                if each in pointed or Walk(Question(history, self.registry, each)).most() <= BROAD
            ]
            await store.forget_results(session, name, named)
            for indicator in named:  # one at a time: of a wide plan each holds much
                rows = await self._results(session, history, [indicator], today)
                told += await self._announce(session, rows)
                told += await self._announce_days(session, history, indicator, today)
        return told

    async def _announce(self, session: AsyncSession, rows: list[store.Result]) -> int:
        changed = await store.announce_results(session, rows)
        now = clock.now()
        messages = []
        for row in changed:
            told = outcomes.Progress(
                plan=row.plan,
                indicator=row.indicator,
                unit=row.unit,
                period=row.period,
                numerator=row.numerator,
                denominator=row.denominator,
                target=row.target,
                state=row.state,
            )
            id = f"result:{row.plan}:{row.indicator}:{row.unit}:{row.period}:{row.changes}"
            messages.append(outcome("motcua.quota.progressed.v1", told, id, now))
        await enqueue(session, messages)
        return len(messages)

    async def _announce_days(
        self, session: AsyncSession, history: History, indicator: str, today: date
    ) -> int:
        """Announce what was known of results since when, where that has changed; a few units at a
        time, and only those whose counts are not what they were."""
        owned = rules.owned_periods(history, indicator, today)
        how = repr([(one.period, one.version.judged_as, one.version.number) for one in owned])
        how = hashlib.sha256(f"{history.name} {how}".encode()).hexdigest()
        digests = await store.digests(session, history.name, indicator)
        before = await store.marks(session, history.plan, indicator)
        marks = {unit: f"{digests.get(unit, 0)} {how}" for unit in digests.keys() | before.keys()}
        stale = sorted(unit for unit, mark in marks.items() if before.get(unit) != mark)
        told = 0
        for start in range(0, len(stale), UNITS):
            units = stale[start : start + UNITS]
            told += await self._announce_some(session, history, indicator, owned, units)
            new = {unit: marks[unit] for unit in units}
            await store.put_marks(session, history.plan, indicator, new)
        return told

    async def _announce_some(
        self,
        session: AsyncSession,
        history: History,
        indicator: str,
        owned: Sequence[Owned],
        units: Sequence[str],
    ) -> int:
        added = await store.added_by_day(session, history.name, indicator, units)
        told = await store.told_days(session, history.plan, indicator, units)
        changed = await asyncio.to_thread(_changed, owned, units, added, told)
        now = clock.now()
        rows: list[store.ResultDay] = []
        messages = []
        for (unit, period), steps in changed:
            place = (history.plan, indicator, unit, period)
            rows += [(*place, each.day, each.numerator, each.denominator) for each in steps]
            for begin in range(0, len(steps), DAYS):
                id = f"recorded:{':'.join(place)}:{now.isoformat()}:{begin}"
                content = _known_from(place, steps[begin : begin + DAYS])
                messages.append(outcome("motcua.quota.progressed.v1", content, id, now))
        await store.put_days(session, rows)
        await enqueue(session, messages)
        return len(messages)

    async def _results(
        self, session: AsyncSession, history: History, indicators: Iterable[str], today: date
    ) -> list[store.Result]:
        found: list[store.Result] = []
        for indicator in indicators:
            for row in await progress(session, history, self.registry, indicator, today=today):
                found.append(
                    (
                        row["plan"],
                        indicator,
                        row["unit"],
                        row["period"],
                        row["state"],
                        row["numerator"],
                        row["denominator"],
                        row["target"],
                    )
                )
        return found


def _known_from(place: tuple[str, str, str, str], steps: Sequence[Step]) -> outcomes.Progress:
    plan, indicator, unit, period = place
    return outcomes.Progress(
        plan=plan,
        indicator=indicator,
        unit=unit,
        period=period,
        numerator=steps[-1].numerator,
        denominator=steps[-1].denominator,
        recorded=tuple(
            outcomes.KnownFrom(day=each.day, numerator=each.numerator, denominator=each.denominator)
            for each in steps
        ),
    )


def _changed(
    owned: Sequence[Owned], units: Sequence[str], added: store.Added, told: store.Told
) -> list[tuple[tuple[str, str], list[Step]]]:
    """(unit, period) with the days of which something else was told."""
    found = []
    for unit in units:
        for one in owned:
            now = rules.steps(one.version.plan, one.made, added.get(unit, {}), one.period)
            before = told.get((unit, one.period), {})
            steps = list(rules.changed_steps(before, now, rules.nothing(one.made)))
            if steps:
                found.append(((unit, one.period), steps))
    return found
