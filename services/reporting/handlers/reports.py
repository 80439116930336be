"""What each report answers: load sums, make rows."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting import rules
from services.reporting.handlers import cases
from services.reporting.handlers.keeping import Keeping
from services.reporting.rules import (
    DossierSums,
    HandedIn,
    Judged,
    JudgedDuty,
    Place,
    Said,
    Standing,
    Territory,
)
from services.reporting.store import (
    dossier_sums,
    figures,
    notices,
    refusals,
    results,
    scores,
    teams,
)
from services.reporting.store.scope import Scope
from shared.clock import VN, local_day
from shared.plans import Plan, PlanVersion, Versions
from shared.questionnaires import known_questionnaires
from shared.units import UnitRegistry
from shared.working_days import WorkingDays

Row = dict[str, Any]
MOST_NAMES = 50_000
"""Names of units in periods that are kept from one question to the next."""


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody wants to see, checked: see `handlers.asking`."""

    report: str
    first: date
    last: date
    """The last day judged: never after the day of asking."""
    until: date
    """The last day as it was asked for; it may lie ahead."""
    now: datetime
    """The instant of judging: the end of the last day, or the moment of asking."""
    known: date
    territory: Territory
    level: str | None = None
    by: str | None = None
    field: str | None = None
    domain: str | None = None
    plan: str | None = None
    obligation: str | None = None
    limit: int = 100
    offset: int = 0
    after: str = ""
    """The dossier code after which a page begins."""

    @property
    def scope(self) -> Scope:
        return Scope(self.first, self.last, self.known, self.territory, self.field)

    @property
    def units(self) -> frozenset[str] | None:
        """The codes of the units looked at, at whatever time; null for all."""
        if self.territory.open:
            return None
        return frozenset(span.unit for span in self.territory.spans)

    def regrouped(self, by: str) -> "Question":
        """The same question with its rows grouped otherwise."""
        return replace(self, by=by)

    def since(self, first: date) -> "Question":
        """The same question from another first day on."""
        return replace(self, first=first)


@dataclass(slots=True)
class Answer:
    """Rows, their total, until when events were applied, and what else belongs to a report."""

    rows: list[Row]
    total: Row
    data_as_of: datetime | None = None
    extra: Row = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Book:
    """What reports look things up in: units, working days, all versions of the plans."""

    registry: UnitRegistry
    working: WorkingDays
    plans: tuple[Versions[PlanVersion], ...] = ()
    small_sample: int = 30
    """Scores of fewer answers are marked."""
    keeping: Keeping = field(default_factory=Keeping, compare=False, repr=False)
    _named: dict[tuple[Place, date, date], Row] = field(
        default_factory=dict, compare=False, repr=False
    )

    @property
    def full(self) -> bool:
        """Whether so many names were looked up that it is time for another book."""
        return len(self._named) > MOST_NAMES

    def asked(self, question: Question) -> list[Versions[PlanVersion]]:
        """The plans that a question is about."""
        return [each for each in self.plans if question.plan in (None, each.newest.plan.plan)]

    def named(self, place: Place, question: Question) -> Row:
        """A unit as rows show it; with each name that it bore in the period, and since when it
        bears its code: two units that bore one code are two rows."""
        mark = (place, question.first, question.last)
        known = self._named.get(mark)
        if known is None:
            since = place.since or self.registry.bearer(place.unit, question.last)
            names = rules.names_of(
                self.registry, Place(place.unit, since), question.first, question.last
            )
            known = self._named[mark] = {
                "unit": place.unit,
                "unit_name": " → ".join(names),
                "unit_valid_from": None if since is None else since.isoformat(),
            }
        return dict(known)

    def placed(self, unit: str, day: date) -> Place:
        """The unit that a code means on a day."""
        return Place(unit, self.registry.bearer(unit, day))


async def form_06(session: AsyncSession, question: Question, book: Book) -> Answer:
    """Report form 06, by field or by unit; without those that had nothing to do."""
    by = question.by or "field"
    found = await dossier_sums.dossier_sums(session, question.scope, [by])
    rows = [
        (book.named(key, question) if by == "unit" else {by: key}) | row
        for (key,), sums in found
        if any((row := rules.form_06(sums)).values())
    ]
    return Answer(rows, _total(rows, rules.FORM_06))


