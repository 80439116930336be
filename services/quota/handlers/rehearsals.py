"""Runs a draft of a plan over what is stored, and stores nothing."""

import uuid
from collections import Counter
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from services.quota import rules, store
from services.quota.handlers.counting import count_all, types_of
from services.quota.handlers.progress import progress
from services.quota.handlers.stipends import judge_places
from services.quota.rules import PAID, Fact, History, Version
from shared import clock
from shared.db import Database, take_turn
from shared.plans import Plan
from shared.units import UnitRegistry
from shared.working_days import working_days

CHUNK = 2000


class _Undo(Exception):
    """Ends the transaction without a trace."""


async def rehearse(database: Database, plan: Plan, registry: UnitRegistry) -> dict[str, Any]:
    """Who would have met a draft, what it would have paid, how many messages it would have sent.

    It is counted as if it had held from its start, under a name of its own, in a transaction that
    is undone.
    """
    answer: dict[str, Any] = {}
    history = History([Version(plan, 1)], name=f"~{uuid.uuid4().hex}")
    try:
        async with database.transaction() as session:
            await take_turn(session, "rehearsal")
            await count_all(session, history)
            answer = await _answer(session, history, registry)
            raise _Undo
    except _Undo:
        return answer


async def _answer(
    session: AsyncSession, history: History, registry: UnitRegistry
) -> dict[str, Any]:
    plan = history.newest.plan
    rows = await progress(session, history, registry)
    places = await store.paid_places(session, history.name)
    standings, _ = await judge_places(session, {history.name: history}, places)
    everyone = [each for found in standings.values() for each in found]
    paid = sum(each.state in PAID for each in everyone)
    facts = await _facts(session, plan)
    messages = rules.count_messages(plan, facts, rows, paid, clock.now(), registry, working_days())
    return {
        "plan": plan.plan,
        "title": plan.title,
        "indicators": _summary(plan, rows),
        "rows": [{name: row[name] for name in row if name != "version"} for row in rows],
        "stipends": {
            "succeeded": len(everyone),
            "payable": paid,
            "held": sum(each.state == "held" for each in everyone),
            "amount": sum(each.amount for each in everyone),
            "units": [
                {
                    "indicator": place[1],
                    "unit": place[2],
                    "payable": sum(each.state in PAID for each in found),
                    "held": sum(each.state == "held" for each in found),
                    "amount": sum(each.amount for each in found),
                }
                for place, found in sorted(standings.items())
            ],
        },
        "messages": {
            "reminders": messages.reminders,
            "escalations": messages.escalations,
            "notices": messages.notices,
            "total": messages.total,
        },
    }


async def _facts(session: AsyncSession, plan: Plan) -> list[Fact]:
    types = types_of(rules.fulfilling_types(plan))
    found: list[Fact] = []
    last = b""
    while types and (chunk := await store.facts_after(session, last, types, CHUNK)):
        found += chunk
        last = chunk[-1].uid
    return found


def _summary(plan: Plan, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    states: dict[str, Counter[str]] = {name: Counter() for name in plan.indicators}
    for row in rows:
        states[row["indicator"]][row["state"]] += 1
    return [
        {
            "indicator": name,
            "title": plan.indicators[name].title or name,
            "results": found.total(),
            **{state: found[state] for state in rules.STATES},
        }
        for name, found in states.items()
    ]
