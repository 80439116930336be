"""Books what units earn, and answers what is payable."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from services.quota import rules, store
from services.quota.handlers.outcomes import outcome
from services.quota.handlers.versions import Current
from services.quota.rules import OF, Fact, Part
from shared import clock
from shared.events import outcomes
from shared.outbox import enqueue

Groups = list[tuple[tuple[Part, str], list[Fact]]]
"""Each touched key of a count with all facts that share it."""


async def pay(session: AsyncSession, current: dict[str, Current], groups: Groups) -> None:
    """Find the paid event of each touched key and settle with the units that this concerns."""
    rows, losers = [], []
    for (part, key), group in groups:
        name, indicator = part.plan.plan, part.indicator
        if part.part != OF or part.plan.indicators[indicator].stipend is None:
            continue
        found = rules.winner(part.plan, indicator, group)
        if found is None:
            losers.append((name, indicator, key))
            continue
        unit, fact = found
        order = (fact.occurred_at, fact.source, fact.event_id)
        rows.append((name, indicator, key, unit, fact.data.get("installer"), *order))
    for name, indicator, unit in sorted(await store.set_winners(session, rows, losers)):
        await settle(session, current[name], name, indicator, unit)


async def settle(
    session: AsyncSession, current: Current, name: str, indicator: str, unit: str
) -> None:
    """Book what a unit has earned: the difference between what is due and what is booked."""
    plan = current.plan
    stipend = plan.indicators[indicator].stipend
    assert stipend is not None
    winners = await store.winners_of(session, name, indicator, unit)
    bound = plan.target_for(indicator, unit, plan.runs.from_)
    payable = rules.pay(winners, bound.value if bound else None, stipend.beyond_target == "hold")
    paid = [winner for winner, pays in zip(winners, payable, strict=True) if pays]
    await store.mark_payable(session, name, indicator, unit, [winner.key for winner in paid])
    due = {(w.installer, w.source, w.event_id): stipend.amount for w in paid}
    booked = await store.balances(session, name, indicator, unit)
    changes = {
        entry: due.get(entry, 0) - booked.get(entry, 0)
        for entry in due.keys() | booked.keys()
        if due.get(entry, 0) != booked.get(entry, 0)
    }
    now = clock.now()
    rows = [
        (name, current.version, indicator, unit, *entry, amount, stipend.currency,
         "earned" if amount > 0 else "reversed", now)
        for entry, amount in sorted(changes.items(), key=lambda item: item[0][1:])
    ]  # fmt: skip
    ids = await store.book(session, rows)
    messages = []
    for entry_id, row in zip(ids, rows, strict=True):
        earned = outcomes.StipendEntry(
            plan=name,
            indicator=indicator,
            unit=unit,
            installer=row[4],
            amount=row[7],
            state="payable" if row[7] > 0 else "reversed",
            currency=row[8],
            of_source=row[5],
            of_id=row[6],
        )
        messages.append(outcome("motcua.stipend.earned.v1", earned, f"ledger-{entry_id}", now))
    await enqueue(session, messages)


async def stipends(
    session: AsyncSession, current: Current, unit: str | None, by: str
) -> list[dict[str, Any]]:
    """What is payable, per unit or per installer; units of the plan without any are there too."""
    plan = current.plan
    rows: dict[tuple[str, str | None], dict[str, Any]] = {}
    for name, made in plan.indicators.items():
        if made.stipend is None:
            continue
        if by == "unit":
            for code in plan.target_units(name):
                rows.setdefault((code, None), _empty(code, None, made.stipend.currency))
        for found in await store.stipends(session, plan.plan, name):
            installer = found.installer if by == "installer" else None
            place = (found.unit, installer)
            row = rows.setdefault(place, _empty(*place, made.stipend.currency))
            row["succeeded"] += found.succeeded
            row["payable"] += found.payable
            row["beyond_quota"] += found.succeeded - found.payable
            row["amount"] += found.payable * made.stipend.amount
    ordered = sorted(rows.items(), key=lambda item: (item[0][0], item[0][1] or ""))
    return [row for (code, _), row in ordered if unit in (None, code)]


def _empty(unit: str, installer: str | None, currency: str) -> dict[str, Any]:
    return {
        "unit": unit,
        "installer": installer,
        "succeeded": 0,
        "payable": 0,
        "beyond_quota": 0,
        "amount": 0,
        "currency": currency,
    }
