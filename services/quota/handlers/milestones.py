"""Announces how far units have come."""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import date
from fractions import Fraction

from sqlalchemy.ext.asyncio import AsyncSession

from services.quota import rules, store
from services.quota.handlers.outcomes import outcome
from services.quota.rules import Cell, History, Owned
from shared import clock
from shared.events import outcomes
from shared.outbox import enqueue
from shared.working_days import working_days

MILESTONES = (50, 80, 100)
BEHIND = -1
"""Stands where a percentage does, for "has fallen behind"."""

TOLD_TOGETHER = 50_000
"""So many announcements are gathered before they are written."""

Told = tuple[str, int, str, str, str, int]
"""(plan, version, indicator, unit, period, percent)."""


async def announce_milestones(
    session: AsyncSession,
    histories: Mapping[str, History],
    cells: Iterable[store.Cell],
    backfill: bool = False,
) -> None:
    """Tell once of each share of a target that a touched count has reached.

    ``histories`` are by the name of their counts, as the cells are; ``backfill`` says that what
    touched them was loaded afterwards.
    A ratio can fall again: what is said of it is said by the check of each morning.
    """
    today = clock.today()
    owned: dict[tuple[str, str], list[Owned]] = {}
    touched: dict[tuple[str, str, str], set[str]] = {}
    for plan, indicator, unit, period in cells:
        if (plan, indicator) not in owned:
            found = rules.owned_periods(histories[plan], indicator, today)
            owned[plan, indicator] = [
                one for one in found if one.made.ratio is None and one.made.target.amount
            ]
        if owned[plan, indicator]:
            touched.setdefault((plan, indicator, unit), set()).add(period)
    sums = await load_sums(session, touched)
    passed: dict[Told, tuple[Cell, Fraction]] = {}
    for (plan, indicator, unit), periods in touched.items():
        mine = sums.get((plan, indicator, unit), {})
        given = rules.reported(mine)
        for one in rules.owners_of(owned[plan, indicator], periods):
            bound = one.version.plan.target_for(indicator, unit, one.start)
            if bound is None or not bound.value:
                continue
            cell = rules.add_up(one.version.plan, one.made, mine, given, one.period)
            for percent in MILESTONES:
                enough = cell.numerator * 100 >= bound.value * percent
                if bound.met(cell.numerator) if percent == 100 else enough:
                    name = histories[plan].plan
                    told = (name, one.version.judged_as, indicator, unit, one.period, percent)
                    passed[told] = (cell, bound.value)
    await tell(session, passed, backfill)


async def load_sums(
    session: AsyncSession, places: Iterable[tuple[str, str, str]]
) -> dict[tuple[str, str, str], dict[tuple[str, str], int]]:
    """What is counted of some (plan, indicator, unit), by part and period of storage."""
    sums: dict[tuple[str, str, str], dict[tuple[str, str], int]] = {}
    for row in await store.totals_of(session, places):
        place = (row.plan, row.indicator, row.unit)
        sums.setdefault(place, {})[row.part, row.period] = row.n
    return sums


async def tell(
    session: AsyncSession, passed: Mapping[Told, tuple[Cell, Fraction]], backfill: bool = False
) -> None:
    """Announce what was not announced before."""
    now = clock.now()
    messages = []
    for row in await store.pass_milestones(session, list(passed)):
        cell, target = passed[tuple(row)]
        kind = {BEHIND: "fell_behind", 100: "reached"}.get(row.percent, "progressed")
        progress = outcomes.Progress(
            plan=row.plan,
            indicator=row.indicator,
            unit=row.unit,
            period=row.period,
            numerator=cell.numerator,
            denominator=cell.denominator,
            target=float(target),
            percent=float(row.percent) if row.percent != BEHIND else _percent(cell, target),
        )
        message_id = ":".join(map(str, row))
        kind = f"motcua.quota.{kind}.v1"
        messages.append(outcome(kind, progress, message_id, now, backfill))
    await enqueue(session, messages)


def _percent(cell: Cell, target: Fraction) -> float | None:
    over = 1 if cell.denominator is None else cell.denominator
    return round(float(cell.numerator * 100 / (over * target)), 1) if over and target else None


def _judge(
    plan: str, indicator: str, owned: Iterable[Owned], sums: Mapping[str, rules.Sums], today: date
) -> dict[Told, tuple[Cell, Fraction]]:
    """What an indicator has come to by a morning."""
    passed: dict[Told, tuple[Cell, Fraction]] = {}
    for one in owned:
        judged = rules.judge_morning(one, indicator, sums, today, working_days())
        for unit, what, cell, target in judged:
            percent = 100 if what == "reached" else BEHIND
            told = (plan, one.version.judged_as, indicator, unit, one.period, percent)
            passed[told] = (cell, target)
    return passed


async def check_morning(
    session: AsyncSession, histories: Mapping[str, History], today: date
) -> None:
    """Tell who has fallen behind, and which ratios were reached by the end of their period.

    Done once a day. A unit has fallen behind where it is behind its pace though at least a tenth
    of the period's working days has passed; it is told once per version and period. A ratio is
    reached once its period is over; only periods that ended in the last week are looked at, so
    that a plan that is loaded years later tells nothing.
    """
    if not await store.check_day(session, today):
        return
    passed: dict[Told, tuple[Cell, Fraction]] = {}
    for name, history in histories.items():
        looked_at = {
            indicator: found
            for indicator in history.indicators()
            if (found := rules.morning_periods(history, indicator, today))
        }
        async for indicator, sums in store.stream_totals(session, history.name, list(looked_at)):
            judged = await asyncio.to_thread(
                _judge, name, indicator, looked_at.pop(indicator), sums, today
            )
            passed |= judged
            if len(passed) > TOLD_TOGETHER:
                await tell(session, passed)
                passed = {}
        for indicator, owned in looked_at.items():  # nothing was counted of these
            passed |= await asyncio.to_thread(_judge, name, indicator, owned, {}, today)
    await tell(session, passed)