async def on_time(session: AsyncSession, question: Question, book: Book) -> Answer:
    """The honest on-time rate per unit, or per field."""
    by = question.by or "unit"
    found = await dossier_sums.dossier_sums(session, question.scope, [by])
    rows = [
        (book.named(key, question) if by == "unit" else {by: key}) | row
        for (key,), sums in found
        if any(row[name] for name in rules.ON_TIME if (row := rules.on_time(sums)))
    ]
    total = _total(rows, rules.ON_TIME)
    whole = total["on_time"] + total["late"] + total["open_overdue"]
    return Answer(rows, total | rules.rate("rate", total["on_time"], whole))


async def online_share(session: AsyncSession, question: Question, book: Book) -> Answer:
    """Of the dossiers received, how many were filed online, per unit and authority."""
    rows = []
    for place, authority, online, others in await dossier_sums.received(session, question.scope):
        total = online + others
        if not total:
            continue
        target = _online_target(question, book, place, authority)
        share = rules.online_share(
            online, total, target.bound if target else None, over=target is None or target.over
        )
        rows.append(book.named(place, question) | {"authority": authority} | share)
    total = _total(rows, ("online", "total"))
    return Answer(rows, total | rules.rate("share", total["online"], total["total"]))


def _online_target(question: Question, book: Book, place: Place, authority: str) -> Judged | None:
    """The target of a whole unit itself: a part of it, or several units, have none."""
    if question.field is not None or question.level is not None:
        return None
    target = rules.online_target(book.plans, place.unit, authority, question.first, question.last)
    since = place.since or book.placed(place.unit, question.last).since
    if target is None or book.placed(place.unit, target.day).since != since:
        return None
    return target


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
        nothing = {"counted": None, "quota": None, "share": None, "reason": "no_quota"}
        return [row | nothing for row in rows], nothing
    plan, indicator = chosen.plan, chosen.indicator
    last = min(question.last, plan.runs.to)
    firsts = await book.keeping.installs(session, chosen)
    counted = firsts.counted(question.first, last, question.known)
    quotas: dict[Place, list[tuple[int, int]]] = {}
    for unit in plan.target_units(indicator):
        bound = plan.target_for(indicator, unit, last)
        place = question.territory.place(unit, last)
        if bound is not None and place is not None:
            place = _known(place, book, last)
            quotas.setdefault(place, []).append((counted[unit], int(bound.value)))
    by_place = {_place(row): row for row in rows}
    for place in quotas:
        by_place.setdefault(place, book.named(place, question) | _attempts(0, 0, 0))
    shown = []
    for place in _sorted(by_place):
        reached, quota = _pair(quotas.get(place, ()))
        shown.append(by_place[place] | _against(reached, quota))
    return shown, _against(*_pair([each for many in quotas.values() for each in many]))


def _pair(counts: Sequence[tuple[int, int]]) -> tuple[int | None, int | None]:
    if not counts:
        return None, None
    return sum(reached for reached, _ in counts), sum(quota for _, quota in counts)


def _against(counted: int | None, quota: int | None) -> Row:
    share = rules.share(counted or 0, quota or 0)
    reason = "no_quota" if quota is None else None if quota else rules.NOTHING
    return {"counted": counted, "quota": quota, "share": share, "reason": reason}


def _known(place: Place, book: Book, day: date) -> Place:
    return place if place.since is not None else book.placed(place.unit, day)


def _sorted(places: Iterable[Place]) -> list[Place]:
    return sorted(places, key=lambda one: (one.unit, one.since or date.min))


def _place(row: Row) -> Place:
    since = row["unit_valid_from"]
    return Place(row["unit"], None if since is None else date.fromisoformat(since))


