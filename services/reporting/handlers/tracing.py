"""From a cell of a report to the dossiers behind it, and from a dossier to the events behind it."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting import rules
from services.reporting.handlers import cases
from services.reporting.handlers.answering import Reports
from services.reporting.handlers.asking import Asked
from services.reporting.handlers.reports import Book, Question
from services.reporting.rules import Figure, Stray
from services.reporting.store import cases as case_store
from services.reporting.store import facts, figures, traces
from services.reporting.store.scope import LATEST
from shared import rulebook
from shared.clock import VN, local_day
from shared.dossiers import StatusChange, Story, Submission, status_order
from shared.plans import deliveries
from shared.problems import Problem

Row = dict[str, Any]

_TABLES: Mapping[str, str] = {
    "installs": "installs",
    "activity": "activities",
    "scorecard": "surveys",
    "survey-reasons": "surveys",
    "difficulties": "difficulties",
}
"""Report -> the events that its rows are made of."""
_UNIT = frozenset({"unit", "unit_valid_from"})
_NOTICE_STATES: Mapping[str, tuple[str, ...]] = {
    "sent": ("sent", "delivered"),
    "delivered": ("delivered",),
    "failed": ("failed",),
}
_TIMELINESS = frozenset({"plan", "obligation", "period"})


async def trace(
    reports: Reports,
    asked: Asked,
    column: str,
    row: Mapping[str, str],
    most: int = cases.MOST_FOLDED,
) -> Row:
    """A page of what lies behind one cell: dossiers, or events where no dossiers are counted.

    Args:
        column: whose cell it is.
        row: coordinates of the row, as its columns say them; none: the total.
        most: how many dossiers are looked at before a page ends early.

    Raises:
        Problem: 422 for a column or coordinate that leads to nothing.
    """
    question = asked.question
    async with reports.database.transaction() as session:
        await figures.hold_still(session)
        book = await reports.book(session)
        if question.report in rules.TRACED:
            return await _dossiers(session, question, book, column, row, most)
        if question.report in ("overdue", "interview-list"):
            raise _unknown("column", "Its rows are dossiers: ask for them one by one.")
        if question.report in _TABLES:
            return await _events(session, question, column, row)
        if question.report == "notices":
            return await _notices(session, question, column, row)
        if question.report == "timeliness":
            return await _filings(session, question, book, row)
    raise _unknown("report", "Its cells are made of other reports' cells.")


async def _dossiers(
    session: AsyncSession,
    question: Question,
    book: Book,
    column: str,
    row: Mapping[str, str],
    most: int,
) -> Row:
    adds, columns = rules.TRACED[question.report]
    if column not in columns:
        raise _unknown("column", f"Ask for one of: {', '.join(columns)}.")
    if strange := row.keys() - {*_UNIT, "field", "authority"}:
        raise _unknown(f"row.{min(strange)}", "The rows have no such coordinate.")
    since = _since(row)

    def counted(one: Figure) -> bool:
        return (
            row.get("unit") in (None, one.place.unit)
            and (since is None or (one.place.since or _borne(book, one, question)) == since)
            and row.get("field") in (None, one.field)
            and row.get("authority") in (None, one.authority)
        )

    def keep(found: list[Figure]) -> bool:
        mine = [one for one in found if counted(one)]
        return bool(mine) and adds(mine, question.first, question.last)[column] != 0

    page = await cases.behind(
        session, question, book.registry, _condition(column), keep, question.limit, most
    )
    return {
        "dossiers": [_dossier(one, book, question) for one in page.found],
        "next": page.next,
    }


def _borne(book: Book, one: Figure, question: Question) -> date | None:
    return book.registry.bearer(one.place.unit, question.last)


def _condition(column: str) -> str | None:
    if column == "no_submission":
        return None
    if column in rules.EXACTLY_OVERDUE:
        return case_store.OVERDUE
    if column == "carried_over":
        return case_store.OPEN.format(end="first_at")
    if column in rules.STILL_OPEN:
        return case_store.OPEN.format(end="end_at")
    if column in rules.EITHER:
        return f"({case_store.TOUCHED} OR {case_store.OPEN.format(end='first_at')})"
    return case_store.TOUCHED


def _dossier(one: cases.Case, book: Book, question: Question) -> Row:
    story = one.story
    found = {"code": one.code, **book.named(book.placed(story.unit, one.era), question)}
    if isinstance(story, Stray):
        return found | {"first_day": story.day.isoformat()}
    return found | {
        "field": story.field,
        "authority": story.authority,
        "channel": story.channel,
        "status": story.status_on(question.last),
        "received": _day(story.received_day),
        "due": _day(story.due_on(question.last)),
        "resolved": _day(story.closed_day) if story.closed_on(question.last) else None,
        "outcome": story.outcome if story.closed_on(question.last) else None,
    }


async def _events(
    session: AsyncSession, question: Question, column: str, row: Mapping[str, str]
) -> Row:
    table = _TABLES[question.report]
    known = traces.known_coordinates(table)
    coordinates = {name: value for name, value in row.items() if name not in _UNIT}
    if strange := coordinates.keys() - known:
        raise _unknown(f"row.{min(strange)}", "The rows have no such coordinate.")
    if coordinates.keys() & {"score", "cause"} and "item" not in coordinates:
        raise _unknown("row.item", "Name the item.")
    if column in known and column not in coordinates and (column != "score" or row.get("item")):
        coordinates[column] = ""
    if question.domain is not None:
        coordinates.setdefault("domain", question.domain)
    found = await traces.events(
        session,
        table,
        question.scope,
        row.get("unit"),
        _since(row),
        coordinates,
        question.limit,
        question.offset,
    )
    events = [
        {"source": one.source, "id": one.id, "type": one.type, "unit": one.unit}
        | {"time": _local(one.time)}
        for one in found
    ]
    return {"events": events, **_pages(found, question)}


async def _notices(
    session: AsyncSession, question: Question, column: str, row: Mapping[str, str]
) -> Row:
    if strange := row.keys() - {*_UNIT, "channel"}:
        raise _unknown(f"row.{min(strange)}", "The rows have no such coordinate.")
    found = await traces.notices(
        session,
        question.scope,
        row.get("unit"),
        _since(row),
        row.get("channel"),
        _NOTICE_STATES.get(column),
        question.limit,
        question.offset,
    )
    names = ("notice", "unit", "channel", "template", "subject", "state")
    notices = [
        {name: getattr(one, name) for name in names} | {"day": one.day.isoformat()} for one in found
    ]
    return {"notices": notices, **_pages(found, question)}


async def _filings(
    session: AsyncSession, question: Question, book: Book, row: Mapping[str, str]
) -> Row:
    if strange := row.keys() - {*_UNIT, *_TIMELINESS}:
        raise _unknown(f"row.{min(strange)}", "The rows have no such coordinate.")
    if missing := {"plan", "unit"} - row.keys():
        raise _unknown(f"row.{min(missing)}", "Name the row's plan, unit, obligation and period.")
    plans = [
        window.version.plan
        for versions in book.plans
        for window in versions.windows
        if window.version.plan.plan == row["plan"]
    ]
    events: dict[tuple[str, str], Row] = {}
    for filed in await figures.filings(session, question.known):
        for plan in plans:
            for one in deliveries(plan, filed.type, filed.data, filed.order[0]):
                same = one.unit == row["unit"] and one.at <= question.now
                same = same and row.get("obligation") in (None, one.obligation)
                if same and row.get("period") in (None, one.period):
                    time, source, id = filed.order
                    events[source, id] = {
                        "source": source,
                        "id": id,
                        "type": filed.type,
                        "unit": filed.unit,
                        "time": _local(time),
                        "rows": one.rows,
                    }
    return {"events": list(events.values()), "count": len(events), "next_offset": None}


async def timeline(session: AsyncSession, code: str, book: Book, today: date) -> Row | None:
    """A dossier as it is known now, with every event behind it and whether it still stands; null
    for a code that no event named."""
    submissions, statuses = (await facts.load_dossiers(session, [code]))[code]
    if not submissions and not statuses:
        return None
    in_use = await rulebook.load(session)
    rules_of = in_use.of(code)
    story = rules.known_story(submissions, statuses, LATEST, rules_of)
    events = [_submission(one) for one in submissions]
    events += [_status(one) for one in sorted(statuses, key=status_order)]
    surveys = await facts.surveys_about(session, code)
    return {
        "code": code,
        "story": _told(story, book, today),
        "events": sorted(events, key=lambda one: one["at"] or one["time"]),
        "surveys": [
            {"source": row.source, "id": row.event_id, "mode": row.mode, "time": _local(row.time)}
            | {"stands": row.voided is None}
            for row in surveys
        ],
    }


def unit_of(told: Row) -> str | None:
    """The unit of a dossier's timeline."""
    story = told["story"]
    return story["unit"] if story else told["events"][-1]["unit"]


