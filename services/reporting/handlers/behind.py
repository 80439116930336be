"""What lies behind cells that count no dossiers: events, messages, duties, points, refusals."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting import rules
from services.reporting.handlers.reports import REPORTS, Book, Question, scored, timeliness
from services.reporting.rules import Install, Place
from services.reporting.store import figures, traces
from services.reporting.store.scope import LATEST
from shared.clock import VN
from shared.plans import deliveries
from shared.plans.periods import bounds
from shared.problems import Problem

Row = dict[str, Any]
Coordinates = Mapping[str, str]

UNIT = frozenset({"unit", "unit_valid_from"})
TABLES: Mapping[str, str] = {
    "installs": "installs",
    "activity": "activities",
    "scorecard": "surveys",
    "survey-reasons": "surveys",
}
"""Report -> the events that its rows are made of."""
COUNTED: Mapping[str, tuple[str, ...]] = {
    "installs": ("installs", "succeeded", "failed", "distinct_citizens", "counted"),
    "activity": ("activities", "people", "members"),
    "scorecard": ("n", "score", "out_of_scale", "previous_n", "previous_score"),
    "survey-reasons": ("n", "answered", "share"),
}
"""Report -> its columns whose cells lead to events."""
POINTS = ("merits", "deductions", "points", "undecided", "rank", "arithmetic")
_DUTIES = (*rules.STATES, "judged", "undecided")
_FILED = ("fulfilled_at", "rows", "state")


async def events(
    session: AsyncSession, question: Question, book: Book, column: str, row: Coordinates
) -> Row:
    """Installs, activities, surveys: as many as a cell counts, or what they add up to, each by its
    (source, id)."""
    report = question.report
    known(column, COUNTED[report])
    if column == "counted":
        return await _counted(session, question, book, row)
    table = TABLES[report]
    coordinates = {name: value for name, value in row.items() if name not in UNIT}
    allow(coordinates, traces.known_coordinates(table))
    if table == "surveys" and "item" not in coordinates and (column != "n" or "cause" in row):
        raise unknown("row.item", "Name the item.")
    scope = question.scope
    if column.startswith("previous_"):
        if "quarter" not in coordinates:
            raise unknown("row.quarter", "Name the quarter.")
        coordinates["quarter"] = _quarter_before(coordinates["quarter"])
        scope = question.since(rules.start_before(question.first)).scope
    if question.domain is not None:
        coordinates.setdefault("domain", question.domain)
    wanted = [coordinates]
    if "item" not in coordinates and table == "surveys":
        pass  # of several items: each survey that answered any of them
    elif report == "scorecard" and column != "out_of_scale":
        # A score is the mean of those that bear one; where none does, all on the scale are told.
        wanted = [coordinates | {"scored": ""}, coordinates | {"unscored": ""}]
    elif column in traces.known_coordinates(table) and column not in coordinates:
        wanted = [coordinates | {column: ""}]
    elif report == "survey-reasons" and "cause" not in coordinates:
        wanted = [coordinates | {"answered": ""}]
    if column in ("answered", "share"):
        wanted = [{k: v for k, v in coordinates.items() if k != "cause"} | {"answered": ""}]
    unit, since = row.get("unit"), since_of(row)
    limit, offset = question.limit, question.offset
    if len(wanted) > 1:
        some = await traces.events(session, table, scope, unit, since, wanted[0], 1, 0)
        wanted = wanted[:1] if some else wanted[1:]
    found = await traces.events(
        session, table, scope, unit, since, wanted[0], limit, offset, column
    )
    told = [_event(one) | _more(table, one) for one in found]
    return {"events": told, **pages(found, question)}


def _more(table: str, one: Any) -> Row:
    """What is told of an event beside where it is found."""
    if table == "activities":
        return {"people": one.n}
    return {"dossier": one.dossier} if table == "surveys" else {}


def _quarter_before(quarter: str) -> str:
    try:
        return rules.quarter_before(quarter)
    except (ValueError, IndexError):
        raise unknown("row.quarter", "Write a quarter as YYYY-Qn.") from None


async def _counted(session: AsyncSession, question: Question, book: Book, row: Coordinates) -> Row:
    """The installs that are held against a quota: each machine's first."""
    allow(row, UNIT)
    if question.by not in (None, "unit"):
        raise unknown("column", "Only units have quotas.")
    chosen = rules.install_plan(book.plans, question.first, question.last)
    found: list[Install] = []
    if chosen is not None:
        plan, indicator = chosen.plan, chosen.indicator
        last = min(question.last, plan.runs.to)
        begun = min(each.version.plan.runs.from_ for each in chosen.versions.windows)
        told = await figures.successes(session, begun, last, question.known)
        wanted = {
            unit
            for unit in plan.target_units(indicator)
            if plan.target_for(indicator, unit, last) is not None
            and (place := question.territory.place(unit, last)) is not None
            and _is(row, place if place.since else book.placed(place.unit, last))
        }
        found = [
            one
            for one in rules.counted_once(filter(chosen.counts, told), chosen.key)
            if one.day >= question.first and chosen.unit_of(one) in wanted
        ]
        found.sort(key=lambda one: one.order)
    page = found[question.offset : question.offset + question.limit]
    told_of = [_named(*one.order, "motcua.install.recorded.v1", one.unit) for one in page]
    return {"events": told_of, **_cut(found, page, question)}


