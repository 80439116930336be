"""Applies plans."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from services.quota import rules, store
from services.quota.handlers.counting import count_all, types_of
from services.quota.handlers.milestones import announce_milestones
from services.quota.handlers.recounts import AT_ONCE, begin_recount, drop_waiting
from services.quota.handlers.stipends import settle
from services.quota.handlers.versions import Plans
from services.quota.rules import History, Version
from shared import clock
from shared.db import Database, take_turn
from shared.outbox import Message, enqueue
from shared.plans import Plan


@dataclass(frozen=True, slots=True)
class Applied:
    """A plan's newest version, and whether it was made just now."""

    version: int
    changed: bool
    since: date


async def apply_plan(
    database: Database,
    plans: Plans,
    plan: Plan,
    restate: bool = False,
    since: date | None = None,
) -> Applied:
    """Store a plan as a new version; count anew where that changes what was counted.

    Args:
        restate: judge the past by it, too.
        since: the first day that it judges, where that does not follow from the plan.
    """
    async with database.transaction() as session:
        await take_turn(session, "store")
        return await store_version(session, plans, plan, restate, since)


async def store_version(
    session: AsyncSession, plans: Plans, plan: Plan, restate: bool, since: date | None
) -> Applied:
    """The same inside a transaction that holds the store's turn."""
    known = [row for row in await store.plan_marks(session) if row.plan == plan.plan]
    digest = plan.digest()
    newest = known[-1] if known else None
    restated = newest is not None and newest.effective_from == rules.BEGINNING
    if newest and newest.digest == digest and (restated or not restate):
        return Applied(newest.version, False, newest.effective_from)
    if since is None:
        marks = [(row.digest, row.effective_from) for row in known]
        since = rules.takes_effect(digest, plan.effective_from, marks, clock.today(), restate)
    number = newest.version + 1 if newest else 1
    before = (await plans.load(session)).get(plan.plan)
    every = (await plans.load_all(session)).get(plan.plan)
    document = plan.canonical()
    await store.add_plan(session, plan.plan, number, digest, document.decode(), since)
    earlier = [(each.number, each.plan, each.since) for each in every.versions] if every else []
    after = History(rules.numbered([*earlier, (number, plan, since)]), before and before.name)
    version = after.newest
    await _inherit(session, before, version)
    await _count_by(session, before, every, after)
    await _publish(session, version, digest, document)
    return Applied(number, True, since)


async def _count_by(
    session: AsyncSession,
    before: History | None,
    every: History | None,
    after: History,
) -> None:
    """Bring a plan's counts to its new version: at once where that takes a moment, else in slices.

    ``before`` is what answers, ``every`` all versions so far, ``after`` those and the new one.
    """
    number, now = after.newest.number, clock.now()
    rows = [row for row in await store.tallies(session) if row.plan == after.plan]
    waiting = next((row for row in rows if row.state in ("counting", "judging")), None)
    if waiting and every and every.judgement() == after.judgement():
        await store.put_tally(session, waiting.name, after.plan, number, waiting.state, now)
        return
    empty = any(row.state == "empty" for row in rows)
    same = before is not None and not empty and before.judgement() == after.judgement()
    total = 0 if same else await facts_of_plan(session, after)
    if total > AT_ONCE:
        await begin_recount(session, before, after, total)
        return
    await drop_waiting(session, after.plan)
    if not same:
        await recount(session, after)
    for row in rows:
        if row.name == after.name:
            state = "current" if empty else row.state
            await store.put_tally(session, row.name, after.plan, number, state, now)


async def facts_of_plan(session: AsyncSession, history: History) -> int:
    """How many of the kept facts a plan may count."""
    return await store.count_facts(session, types_of(set(rules.parts([history]))))


async def foresee(database: Database, plan: Plan, restate: bool) -> dict[str, Any]:
    """What applying a plan would come to; nothing is stored."""
    async with database.transaction() as session:
        known = [row for row in await store.plan_marks(session) if row.plan == plan.plan]
    newest = known[-1] if known else None
    restated = newest is not None and newest.effective_from == rules.BEGINNING
    unchanged = newest and newest.digest == plan.digest() and (restated or not restate)
    earlier = [(row.digest, row.effective_from) for row in known]
    since = rules.takes_effect(plan.digest(), plan.effective_from, earlier, clock.today(), restate)
    number = newest.version if newest else 0
    return {
        "version": number,
        "changed": not unchanged,
        "effective_from": shown_since(plan, since).isoformat(),
    }


async def _inherit(session: AsyncSession, before: History | None, version: Version) -> None:
    if before is None:
        return
    earlier = before.newest
    await store.inherit_milestones(
        session,
        version.plan.plan,
        version.judged_as,
        earlier.judged_as,
        rules.same_indicators(earlier, version),
    )


async def recount(session: AsyncSession, history: History) -> None:
    """Count every fact by a plan anew, and settle what it pays. The ledger is only added to."""
    await store.forget_counts(session, history.name)
    cells = await count_all(session, history)
    places = await store.paid_places(session, history.name)
    await settle(session, {history.name: history}, places)
    await announce_milestones(session, {history.name: history}, cells)


async def recount_due(database: Database, plans: Plans) -> None:
    """Count anew what an upgrade asks for."""
    async with database.transaction() as session:
        await take_turn(session, "store")
        due = await store.recounts_due(session)
        histories = await plans.load(session)
        for name in due:
            if name in histories:
                await recount(session, histories[name])


async def _publish(session: AsyncSession, version: Version, digest: str, document: bytes) -> None:
    name = version.plan.plan
    payload = orjson.dumps(
        {
            "plan": name,
            "version": version.number,
            "digest": digest,
            "applied_at": clock.now().isoformat(),
            "effective_from": shown_since(version.plan, version.since).isoformat(),
            "since": version.since.isoformat(),
            "document": orjson.loads(document),
        }
    )
    subject = f"motcua.plans.{name}.{version.number}"
    message_id = f"plan:{name}:{version.number}"
    await enqueue(session, [Message("PLANS", subject, message_id, payload)])


def shown_since(plan: Plan, since: date) -> date:
    """The first day of the plan itself that is judged by a version that holds since a day."""
    return max(since, plan.runs.from_)


def bound_units(plan: Plan) -> set[str]:
    """Every unit of which a plan asks something."""
    owing = (code for each in plan.obligations.values() for code in plan.members(each.owed_by))
    counted = (code for name in plan.indicators for code in plan.target_units(name))
    return {*owing, *counted}
