"""Officials decide on what is held."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy.ext.asyncio import AsyncSession

from services.quota import store
from services.quota.handlers.stipends import settle, stand_places
from services.quota.handlers.versions import Plans
from shared import clock, events
from shared.db import Database, take_turn


@dataclass(frozen=True, slots=True)
class Asked:
    """A decision: on named keys and events (source, id), or on everything held in some units."""

    plan: str
    decision: Literal["approve", "refuse"]
    document: str
    note: str | None
    by: str
    units: Sequence[str] | None = None
    keys: Sequence[str] = ()
    installs: Sequence[tuple[str, str]] = ()


@dataclass(slots=True)
class Outcome:
    """What became of a decision: how many keys it was new to, and what it found nothing of."""

    counts: Counter[str] = field(default_factory=Counter)
    unknown_keys: list[int] = field(default_factory=list)
    unknown_installs: list[int] = field(default_factory=list)
    places: set[str] = field(default_factory=set)


async def decide(
    database: Database, plans: Plans, asked: Asked, may: Callable[[set[str]], None]
) -> Outcome:
    """Keep a decision and settle by it. The same decision again changes nothing.

    Args:
        may: is given the units concerned; raises where the caller may not act for them.

    Nothing is kept where something named is not known.
    """
    outcome = Outcome()
    async with database.transaction() as session:
        await take_turn(session, "store")
        counted = await plans.load_counted(session)
        histories = counted.histories
        of_plan = {each.name for each in histories.values() if each.plan == asked.plan}
        name = next(iter(of_plan & counted.answering), asked.plan)
        rows = await _concerned(session, asked, name, outcome)
        may({row.unit for row in rows})
        if outcome.unknown_keys or outcome.unknown_installs:
            return outcome
        fresh = []
        for row in rows:
            if row.decision == asked.decision:
                outcome.counts["unchanged"] += 1
            elif row.state == "payable":
                outcome.counts["not_held"] += 1
            else:
                outcome.counts["decided"] += 1
                fresh.append(row)
        now = clock.now()
        keys = [(asked.plan, row.indicator, row.key) for row in fresh]
        await store.add_decisions(
            session, keys, asked.decision, asked.document, asked.note, asked.by, now
        )
        places = {(row.indicator, row.unit) for row in fresh}
        await settle(session, histories, {(name, *place) for place in places if name in histories})
        judging = {(each, *place) for each in of_plan & counted.judging for place in places}
        await stand_places(session, histories, judging)
    return outcome


async def _concerned(session: AsyncSession, asked: Asked, name: str, outcome: Outcome) -> list[Any]:
    if not asked.keys and not asked.installs:
        return await store.standings(session, name, ["held"], asked.units)
    uids = [events.uid(source, event_id) for source, event_id in asked.installs]
    rows = await store.standings_of(session, name, asked.keys, uids)
    if asked.units is not None:
        rows = [row for row in rows if row.unit in asked.units]
    keys = {row.key for row in rows}
    found = {bytes(uid) for row in rows for uid in row.uids or ()}
    outcome.unknown_keys += [n for n, key in enumerate(asked.keys) if key not in keys]
    outcome.unknown_installs += [n for n, uid in enumerate(uids) if uid not in found]
    return rows
