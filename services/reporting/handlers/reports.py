"""What each report answers: load sums, make rows."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting import rules
from services.reporting.rules import DossierSums, Install, Said, Standing
from services.reporting.store import figures, notices, refusals, results, teams
from services.reporting.store.figures import Scope
from shared.clock import VN, local_day
from shared.plans import Plan
from shared.units import UnitRegistry
from shared.working_days import WorkingDays

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody wants to see, checked: see `handlers.asking`."""

    report: str
    first: date
    last: date
    """The last day judged: never after the day of asking."""
    now: datetime
    """The instant of judging: the end of the last day, or the moment of asking."""
    known: date
    units: frozenset[str] | None
    by: str | None = None
    domain: str | None = None
    plan: str | None = None
    limit: int = 100
    offset: int = 0

    @property
    def scope(self) -> Scope:
        return Scope(self.first, self.last, self.known, self.units)

    def regrouped(self, by: str) -> "Question":
        """The same question with its rows grouped otherwise."""
        return replace(self, by=by)


@dataclass(slots=True)
class Answer:
    """Rows, their total, until when events were applied, and what else belongs to a report."""

    rows: list[Row]
    total: Row
    data_as_of: datetime | None = None
    extra: Row = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Book:
    """What reports look things up in: units, working days, the newest plans."""

    registry: UnitRegistry
    working: WorkingDays
    plans: tuple[Plan, ...] = ()

    def named(self, code: str, question: Question) -> Row:
        """A unit as rows show it; with each name that it bore in the period."""
        names = rules.names_of(self.registry, code, question.first, question.last)
        return {"unit": code, "unit_name": " → ".join(names)}


async def form_06(session: AsyncSession, question: Question, book: Book) -> Answer:
    """Report form 06, by field or by unit; without those that had nothing to do."""
    by = question.by or "field"
    found = await figures.dossier_sums(session, question.scope, [by])
    rows = [
        (book.named(key, question) if by == "unit" else {by: key}) | row
        for (key,), sums in found
        if any((row := rules.form_06(sums)).values())
    ]
    return Answer(rows, _total(rows, rules.FORM_06))


async def on_time(session: AsyncSession, question: Question, book: Book) -> Answer:
    """The honest on-time rate per unit."""
    found = await figures.dossier_sums(session, question.scope, ["unit"])
    rows = [
        book.named(unit, question) | row
        for (unit,), sums in found
        if any((row := rules.on_time(sums)).values())
    ]
    total = _total(rows, ("on_time", "late", "open_overdue"))
    whole = total["on_time"] + total["late"] + total["open_overdue"]
    return Answer(rows, total | {"rate": rules.share(total["on_time"], whole)})


async def online_share(session: AsyncSession, question: Question, book: Book) -> Answer:
    """Of the dossiers received, how many were filed online, per unit and authority."""
    found = await figures.dossier_sums(session, question.scope, ["unit", "authority"])
    rows = []
    for (unit, authority), sums in found:
        online, total = _received(sums)
        if not total:
            continue
        target = rules.online_target(book.plans, unit, authority, question.first, question.last)
        share = rules.online_share(
            online, total, target.bound if target else None, over=target is None or target.over
        )
        rows.append(book.named(unit, question) | {"authority": authority} | share)
    total = _total(rows, ("online", "total"))
    return Answer(rows, total | {"share": rules.share(total["online"], total["total"])})


def _received(sums: DossierSums) -> tuple[int, int]:
    return sums.received_online, sums.received_online + sums.received_counter_post


async def installs(session: AsyncSession, question: Question, book: Book) -> Answer:
    """Attempts and successes; by unit also the quota and how much of it is reached."""
    by = question.by or "unit"
    found = await figures.install_counts(session, question.scope, by)
    rows: list[Row] = [
        (book.named(key, question) if by == "unit" else {by: key}) | _attempts(*counts)
        for key, *counts in found
    ]
    whole = await figures.install_counts(session, question.scope, None)
    total = _attempts(*whole[0][1:]) if whole else _attempts(0, 0, 0)
    if by == "unit":
        rows, reached = await _held_against_quota(session, question, book, rows)
        total |= reached
    return Answer(rows, total)


def _attempts(installs: int, succeeded: int, distinct_citizens: int) -> Row:
    return {
        "installs": installs,
        "succeeded": succeeded,
        "failed": installs - succeeded,
        "distinct_citizens": distinct_citizens,
    }