async def words(
    session: AsyncSession, question: Question, book: Book, column: str, row: Coordinates
) -> Row:
    """Difficulties in a state, or every event about one; of `raised_at`, `resolved_at` the word that
    counts."""
    allow(row, UNIT | {"difficulty"})
    listed = (await REPORTS[question.report](session, question, book)).rows
    if "difficulty" not in row:
        known(column, ("open", "resolved"))
        held = [one for one in listed if one["state"] == column]
        page = held[question.offset : question.offset + question.limit]
        names = ("difficulty", "unit", "unit_name", "category", "raised_at", "resolved_at", "state")
        return {
            "difficulties": [{name: one[name] for name in names} for one in page],
            **_cut(held, page, question),
        }
    known(column, ("difficulty", "category", "text", "raised_at", "resolved_at", "state", "answer"))
    found: list[Any] = []
    if any(one["difficulty"] == row["difficulty"] for one in listed):
        told = await traces.words_about(session, row["difficulty"], question.last, question.known)
        found = list(told)
    if column in ("raised_at", "resolved_at", "answer"):
        resolved = column != "raised_at"
        found = [one for one in found if one.resolved == resolved][:1]
    page = found[question.offset : question.offset + question.limit]
    return {"events": [_event(one) for one in page], **_cut(found, page, question)}


async def notices(
    session: AsyncSession, question: Question, book: Book, column: str, row: Coordinates
) -> Row:
    """The messages of a cell, by what each was about; never to whom it went."""
    allow(row, UNIT | {"channel"})
    known(column, sorted(traces.NOTICE_COLUMNS))
    found = await traces.notices(
        session,
        question.scope,
        row.get("unit"),
        since_of(row),
        row.get("channel"),
        column,
        question.limit,
        question.offset,
    )
    return {"notices": [_notice(one) for one in found], **pages(found, question)}


async def undeliverable(
    session: AsyncSession, question: Question, book: Book, column: str, row: Coordinates
) -> Row:
    """The dossiers whose applicants got no message, each with the last that failed."""
    found = await _of_no_field(traces.undeliverable, session, question, row)
    return {"notices": [_notice(one) for one in found], **pages(found, question)}


async def refusals(
    session: AsyncSession, question: Question, book: Book, column: str, row: Coordinates
) -> Row:
    """How many events intake refused on each day, and where it tells which: `_` named no unit."""
    found = await _of_no_field(traces.refusals, session, question, row)
    told = [{"unit": one.unit, "day": one.day.isoformat(), "events": one.n} for one in found]
    return {"refusals": told, **pages(found, question)}