def _told(story: Story | Stray | None, book: Book, today: date) -> Row | None:
    if story is None:
        return None
    told_at = story.told_at if isinstance(story, Stray) else story.submission.order[0]
    unit = {"unit": story.unit, "unit_name": book.registry.name(story.unit, local_day(told_at))}
    if isinstance(story, Stray):
        return unit | {"submission": False}
    return unit | {
        "submission": True,
        "field": story.field,
        "procedure": story.procedure,
        "authority": story.authority,
        "channel": story.channel,
        "credited_unit": story.credited_unit,
        "status": story.status,
        "holder": story.holder,
        "department": story.department,
        "received": _day(story.received_day),
        "due": _day(story.due_on(today)),
        "resolved": _day(story.closed_day),
        "resolved_by": story.closed_by,
        "outcome": story.outcome,
        "overdue": story.overdue_on(today),
    }


def _submission(one: Submission) -> Row:
    return _event(one, "motcua.dossier.submitted.v1") | {
        "at": _local(one.submitted_at),
        "status": None,
        "received_at": _local(one.received_at),
        "due_at": _local(one.due_at),
        "field": one.field,
        "channel": one.channel,
        "quality": dict(one.quality or {}),
    }


def _status(one: StatusChange) -> Row:
    return _event(one, "motcua.dossier.status_changed.v1") | {
        "at": _local(one.at),
        "status": one.status,
        "due_at": _local(one.due_at),
        "department": one.department,
        "returned_at": _local(one.returned_at),
    }


def _event(one: Submission | StatusChange, type: str) -> Row:
    time, source, id = one.order
    return {
        "source": source,
        "id": id,
        "type": type,
        "time": _local(time),
        "unit": one.unit,
        "known_since": one.rday.isoformat(),
        "stands": one.voided_rday is None,
        "withdrawn": _day(one.voided_rday),
    }


def _pages(found: Any, question: Question) -> Row:
    whole = found[0].whole if found else 0
    after = question.offset + len(found)
    return {"count": whole, "next_offset": after if found and after < whole else None}


def _since(row: Mapping[str, str]) -> date | None:
    text = row.get("unit_valid_from")
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise _unknown("row.unit_valid_from", "Write a day as YYYY-MM-DD.") from None


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _local(instant: Any) -> str | None:
    return None if instant is None else instant.astimezone(VN).isoformat()


def _unknown(name: str, message: str) -> Problem:
    return Problem(
        422, errors=[{"pointer": f"/{name}", "code": "leads_nowhere", "message": message}]
    )