async def _held_against_quota(
    session: AsyncSession, question: Question, book: Book, rows: list[Row]
) -> tuple[list[Row], Row]:
    """Rows with `counted` (each machine once), `quota` and `share`, one for every unit with a
    quota; and the same for all of them."""
    chosen = rules.install_plan(book.plans, question.first, question.last)
    if chosen is None:
        nothing = {"counted": None, "quota": None, "share": None}
        return [row | nothing for row in rows], nothing
    plan, indicator = chosen
    measure = plan.indicators[indicator].measure
    last = min(question.last, plan.runs.to)
    candidates = await figures.successes(session, plan.runs.from_, last, question.known)
    counted: dict[str, int] = {}
    matching = [
        one for one in candidates if measure.counts("install.recorded", _data(one), plan.lists)
    ]
    for one in rules.counted_once(matching, lambda each: measure.key(_data(each))):
        unit = plan.attribute(indicator, one.unit, one.order[0])
        if unit is not None and one.day >= question.first:
            counted[unit] = counted.get(unit, 0) + 1
    quotas: dict[str, int] = {}
    for unit in plan.target_units(indicator):
        bound = plan.target_for(indicator, unit, last)
        if bound is not None and (question.units is None or unit in question.units):
            quotas[unit] = int(bound.value)
    by_unit = {row["unit"]: row for row in rows}
    for unit in quotas:
        by_unit.setdefault(unit, book.named(unit, question) | _attempts(0, 0, 0))
    shown = []
    for unit in sorted(by_unit):
        quota = quotas.get(unit)
        reached = None if quota is None else counted.get(unit, 0)
        share = None if quota is None else rules.share(counted.get(unit, 0), quota)
        shown.append(by_unit[unit] | {"counted": reached, "quota": quota, "share": share})
    reached, quota = sum(counted.get(unit, 0) for unit in quotas), sum(quotas.values())
    return shown, {"counted": reached, "quota": quota, "share": rules.share(reached, quota)}


def _data(one: Install) -> Mapping[str, Any]:
    return {
        "unit": one.unit,
        "app": one.app,
        "installer": one.installer,
        "place": one.place,
        "result": "succeeded" if one.succeeded else "failed",
        "device": one.device,
        "citizen": one.citizen,
    }


async def scorecard(session: AsyncSession, question: Question, book: Book) -> Answer:
    """The mean score and the number of answers per unit, domain, mode, quarter and item.

    ``n`` is how many answers the score is the mean of; without a score, how many were given.
    """
    found = await figures.tallies(session, question.scope, question.domain)
    rows = [
        book.named(unit, question)
        | {
            "domain": domain,
            "mode": mode,
            "quarter": quarter,
            "item": item,
            "n": tally.scored or tally.n,
            "score": rules.mean_score(tally),
        }
        for (unit, domain, mode, quarter, item), tally in found
    ]
    # Modes change what people answer: a score over all of them would mean nothing.
    return Answer(rows, {"n": sum(row["n"] for row in rows)})


async def overdue(session: AsyncSession, question: Question, book: Book) -> Answer:
    """The dossiers overdue at the end of the last day, oldest first, a page at a time."""
    count, page = await figures.overdue(session, question.scope, question.limit, question.offset)
    rows = [
        {
            "code": code,
            **book.named(unit, question),
            "field": field_,
            "department": department,
            "due_date": due_day.isoformat(),
            "days_late": (question.last - due_day).days,
        }
        for code, unit, field_, department, due_day in page
    ]
    after = question.offset + len(rows)
    return Answer(
        rows, {"overdue": count}, extra={"next_offset": after if rows and after < count else None}
    )


async def timeliness(session: AsyncSession, question: Question, book: Book) -> Answer:
    """Every duty of the plans as it stands, by plan and due day; undecided ones last."""
    filed = await figures.filings(session, question.known)
    rows = []
    for plan in book.plans:
        if question.plan not in (None, plan.plan):
            continue
        for duty, judgement in rules.judged_duties(
            plan, filed, question.first, question.last, question.now, book.working
        ):
            if question.units is None or duty.unit in question.units:
                row = {"plan": plan.plan} | book.named(duty.unit, question)
                rows.append(row | rules.timeliness_row(duty, judgement))
    return Answer(
        rows,
        rules.timeliness_total(row["state"] for row in rows),
        extra={"by_obligation": rules.timeliness_summary(rows)},
    )


QUALITY = (
    "dossiers",
    "missing_phone",
    "invalid_phone",
    "missing_name",
    "missing_returned_at",
    "no_submission",
    "eligible_for_survey",
    "refused_events",
    "undeliverable_phones",
)
"""The columns of the report on data quality."""


async def data_quality(session: AsyncSession, question: Question, book: Book) -> Answer:
    """What the data of each unit lack: contact data, return dates, events that were refused."""
    span = (question.first, question.last, question.units)
    found = await figures.quality_counts(session, question.scope)
    refused = await refusals.counts(session, *span)
    undeliverable = await notices.undeliverable(session, *span)
    rows = []
    for unit in sorted(found.keys() | refused.keys() | undeliverable.keys()):
        sums = found.get(unit, {})
        counts = {name: sums.get(name, 0) for name in QUALITY}
        counts["dossiers"] = sums.get("received", 0)
        counts["eligible_for_survey"] = sums.get("eligible", 0)
        counts["refused_events"] = refused.get(unit, 0)
        counts["undeliverable_phones"] = undeliverable.get(unit, 0)
        rows.append(book.named(unit, question) | counts)
    return Answer(rows, _total(rows, QUALITY))


