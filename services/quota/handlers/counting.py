"""Counts events against plans."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy.ext.asyncio import AsyncSession

from services.quota import rules, store
from services.quota.handlers.milestones import announce_milestones
from services.quota.handlers.stipends import Groups, pay
from services.quota.handlers.versions import Current, Plans
from services.quota.rules import Fact, Part
from shared import events
from shared.events import Event
from shared.plans import fact_name

CHUNK = 2000


class Counting:
    """Counts events against plans."""

    def __init__(self, plans: Plans) -> None:
        self.plans = plans

    async def count_events(self, session: AsyncSession, batch: Sequence[Event]) -> None:
        """Keep a batch as facts and bring every count that it touches up to date."""
        facts, voids = _split(batch)
        await store.add_facts(session, facts)
        await store.add_voids(session, voids)
        current = await self.plans.load(session)
        withdrawn = await store.facts_of(session, voids) if voids else []
        await recount(session, current, [*facts, *withdrawn])


async def recount(
    session: AsyncSession, current: dict[str, Current], facts: Sequence[Fact]
) -> None:
    """Judge the keys of some facts anew, then what follows from them: stipends, milestones."""
    parts = rules.parts(c.plan for c in current.values())
    adds = await _judge_stories(session, parts, facts)
    groups = await _gather(session, parts, facts)
    adds |= {part.key(key): rules.contributions(part, group) for (part, key), group in groups}
    touched = await store.recount(session, adds)
    await pay(session, current, groups)
    await announce_milestones(session, current, touched)


async def _judge_stories(
    session: AsyncSession, parts: dict[str, list[Part]], facts: Sequence[Fact]
) -> dict[store.CountKey, rules.Adds]:
    derived = [part for kind in rules.DERIVED for part in parts.get(kind, ())]
    codes = {f.data["code"] for f in facts if f.type in (rules.SUBMITTED, rules.STATUS_CHANGED)}
    if not derived or not codes:
        return {}
    by_code: dict[str, list[Fact]] = {}
    for fact in await store.facts_of_codes(session, codes):
        by_code.setdefault(fact.data["code"], []).append(fact)
    adds = {}
    for code, group in by_code.items():
        readings = rules.read_stories(group)
        for part in derived:
            adds[part.key(code)] = rules.story_contributions(part, readings)
    return adds


async def _gather(
    session: AsyncSession, parts: dict[str, list[Part]], facts: Sequence[Fact]
) -> Groups:
    named: dict[store.CountKey, tuple[Part, str]] = {}
    members = []
    for fact in facts:
        for part in parts.get(fact_name(fact.type), ()):
            key = rules.key_of(part, fact)
            if key is not None:
                named[part.key(key)] = (part, key)
                members.append((*part.key(key), fact.uid))
    await store.join_keys(session, members)
    uids = await store.members_of(session, named)
    together = {uid for group in uids.values() for uid in group}
    by_uid = {f.uid: f for f in await store.facts_of(session, together)} if together else {}
    return [(named[key], [by_uid[uid] for uid in group]) for key, group in uids.items()]


def _split(batch: Sequence[Event]) -> tuple[list[Fact], dict[bytes, date]]:
    facts, voids = [], {}
    for event in batch:
        if event.type == "motcua.record.voided.v1":
            target = events.uid(event.data.of_source, event.data.of_id)
            voids[target] = min(event.rday, voids.get(target, event.rday))
            continue
        content = event.data.model_dump(mode="json", exclude_none=True)
        for hidden in ("contact", "quality", "reason", "text"):
            content.pop(hidden, None)
        facts.append(
            Fact(event.uid, event.type, event.time, event.source, event.id, event.rday, content)
        )
    return facts, voids


async def count_all(session: AsyncSession, current: dict[str, Current]) -> None:
    """Count every fact that is kept, by some plans."""
    types = [t for t in events.INCOMING if t != "motcua.record.voided.v1"]
    last = b""
    while facts := await store.facts_after(session, last, types, CHUNK):
        await recount(session, current, facts)
        last = facts[-1].uid