async def scorecard(session: AsyncSession, question: Question, book: Book) -> Answer:
    """The mean score and the number of answers per unit, domain, mode, quarter, item and
    questionnaire: items of two questionnaires are two questions, even under one code.

    ``n`` is how many answers the score is the mean of; without a score, how many were given.
    Beside it stands the score of the whole quarter before, of the same mode and questionnaire.
    ``out_of_scale`` are those that lie outside the scale of their item: never in ``n``.
    """
    since = rules.start_before(question.first)
    found, before = await scores.tallies_since(session, question.scope, since, question.domain)
    rows = [
        {
            **book.named(place, question),
            "domain": domain,
            "mode": mode,
            "quarter": quarter,
            "item": item,
            "n": tally.answers,
            "score": rules.mean_score(tally),
            "reason": None if tally.scored else "no_scores",
            **rules.trend(
                tally,
                before.get(
                    (place, domain, mode, rules.quarter_before(quarter), item, questionnaire)
                ),
                book.small_sample,
            ),
            "questionnaire": questionnaire,
            "out_of_scale": tally.outside,
        }
        for (place, domain, mode, quarter, item, questionnaire), tally in found
    ]
    # Modes change what people answer: a score over all of them would mean nothing.
    return Answer(
        rows,
        _total(rows, ("n", "out_of_scale")),
        extra={"small_sample": book.small_sample},
    )


async def survey_reasons(session: AsyncSession, question: Question, book: Book) -> Answer:
    """How often each coded reason was given, per unit, domain, mode, quarter and item; the share
    is of those who gave one."""
    found = await figures.reasons(session, question.scope, question.domain)
    whole: Counter[tuple[Any, ...]] = Counter()
    for key, count in found:
        whole[key[:-1]] += count
    texts = _reason_texts()
    rows = []
    for (place, domain, mode, quarter, item, cause), count in found:
        answered = whole[place, domain, mode, quarter, item]
        rows.append(
            book.named(place, question)
            | {
                "domain": domain,
                "mode": mode,
                "quarter": quarter,
                "item": item,
                "cause": cause,
                "cause_text": texts.get((domain, item, cause)),
                "n": count,
                "answered": answered,
                "share": rules.share(count, answered),
                "small_n": answered < book.small_sample,
            }
        )
    return Answer(
        rows,
        {"n": sum(row["n"] for row in rows)},
        extra={"small_sample": book.small_sample},
    )


def _reason_texts() -> Mapping[tuple[str, str, str], str]:
    return {
        (each.domain, item.code, choice.code): choice.text.vi
        for each in known_questionnaires()
        for item in each.items
        for choice in item.choices
    }


async def interview_list(session: AsyncSession, question: Question, book: Book) -> Answer:
    """The dossiers whose applicants can be asked: result returned in the period, name and mobile
    number present. Without either; by code, a page at a time."""
    page = await cases.interviewees(session, question, book.registry, question.limit)
    counts = await dossier_sums.quality_counts(session, question.scope)
    rows = [
        {
            "code": one.code,
            **book.named(book.placed(one.story.unit, one.era), question),
            "field": one.story.field,
            "returned": one.returned.isoformat(),
        }
        for one in page.found
    ]
    eligible = sum(sums.get("eligible", 0) for sums in counts.values())
    return Answer(rows, {"eligible": eligible}, extra={"next": page.next})


async def overdue(session: AsyncSession, question: Question, book: Book) -> Answer:
    """The dossiers overdue at the end of the last day, oldest first, a page at a time."""
    found = await dossier_sums.dossier_sums(session, question.scope, ["unit"])
    counts = {place: sums.overdue for (place,), sums in found if sums.overdue}
    page = await figures.overdue(session, question.scope, question.limit, question.offset)
    rows = [_overdue_row(one, question, book) for one in page]
    count = sum(counts.values())
    after = question.offset + len(rows)
    by_unit = [book.named(each, question) | {"overdue": counts[each]} for each in _sorted(counts)]
    return Answer(
        rows,
        {"overdue": count},
        extra={
            "by_unit": by_unit,
            "next_offset": after if rows and after < count else None,
        },
    )


def _overdue_row(
    one: tuple[str, str, date, str, str | None, date], question: Question, book: Book
) -> Row:
    code, unit, era, field_, department, due_day = one
    return {
        "code": code,
        **book.named(book.placed(unit, era), question),
        "field": field_,
        "department": department,
        "due_date": due_day.isoformat(),
        "days_late": (question.last - due_day).days,
    }


