"""Announces how far units have come."""

from collections.abc import Iterable

from sqlalchemy.ext.asyncio import AsyncSession

from services.quota import store
from services.quota.handlers.outcomes import outcome
from services.quota.handlers.versions import Current
from services.quota.rules import OF, period_start
from shared import clock
from shared.events import outcomes
from shared.outbox import enqueue

MILESTONES = (50, 80, 100)


async def announce_milestones(
    session: AsyncSession,
    current: dict[str, Current],
    touched: Iterable[tuple[str, str, str, str]],
) -> None:
    """Tell once of each share of a target that a touched (plan, indicator, unit, period) reached."""
    sums: dict[str, dict[tuple[str, str, str, str], int]] = {}
    passed = []
    figures = {}
    for name, indicator, unit, period in touched:
        plan = current[name].plan
        if plan.indicators[indicator].ratio is not None:
            continue
        bound = plan.target_for(indicator, unit, period_start(plan, period))
        if bound is None or not bound.value:
            continue
        if name not in sums:
            sums[name] = await store.totals(session, name)
        count = sums[name].get((indicator, OF, unit, period), 0)
        for percent in MILESTONES:
            reached = bound.met(count) if percent == 100 else count * 100 >= bound.value * percent
            if reached:
                passed.append((name, current[name].version, indicator, unit, period, percent))
                figures[(name, indicator, unit, period)] = (count, bound.value)
    now = clock.now()
    messages = []
    for row in await store.pass_milestones(session, passed):
        count, target = figures[(row.plan, row.indicator, row.unit, row.period)]
        kind = "reached" if row.percent == 100 else "progressed"
        progress = outcomes.Progress(
            plan=row.plan,
            indicator=row.indicator,
            unit=row.unit,
            period=row.period,
            numerator=count,
            target=float(target),
            percent=row.percent,
        )
        message_id = ":".join(map(str, row))
        messages.append(outcome(f"motcua.quota.{kind}.v1", progress, message_id, now))
    await enqueue(session, messages)
