"""Counts events against plans."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date

from sqlalchemy.ext.asyncio import AsyncSession

from services.quota import rules, store
from services.quota.handlers.milestones import announce_milestones
from services.quota.handlers.stipends import Groups, find_winners, settle, stand_places
from services.quota.handlers.versions import Plans
from services.quota.rules import Fact, History, Part
from shared import events, rulebook
from shared.due_dates import Timeline
from shared.events import Event
from shared.plans import fact_name

CHUNK = 2000


class Counting:
    """Counts events against plans."""

    def __init__(self, plans: Plans) -> None:
        self.plans = plans

    async def count_events(self, session: AsyncSession, batch: Sequence[Event]) -> None:
        """Keep a batch as facts and bring every count that it touches up to date.

        The number of statements does not depend on how many events, units or plans there are.
        What was loaded afterwards comes first, by itself: so it is known what it has led to.
        """
        for backfill in (True, False):
            group = [event for event in batch if event.backfill is backfill]
            if group:
                await self._count(session, group, backfill)

    async def _count(self, session: AsyncSession, batch: Sequence[Event], backfill: bool) -> None:
        facts, voids = _split(batch)
        await store.add_facts(session, facts)
        await store.add_voids(session, voids)
        counted = await self.plans.load_counted(session)
        known = await store.facts_of(session, [*(fact.uid for fact in facts), *voids])
        cells, places = await tally(session, counted.histories, known)
        due = {each for each in places if each[0] in counted.answering}
        await settle(session, counted.histories, due, backfill)
        judged = {each for each in places if each[0] in counted.judging}
        await stand_places(session, counted.histories, judged)
        told = {each for each in cells if each[0] in counted.answering}
        await announce_milestones(session, counted.histories, told, backfill)


async def tally(
    session: AsyncSession, histories: Mapping[str, History], facts: Sequence[Fact]
) -> tuple[set[store.Cell], set[store.Place]]:
    """Judge the keys of some facts anew: counts, and who earned what.

    Returns the touched (plan, indicator, unit, period of storage), and the (plan, indicator, unit)
    with which to settle.
    """
    parts = rules.parts(histories.values())
    adds = await _judge_stories(session, parts, facts)
    groups = await _gather(session, parts, facts)
    adds |= {part.key(key): rules.contributions(part, group) for (part, key), group in groups}
    cells = await store.recount(session, adds)
    return cells, await find_winners(session, groups)


async def _judge_stories(
    session: AsyncSession, parts: dict[str, list[Part]], facts: Sequence[Fact]
) -> dict[store.CountKey, rules.Adds]:
    codes = {f.data["code"] for f in facts if f.type in (rules.SUBMITTED, rules.STATUS_CHANGED)}
    if not codes or not derived(parts):
        return {}
    in_use = await rulebook.load(session)
    return await judge_stories(session, parts, codes, in_use.of)


def derived(parts: Mapping[str, list[Part]]) -> list[Part]:
    """The counts that follow from dossiers' stories."""
    return [part for kind in rules.DERIVED for part in parts.get(kind, ())]


async def judge_stories(
    session: AsyncSession,
    parts: Mapping[str, list[Part]],
    codes: Collection[str],
    timeline_of: Callable[[str], Timeline],
) -> dict[store.CountKey, rules.Adds]:
    """What some dossiers add, each read by the rules about due dates of its timeline."""
    by_code: dict[str, list[Fact]] = {}
    for fact in await store.facts_of_codes(session, codes):
        by_code.setdefault(fact.data["code"], []).append(fact)
    adds = {}
    for code, group in by_code.items():
        readings = rules.read_stories(group, timeline_of(code))
        for part in derived(parts):
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
            Fact(
                event.uid,
                event.type,
                event.time,
                event.source,
                event.id,
                event.rday,
                content,
                backfill=event.backfill,
            )
        )
    return facts, voids


async def count_all(session: AsyncSession, history: History) -> set[store.Cell]:
    """Count every fact that is kept, by one plan; returns what was touched. Nothing is settled."""
    last = b""
    cells: set[store.Cell] = set()
    types = types_of(set(rules.parts([history])))
    while facts := await store.facts_after(session, last, types, CHUNK):
        cells |= (await tally(session, {history.name: history}, facts))[0]
        last = facts[-1].uid
    return cells


def types_of(kinds: set[str]) -> list[str]:
    """The types of events from which some kinds of facts are read."""
    dossiers = {rules.SUBMITTED, rules.STATUS_CHANGED} if kinds & set(rules.DERIVED) else set()
    named = {each for each in events.INCOMING if fact_name(each) in kinds}
    return sorted(named | dossiers)