async def activity(session: AsyncSession, question: Question, book: Book) -> Answer:
    """What teams did: activities and people, by kind; people are visits, members are persons."""
    by = question.by or "unit"
    rows = [
        (book.named(group, question) if by == "unit" else {by: group})
        | {"kind": kind, "activities": count, "people": people, "members": members}
        for group, kind, count, people, members in await teams.activities(
            session, question.scope, by
        )
    ]
    return Answer(rows, _total(rows, ("activities", "people")))


async def difficulties(session: AsyncSession, question: Question, book: Book) -> Answer:
    """Every difficulty open in the period or resolved in it, the oldest first."""
    told = await teams.difficulties(session, question.scope)
    rows = [
        {"difficulty": each.difficulty, **book.named(each.unit, question)}
        | {
            "category": each.category,
            "text": each.text,
            "raised_at": _local(each.raised_at),
            "resolved_at": _local(each.resolved_at),
            "state": "open" if each.resolved_at is None else "resolved",
            "answer": each.answer,
        }
        for each in rules.difficulties(
            Said(each.difficulty, each.unit, each.category, each.text, each.resolved, each.time)
            for each in told
        )
        if each.resolved_at is None or local_day(each.resolved_at) >= question.first
    ]
    states = Counter(row["state"] for row in rows)
    return Answer(rows, {"open": states["open"], "resolved": states["resolved"]})


async def notice_counts(session: AsyncSession, question: Question, book: Book) -> Answer:
    """Notices handed to a provider, per unit and channel: sent, delivered, failed, segments, cost
    in VND where the provider tells it."""
    found = await notices.counts(session, question.first, question.last, question.units)
    rows = [
        book.named(each.unit, question)
        | {"channel": each.channel}
        | {name: getattr(each, name) for name in NOTICES}
        for each in found
    ]
    costs = [row["cost"] for row in rows if row["cost"] is not None]
    total = _total(rows, NOTICES[:-1])
    return Answer(rows, total | {"cost": sum(costs) if costs else None})


async def emulation(session: AsyncSession, question: Question, book: Book) -> Answer:
    """What each plan gives and takes a unit, with the arithmetic; ranked where all is decided."""
    told = await results.load(session)
    filed = await figures.filings(session, question.known)
    rows = []
    for plan in book.plans:
        if question.plan not in (None, plan.plan) or not (plan.penalties or plan.merits):
            continue
        judged = rules.judged_duties(
            plan, filed, question.first, question.last, question.now, book.working
        )
        for one in rules.standings(plan, told, judged):
            if question.units is None or one.unit in question.units:
                row = {"plan": plan.plan} | book.named(one.unit, question)
                rows.append(row | _standing(one))
    open_plans = sorted({row["plan"] for row in rows if row["rank"] is None})
    names = ("merits", "deductions", "points", "undecided")
    return Answer(rows, _total(rows, names), extra={"rank_open": open_plans})


def _standing(one: Standing) -> Row:
    return {
        "merits": one.merits,
        "deductions": one.deductions,
        "points": one.points,
        "undecided": one.undecided,
        "rank": one.rank,
        "items": [
            {
                "kind": each.kind,
                "about": each.about,
                "title": each.title,
                "state": each.state,
                "periods": each.periods,
                "times": each.times,
                "points": each.points,
                "subtotal": each.subtotal,
            }
            for each in one.items
        ],
        "arithmetic": "; ".join(
            f"{each.title}: {each.times} × {'?' if each.points is None else each.points}"
            f"{'' if each.subtotal is None else f' = {each.subtotal:+}'}"
            for each in one.items
        ),
    }


NOTICES = ("notices", "sent", "delivered", "failed", "segments", "cost")
"""The figures of the report on notices."""


def _local(instant: datetime | None) -> str | None:
    return None if instant is None else instant.astimezone(VN).isoformat()


def _total(rows: list[Row], names: tuple[str, ...]) -> Row:
    return {name: sum(row[name] for row in rows) for name in names}


Handler = Callable[[AsyncSession, Question, Book], Awaitable[Answer]]

REPORTS: Mapping[str, Handler] = {
    "bieu-06": form_06,
    "installs": installs,
    "online-share": online_share,
    "on-time": on_time,
    "scorecard": scorecard,
    "timeliness": timeliness,
    "overdue": overdue,
    "data-quality": data_quality,
    "activity": activity,
    "difficulties": difficulties,
    "notices": notice_counts,
    "emulation": emulation,
}
"""Report name -> what answers it."""

GROUPINGS: Mapping[str, tuple[str, ...]] = {
    "bieu-06": ("field", "unit"),
    "installs": ("unit", "month", "place", "installer"),
    "activity": ("unit", "team", "member", "day", "month"),
}
"""What `by=` may be, the default first; other reports have one grouping."""