async def _of_no_field(
    page: Callable[..., Awaitable[Sequence[Any]]],
    session: AsyncSession,
    question: Question,
    row: Coordinates,
) -> Sequence[Any]:
    if question.field is not None:
        raise unknown("field", "What was refused or not delivered is of no field.")
    allow(row, UNIT)
    since = since_of(row)
    return await page(
        session, question.scope, row.get("unit"), since, question.limit, question.offset
    )


async def duties(
    session: AsyncSession, question: Question, book: Book, column: str, row: Coordinates
) -> Row:
    """The duties that stand in a state, or the events that handed one of them in."""
    allow(row, UNIT | {"plan", "obligation", "period"})
    if column in _FILED:
        return await _filings(session, question, book, row)
    known(column, (*_DUTIES, *_FILED))
    found = [
        {name: value for name, value in one.items() if name != "reason"}
        for one in (await timeliness(session, question, book)).rows
        if _holds(one, column) and all(_told(one, name) == value for name, value in row.items())
    ]
    page = found[question.offset : question.offset + question.limit]
    return {"duties": page, **_cut(found, page, question)}


def _holds(duty: Row, column: str) -> bool:
    if column == "judged":
        return duty["state"] in rules.JUDGED
    return bool(duty["undecided"]) if column == "undecided" else duty["state"] == column


def _told(duty: Row, name: str) -> str | None:
    return duty[name]


async def _filings(session: AsyncSession, question: Question, book: Book, row: Coordinates) -> Row:
    if missing := {"plan", "unit"} - row.keys():
        raise unknown(f"row.{min(missing)}", "Name the row's plan, unit, obligation and period.")
    plans = [
        window.version.plan
        for versions in book.plans
        for window in versions.windows
        if window.version.plan.plan == row["plan"]
    ]
    found: dict[tuple[Any, ...], Row] = {}
    for filed in await figures.filings(session, question.known):
        for plan in plans:
            for one in deliveries(plan, filed.type, filed.data, filed.order[0]):
                same = one.unit == row["unit"] and one.at <= question.now
                same = same and row.get("obligation") in (None, one.obligation)
                if same and row.get("period") in (None, one.period):
                    told = _named(*filed.order, filed.type, filed.unit)
                    found[filed.order] = told | {"rows": one.rows, "complete": one.complete}
    events = [found[order] for order in sorted(found)]
    page = events[question.offset : question.offset + question.limit]
    return {"events": page, **_cut(events, page, question)}


async def points(
    session: AsyncSession, question: Question, book: Book, column: str, row: Coordinates
) -> Row:
    """The arithmetic of a cell, a line for each time that something gave or took points: the duty or
    the figure behind it, and where that leads on. The lines' `subtotal` add up to the cell."""
    known(column, POINTS)
    allow(row, UNIT | {"plan"})
    found: list[Row] = []
    for each in await scored(session, question, book):
        if row.get("plan") not in (None, each.plan.plan):
            continue
        owed = {
            (one.duty.obligation, one.duty.unit, one.duty.period): rules.timeliness_row(
                one.duty, one.judgement
            )
            for one in each.judged
        }
        told = {(one.indicator, one.unit, one.period): one for one in each.results}
        for standing in each.standings:
            place = book.placed(standing.unit, each.day)
            if _is(row, place):
                named = {"plan": each.plan.plan} | book.named(place, question)
                found += (
                    named | line
                    for line in _lines(
                        standing.items, standing.unit, each.plan, owed, told, question
                    )
                    if _adds(line, column)
                )
    page = found[question.offset : question.offset + question.limit]
    return {"lines": page, **_cut(found, page, question)}


def _adds(line: Row, column: str) -> bool:
    if column == "undecided":
        return line["points"] is None
    return column not in ("merits", "deductions") or f"{line['kind']}s" == column