async def all_overdue(
    session: AsyncSession, question: Question, book: Book
) -> AsyncIterator[list[Row]]:
    """All rows of the report `overdue`, so many at a time."""
    named: dict[tuple[str, date], Row] = {}
    async for page in figures.all_overdue(session, question.scope):
        rows = []
        for one in page:
            known = named.get(one[1:3])
            if known is None:
                row = _overdue_row(one, question, book)
                known = {name: row[name] for name in ("unit", "unit_name", "unit_valid_from")}
                named[one[1:3]] = known
            code, _, _, field_, department, due_day = one
            rows.append(
                {
                    "code": code,
                    **known,
                    "field": field_,
                    "department": department,
                    "due_date": due_day.isoformat(),
                    "days_late": (question.last - due_day).days,
                }
            )
        yield rows


async def timeliness(session: AsyncSession, question: Question, book: Book) -> Answer:
    """Every duty of the plans as it stands, by plan and due day; undecided ones last."""
    handed_in = await book.keeping.handed_in(session, book.plans)
    rows = []
    groups: dict[Place, list[Row]] = {}
    for versions in book.asked(question):
        for one in _judged(versions, handed_in, question, book):
            duty = one.duty
            if question.obligation not in (None, duty.obligation):
                continue
            day = duty.day or local_day(duty.opens)
            place = question.territory.place(duty.unit, day)
            if place is not None:
                row = {"plan": duty.plan} | book.named(book.placed(duty.unit, day), question)
                row |= one.row
                rows.append(row)
                groups.setdefault(_known(place, book, day), []).append(row)
    by_unit = [
        book.named(each, question) | rules.timeliness_total(groups[each])
        for each in _sorted(groups)
    ]
    return Answer(
        rows,
        rules.timeliness_total(rows),
        extra={"by_obligation": rules.timeliness_summary(rows), "by_unit": by_unit},
    )


