"""Use cases of quota: count events, apply a plan, answer how far units are."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import Any

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from services.quota import rules, store
from services.quota.rules import OF, OVER, Fact, Part
from shared import clock, events
from shared.db import Database, take_turn
from shared.events import Event, data, outcomes
from shared.outbox import Message, enqueue
from shared.plans import WHOLE, Plan, fact_name, period_key, read_plan
from shared.units import UnitRegistry

CHUNK = 2000
MILESTONES = (50, 80, 100)
SOURCE = "/motcua/quota"


@dataclass(frozen=True, slots=True)
class Current:
    """A plan in its newest version."""

    plan: Plan
    version: int


class Plans:
    """The newest version of each plan, read once and kept until a newer one is stored."""

    def __init__(self, registry: UnitRegistry) -> None:
        self.registry = registry
        self.kept: dict[tuple[str, int], Plan] = {}

    async def load(self, session: AsyncSession) -> dict[str, Current]:
        current = {}
        for row in await store.newest_plans(session):
            mark = (row.plan, row.version)
            if mark not in self.kept:
                self.kept[mark] = read_plan(row.document, registry=self.registry)
            current[row.plan] = Current(self.kept[mark], row.version)
        return current


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
    await _pay(session, current, groups)
    await _announce_milestones(session, current, touched)


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


Groups = list[tuple[tuple[Part, str], list[Fact]]]
"""Each touched key of a count with all facts that share it."""


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


async def _pay(session: AsyncSession, current: dict[str, Current], groups: Groups) -> None:
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
        messages.append(_outcome("motcua.stipend.earned.v1", earned, f"ledger-{entry_id}", now))
    await enqueue(session, messages)


async def _announce_milestones(
    session: AsyncSession,
    current: dict[str, Current],
    touched: Iterable[tuple[str, str, str, str]],
) -> None:
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
        messages.append(_outcome(f"motcua.quota.{kind}.v1", progress, message_id, now))
    await enqueue(session, messages)


def _outcome(kind: str, content: data.Data, message_id: str, now: datetime) -> Message:
    payload = events.outcome(kind, content, source=SOURCE, id=message_id, time=now)
    subject = events.subject(kind, getattr(content, "unit", None))
    return Message("OUTCOMES", subject, events.message_id(SOURCE, message_id), payload)


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


async def apply_plan(database: Database, plans: Plans, plan: Plan) -> tuple[int, bool]:
    """Store a plan as a new version and count all facts by it; returns (version, changed)."""
    document, digest = plan.canonical(), plan.digest()
    async with database.transaction() as session:
        await take_turn(session, "store")
        versions = await store.plan_versions(session, plan.plan)
        if versions and versions[0].digest == digest:
            return versions[0].version, False
        version = versions[0].version + 1 if versions else 1
        await store.add_plan(session, plan.plan, version, digest, document.decode())
        await store.forget_counts(session, plan.plan)
        current = {plan.plan: Current(plan, version)}
        await _count_all(session, current)
        for name, made in plan.indicators.items():
            if made.stipend is not None:
                for unit in plan.target_units(name):
                    await settle(session, current[plan.plan], plan.plan, name, unit)
        message_id = f"plan:{plan.plan}:{version}"
        payload = orjson.dumps(
            {
                "plan": plan.plan,
                "version": version,
                "digest": digest,
                "applied_at": clock.now().isoformat(),
                "document": orjson.loads(document),
            }
        )
        subject = f"motcua.plans.{plan.plan}.{version}"
        await enqueue(session, [Message("PLANS", subject, message_id, payload)])
    return version, True


async def _count_all(session: AsyncSession, current: dict[str, Current]) -> None:
    types = [t for t in events.INCOMING if t != "motcua.record.voided.v1"]
    last = b""
    while facts := await store.facts_after(session, last, types, CHUNK):
        await recount(session, current, facts)
        last = facts[-1].uid


async def progress(
    session: AsyncSession,
    current: Current,
    registry: UnitRegistry,
    indicator: str | None,
    as_of: date | None,
) -> list[dict[str, Any]]:
    """How far every unit of a plan is, per indicator and period; from counters only."""
    plan = current.plan
    sums = await store.totals(session, plan.plan, indicator, as_of)
    today = min(as_of or clock.today(), clock.today())
    rows = []
    for name, made in plan.indicators.items():
        if indicator not in (None, name):
            continue
        units: Sequence[str] = plan.target_units(name)
        if made.target.together:
            total = plan.total_unit(name)
            units = [total] if total else units
        for period in periods(plan, made.period, today):
            for unit in units:
                numerator = sums.get((name, OF, unit, period), 0)
                denominator = sums.get((name, OVER, unit, period), 0) if made.ratio else None
                rows.append(_row(plan, registry, name, unit, period, numerator, denominator, today))
    return rows


def _row(
    plan: Plan,
    registry: UnitRegistry,
    indicator: str,
    unit: str,
    period: str,
    numerator: int,
    denominator: int | None,
    today: date,
) -> dict[str, Any]:
    start = period_start(plan, period)
    end = period_end(plan, period)
    bound = plan.target_for(indicator, unit, start)
    ratio = denominator is not None
    ended = today > end
    length = Fraction((end - start).days + 1)
    pace = min(max(Fraction((today - start).days + 1) / length, Fraction(0)), Fraction(1))
    met = bound.met(numerator, denominator) if bound else None
    share = numerator / bound.value if bound and bound.value and not ratio else None
    if denominator is None:
        actual: float | int | None = numerator
        projected: float | int | None = rules.project(numerator, pace, ended)
    else:
        actual = numerator / denominator if denominator else None
        projected = actual
    target = None if bound is None else (float(bound.value) if ratio else _whole(bound.value))
    return {
        "plan": plan.plan,
        "indicator": indicator,
        "unit": unit,
        "unit_name": registry.name(unit, start),
        "period": period,
        "numerator": numerator,
        "denominator": denominator,
        "actual": actual,
        "target": target,
        "comparison": bound.comparison if bound else None,
        "state": rules.state(met, ratio=ratio, ended=ended, pace=pace, share=share),
        "projected": projected,
        "as_of": today.isoformat(),
    }


def _whole(value: Fraction) -> int | float:
    return int(value) if value.denominator == 1 else float(value)


def periods(plan: Plan, kind: str, today: date) -> list[str]:
    """The periods of a plan up to today, at least the first one."""
    if kind == WHOLE:
        return [WHOLE]
    last = min(max(today, plan.runs.from_), plan.runs.to)
    seen: dict[str, None] = {}
    for offset in range((last - plan.runs.from_).days + 1):
        day = date.fromordinal(plan.runs.from_.toordinal() + offset)
        seen[period_key(kind, day)] = None
    return list(seen)


def period_start(plan: Plan, period: str) -> date:
    """The first day of a period inside the plan."""
    return max(_span(plan, period)[0], plan.runs.from_)


def period_end(plan: Plan, period: str) -> date:
    """The last day of a period inside the plan."""
    return min(_span(plan, period)[1], plan.runs.to)


def _span(plan: Plan, period: str) -> tuple[date, date]:
    if period == WHOLE:
        return plan.runs.from_, plan.runs.to
    if "-Q" in period:
        year, quarter = int(period[:4]), int(period[-1])
        return date(year, quarter * 3 - 2, 1), _month_end(year, quarter * 3)
    parts = [int(part) for part in period.split("-")]
    if len(parts) == 1:
        return date(parts[0], 1, 1), date(parts[0], 12, 31)
    if len(parts) == 2:
        return date(parts[0], parts[1], 1), _month_end(parts[0], parts[1])
    day = date(*parts)
    return day, day


def _month_end(year: int, month: int) -> date:
    first_after = date(year + month // 12, month % 12 + 1, 1)
    return date.fromordinal(first_after.toordinal() - 1)


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