def _lines(
    items: Iterable[rules.Item],
    unit: str,
    plan: Any,
    owed: Mapping[tuple[str, str, str], Row],
    told: Mapping[tuple[str, str, str], rules.Result],
    question: Question,
) -> Iterable[Row]:
    as_of = {} if question.known == LATEST else {"as_of": question.known.isoformat()}
    for item in items:
        sign = 1 if item.kind == "merit" else -1
        for number, period in enumerate(item.periods or ((None,) if item.points is None else ())):
            counted = period is not None and number < item.times
            line = {
                "kind": item.kind,
                "about": item.about,
                "title": item.title,
                "state": item.state,
                "period": period,
                "points": item.points,
                "counted": counted,
                "subtotal": None if item.points is None else sign * item.points * int(counted),
            }
            key = (item.about, unit, period or "")
            duty, result = owed.get(key), told.get(key)
            if duty is not None:
                line |= {"due": duty["due"], "fulfilled_at": duty["fulfilled_at"]}
                line |= {"rows": duty["rows"], "expected_rows": duty["expected_rows"]}
                line["behind"] = {
                    "report": "timeliness",
                    "column": "fulfilled_at",
                    "row": {"plan": plan.plan, "unit": unit, "obligation": item.about}
                    | {"period": period},
                }
            elif result is not None and period is not None:
                first, last = bounds(plan, period)
                line |= {
                    "numerator": result.numerator,
                    "denominator": result.denominator,
                    "target": result.target,
                    "plan": plan.plan,
                    "from": first.isoformat(),
                    "to": last.isoformat(),
                    "behind": {
                        "service": "quota",
                        "address": "/v1/progress/behind",
                        "parameters": {"plan": plan.plan, "indicator": item.about}
                        | {"unit": unit, "period": period}
                        | as_of,
                    },
                }
            yield line


def known(column: str, columns: Iterable[str]) -> None:
    """Raises `Problem` 422 unless a column is among those that lead somewhere."""
    names = list(columns)
    if column not in names:
        raise unknown("column", f"Ask for one of: {', '.join(names)}.")


def allow(row: Iterable[str], names: Iterable[str]) -> None:
    """Raises `Problem` 422 for a coordinate that rows do not have."""
    if strange := set(row) - set(names):
        raise unknown(f"row.{min(strange)}", "The rows have no such coordinate.")


def since_of(row: Coordinates) -> date | None:
    """Since when the row's unit bears its code, where that is said."""
    text = row.get("unit_valid_from")
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise unknown("row.unit_valid_from", "Write a day as YYYY-MM-DD.") from None


def unknown(name: str, message: str) -> Problem:
    """What is wrong with what was asked for: it leads to nothing."""
    return Problem(
        422, errors=[{"pointer": f"/{name}", "code": "leads_nowhere", "message": message}]
    )


def pages(found: Any, question: Question) -> Row:
    """How many there are in all, and where the next page begins, of rows that say both."""
    whole = found[0].whole if found else 0
    after = question.offset + len(found)
    return {"count": whole, "next_offset": after if found and after < whole else None}


def _cut(found: list[Any], page: list[Any], question: Question) -> Row:
    after = question.offset + len(page)
    more = after if page and after < len(found) else None
    return {"count": len(found), "next_offset": more}


def _is(row: Coordinates, place: Place) -> bool:
    since = since_of(row)
    return row.get("unit") in (None, place.unit) and since in (None, place.since)


def _notice(one: Any) -> Row:
    names = ("notice", "unit", "channel", "template", "subject", "state", "reason", "segments")
    return {name: getattr(one, name) for name in (*names, "cost")} | {"day": one.day.isoformat()}


def _event(one: Any) -> Row:
    return _named(one.time, one.source, one.event_id, one.type, one.unit)


def _named(time: Any, source: str, id: str, type: str, unit: str) -> Row:
    return {
        "source": source,
        "id": id,
        "type": type,
        "unit": unit,
        "time": time.astimezone(VN).isoformat(),
    }


Handler = Callable[..., Any]

BEHIND: Mapping[str, Handler] = {
    **dict.fromkeys(TABLES, events),
    "difficulties": words,
    "notices": notices,
    "timeliness": duties,
    "emulation": points,
}
"""Report -> what finds the rows behind its cells; those made of dossiers are traced elsewhere."""
COLUMNS: Mapping[tuple[str, str], Handler] = {
    ("data-quality", "refused_events"): refusals,
    ("data-quality", "undeliverable_phones"): undeliverable,
}
"""The same for single columns of reports made of dossiers."""