def _judged(
    versions: Versions[PlanVersion], handed_in: HandedIn, question: Question, book: Book
) -> list[JudgedDuty]:
    return rules.judged_duties(
        versions,
        handed_in,
        question.first,
        question.last,
        question.now,
        question.known,
        book.working,
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
    scope = question.scope
    found = await dossier_sums.quality_counts(session, scope)
    refused = undeliverable = None
    if question.field is None:  # what was refused or not delivered is of no field
        refused = await refusals.counts(session, scope)
        undeliverable = await notices.undeliverable(session, scope)
    rows = []
    for unit in _sorted(found.keys() | (refused or {}).keys() | (undeliverable or {}).keys()):
        sums = found.get(unit, {})
        counts = {name: sums.get(name, 0) for name in QUALITY}
        counts["dossiers"] = sums.get("received", 0)
        counts["eligible_for_survey"] = sums.get("eligible", 0)
        others: Row = {
            "refused_events": None if refused is None else refused.get(unit, 0),
            "undeliverable_phones": None if undeliverable is None else undeliverable.get(unit, 0),
            "reason": "not_by_field" if refused is None else None,
        }
        rows.append(book.named(unit, question) | counts | others)
    total = _total(rows, QUALITY)
    if refused is None:
        total |= {"refused_events": None, "undeliverable_phones": None, "reason": "not_by_field"}
    return Answer(rows, total)


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
    """Every difficulty open in the period or resolved in it, the oldest first; it belongs to the
    unit that raised it."""
    told = await teams.difficulties(session, question.scope)
    rows = [
        {"difficulty": each.difficulty, **book.named(book.placed(each.unit, each.day), question)}
        | {
            "category": each.category,
            "text": each.text,
            "raised_at": _local(each.raised_at),
            "resolved_at": _local(each.resolved_at),
            "state": "open" if each.resolved_at is None else "resolved",
            "answer": each.answer,
        }
        for each in rules.difficulties(
            Said(
                each.difficulty,
                each.unit,
                each.day,
                each.category,
                each.text,
                each.resolved,
                each.time,
            )
            for each in told
        )
        if (each.resolved_at is None or local_day(each.resolved_at) >= question.first)
        and question.territory.place(each.unit, each.day) is not None
    ]
    states = Counter(row["state"] for row in rows)
    return Answer(rows, {"open": states["open"], "resolved": states["resolved"]})


async def notice_counts(session: AsyncSession, question: Question, book: Book) -> Answer:
    """Notices handed to a provider, per unit and channel: sent, delivered, failed, segments, cost
    in VND where the provider tells it."""
    found = await notices.counts(session, question.scope)
    rows = [
        book.named(place, question)
        | {"channel": channel}
        | {name: sums[name] for name in NOTICES[:-1]}
        | _cost(sums["cost"] if sums["priced"] else None)
        for (place, channel), sums in found
    ]
    costs = [row["cost"] for row in rows if row["cost"] is not None]
    total = _total(rows, NOTICES[:-1])
    return Answer(rows, total | _cost(sum(costs) if costs else None, bool(rows)))


def _cost(cost: int | None, some: bool = True) -> Row:
    reason = "cost_unknown" if some else rules.NOTHING
    return {"cost": cost, "reason": reason if cost is None else None}


@dataclass(frozen=True, slots=True)
class Scored:
    """A plan's points: how each unit stands, by which results and duties; `day` is the one by which
    codes of units are meant."""

    plan: Plan
    day: date
    standings: list[Standing]
    results: list[rules.Result]
    judged: list[rules.JudgedDuty]


async def scored(session: AsyncSession, question: Question, book: Book) -> list[Scored]:
    """What each plan gives and takes within the question's units."""
    known = await results.load(session, question.known)
    handed_in = await book.keeping.handed_in(session, book.plans)
    found = []
    for versions in book.asked(question):
        if not rules.gives_points(versions):
            continue
        judged = _judged(versions, handed_in, question, book)
        counting = rules.Counting(question.first, question.until, question.last)
        today = local_day(question.now)
        told = list(rules.seen_on(known, versions, question.last, today, book.working))
        newest = versions.newest.plan
        day = min(question.last, newest.runs.to)
        stands = [
            one
            for one in rules.standings(versions, told, judged, counting)
            if question.territory.place(one.unit, day) is not None
        ]
        found.append(Scored(newest, day, stands, told, judged))
    return found


async def emulation(session: AsyncSession, question: Question, book: Book) -> Answer:
    """What each plan gives and takes a unit, with the arithmetic; ranked where all is decided."""
    rows = [
        {"plan": each.plan.plan}
        | book.named(book.placed(one.unit, each.day), question)
        | _standing(one)
        for each in await scored(session, question, book)
        for one in each.standings
    ]
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
        "reason": "undecided_amount" if one.rank is None else None,
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
    return {
        name: None
        if rows and all(row[name] is None for row in rows)
        else sum(row[name] or 0 for row in rows)
        for name in names
    }


async def index_766(session: AsyncSession, question: Question, book: Book) -> Answer:
    """The quality index of QĐ 766/QĐ-TTg 2022 per unit and group, as far as events tell of it."""
    found = await dossier_sums.dossier_sums(session, question.scope, ["unit"])
    rows = []
    by_unit = []
    whole = DossierSums()
    for (place,), sums in found:
        groups = rules.index_766(sums)
        if all(row["points"] is None for row in groups):
            continue
        named = book.named(place, question)
        rows += [named | row for row in groups]
        by_unit.append(named | rules.index_total(groups))
        whole = whole + sums
    return Answer(rows, rules.index_total(rules.index_766(whole)), extra={"by_unit": by_unit})


Handler = Callable[[AsyncSession, Question, Book], Awaitable[Answer]]

REPORTS: Mapping[str, Handler] = {
    "bieu-06": form_06,
    "installs": installs,
    "online-share": online_share,
    "on-time": on_time,
    "scorecard": scorecard,
    "survey-reasons": survey_reasons,
    "interview-list": interview_list,
    "timeliness": timeliness,
    "overdue": overdue,
    "data-quality": data_quality,
    "activity": activity,
    "difficulties": difficulties,
    "notices": notice_counts,
    "emulation": emulation,
    "index-766": index_766,
}
"""Report name -> what answers it."""

GROUPINGS: Mapping[str, tuple[str, ...]] = {
    "bieu-06": ("field", "unit"),
    "on-time": ("unit", "field"),
    "installs": ("unit", "month", "place", "installer"),
    "activity": ("unit", "team", "member", "day", "month"),
}
"""What `by=` may be, the default first; other reports have one grouping."""
