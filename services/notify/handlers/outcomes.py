"""What quota announces, told to the units that the plan names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.handlers.desk import Desk
from services.notify.handlers.officers import OFFICER, load_officers, tell_units
from services.notify.rules import alerts as rules
from services.notify.rules.notices import Fact, Origin
from services.notify.store import notices as store
from services.notify.store import story
from services.notify.store.notices import NewNotice
from shared import clock, events
from shared.plans import Plan
from shared.plans.periods import WHOLE

KINDS = {
    "motcua.quota.reached.v1": ("quota.reached", "quota_reached"),
    "motcua.quota.fell_behind.v1": ("quota.fell_behind", "quota_fell_behind"),
    "motcua.stipend.earned.v1": ("stipend.earned", "stipend_earned"),
}
"""Type of an outcome -> what a plan calls it, kind of the notice."""


@dataclass(frozen=True, slots=True)
class Figure:
    """An outcome about an indicator of a plan."""

    type: str
    origin: Origin
    id: str
    data: Mapping[str, Any]


def figures_of(batch: Sequence[events.Event]) -> list[tuple[Figure, events.Event]]:
    """The outcomes of a batch that somebody may be told of."""
    found = []
    for event in batch:
        if event.type in KINDS:
            data = event.data.model_dump(mode="json")
            origin = Origin(event.uid, event.source, event.time, event.backfill)
            found.append((Figure(event.type, origin, event.id, data), event))
    return found


async def take_outcomes(
    session: AsyncSession, desk: Desk, plans: Mapping[str, Plan], batch: Sequence[events.Event]
) -> None:
    """Tell the units that plans name; outcomes of a plan that has not come yet wait for it."""
    figures = figures_of(batch)
    known = [figure for figure, _ in figures if figure.data["plan"] in plans]
    waiting = [
        (str(figure.data["plan"]), event)
        for figure, event in figures
        if figure.data["plan"] not in plans
    ]
    await story.add_events(session, waiting)
    await tell(session, desk, plans, known)


async def tell_waiting(session: AsyncSession, desk: Desk, plans: Mapping[str, Plan]) -> None:
    """Tell what had waited for some plans."""
    rows = await story.take_waiting(session, set(plans), set(KINDS))
    figures = [
        Figure(
            row.type,
            Origin(bytes(row.uid), row.source, row.occurred_at, row.backfill),
            row.event_id,
            story.facts_of(row.data),
        )
        for row in rows
    ]
    await tell(session, desk, plans, figures)


async def tell(
    session: AsyncSession, desk: Desk, plans: Mapping[str, Plan], figures: Sequence[Figure]
) -> None:
    """Write the notices about some outcomes."""
    now = clock.now()
    wanted: list[tuple[Fact, tuple[str, ...]]] = []
    for figure in figures:
        plan = plans[figure.data["plan"]]
        when, kind = KINDS[figure.type]
        unit, indicator = figure.data["unit"], figure.data.get("indicator")
        units = rules.told_of_figure(plan, unit, when, indicator)
        if units and figure.data.get("amount", 1) > 0:
            wanted.append((fact_of(desk, plan, kind, figure, unit), units))
    told = await store.told(session, {fact.subject for fact, _ in wanted}, OFFICER)
    targets = {target for _, units in wanted for target in units}
    officers = await load_officers(session, desk, targets, now)
    notices: list[NewNotice] = []
    for fact, units in wanted:
        if (fact.kind, fact.version) not in {
            (each.kind, each.version) for each in told.get(fact.subject, ())
        }:
            notices += tell_units(desk, fact, units, officers, now)
    await store.add(session, notices, now)
    if notices:
        desk.wake()


def fact_of(desk: Desk, plan: Plan, kind: str, figure: Figure, unit: str) -> Fact:
    """An outcome as it is told. Of a plan that has ended it is as old as the plan's end."""
    data = figure.data
    indicator = data.get("indicator")
    made = plan.indicators.get(indicator) if indicator else None
    period = data.get("period")
    ended = clock.start_of(plan.runs.to + timedelta(days=1))
    values = {
        "plan": plan.title,
        "indicator": made.title if made and made.title else indicator,
        "period": None if period == WHOLE else period,
        "owing": desk.office(unit, figure.origin.time),
        "contact": plan.contact.office if plan.contact else None,
    }
    if kind == "stipend_earned":
        subject, version = f"{plan.plan}/{unit}/stipend", f"{figure.origin.source}:{figure.id}"
        values["amount"] = f"{data['amount']:,} {data['currency']}".replace(",", ".")
    else:
        subject = f"{plan.plan}/{indicator}/{period}/{unit}"
        version = f"target:{data['target']:g}" if data.get("target") is not None else "target"
        values |= figure_words(data)
    return Fact(
        subject,
        kind,
        version,
        min(figure.origin.time, ended),
        unit,
        figure.origin,
        tuple(values.items()),
    )


def figure_words(data: Mapping[str, Any]) -> dict[str, str | None]:
    """What is reached and what is wanted, as a text says it."""
    target, over = data.get("target"), data.get("denominator")
    if over is None:
        return {
            "actual": str(data["numerator"]),
            "target": None if target is None else f"{target:g}",
        }
    return {
        "actual": f"{data['numerator']}/{over}",
        "target": None if target is None else f"{target * 100:g}%",
    }
