"""From a cell of a report to the rows behind it, and from a dossier to the events behind it."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting import rules
from services.reporting.handlers import cases
from services.reporting.handlers.answering import Reports
from services.reporting.handlers.asking import Asked
from services.reporting.handlers.behind import (
    BEHIND,
    COLUMNS,
    UNIT,
    allow,
    known,
    since_of,
    unknown,
)
from services.reporting.handlers.reports import Book, Question
from services.reporting.rules import Figure, Stray, Territory
from services.reporting.store import cases as case_store
from services.reporting.store import facts, figures
from services.reporting.store.scope import LATEST
from shared import rulebook
from shared.clock import VN, local_day
from shared.dossiers import StatusChange, Story, Submission, status_order

Row = dict[str, Any]


async def trace(
    reports: Reports,
    asked: Asked,
    column: str,
    row: Mapping[str, str],
    most: int = cases.MOST_FOLDED,
) -> Row:
    """A page of what lies behind one cell: dossiers, or what is counted there instead.

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
        handle = COLUMNS.get((question.report, column)) or BEHIND.get(question.report)
        if handle is not None:
            found: Row = await handle(session, question, book, column, row)
            return found
        if question.report in rules.TRACED:
            return await _dossiers(session, question, book, column, row, most)
    raise unknown("column", "Its rows are dossiers: ask for them one by one.")


async def _dossiers(
    session: AsyncSession,
    question: Question,
    book: Book,
    column: str,
    row: Mapping[str, str],
    most: int,
) -> Row:
    adds, columns = rules.TRACED[question.report]
    known(column, columns)
    if question.report == "index-766":
        allow(row, UNIT | {"group"})
        if row.get("group") not in rules.TOLD_GROUPS:
            message = f"Name one of the groups: {', '.join(rules.TOLD_GROUPS)}."
            raise unknown("row.group", message)
        column = f"{row['group']}.{column}"
    else:
        allow(row, UNIT | {"field", "authority"})
    since = since_of(row)

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
    if column in rules.FINISHED_OR_OVERDUE:
        return f"({case_store.TOUCHED} OR {case_store.OVERDUE})"
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
        "due": _day(_due(story, question.last)),
        "resolved": _day(story.closed_day) if story.closed_on(question.last) else None,
        "outcome": story.outcome if story.closed_on(question.last) else None,
    }


def _due(story: Story, day: date) -> date | None:
    """The due date in force on a day, or on the day of closing: the one that the result was held
    against, whatever was stated later."""
    return story.due_on(day if story.closed_day is None else min(day, story.closed_day))


async def timeline(
    session: AsyncSession, code: str, book: Book, today: date, seen: Territory
) -> Row | None:
    """A dossier as it is known now, with every event behind it and whether it still stands; null
    for a code that no event named, and outside a territory: that of the unit that bore the code on
    the day of the event that counts."""
    submissions, statuses = (await facts.load_dossiers(session, [code]))[code]
    if not submissions and not statuses:
        return None
    in_use = await rulebook.load(session)
    rules_of = in_use.of(code)
    story = rules.known_story(submissions, statuses, LATEST, rules_of)
    if seen.place(*_placed(story, submissions, statuses)) is None:
        return None
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


def _placed(
    story: Story | Stray | None, submissions: list[Submission], statuses: list[StatusChange]
) -> tuple[str, date]:
    """The unit that a dossier counts for, and the day by which it is meant; of a dossier whose
    events are all withdrawn those of the last of them."""
    if isinstance(story, Story):
        return story.unit, local_day(story.submission.order[0])
    if story is not None:
        return story.unit, local_day(story.told_at)
    last = max((*submissions, *statuses), key=lambda one: one.order)
    return last.unit, local_day(last.order[0])


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
        "due": _day(_due(story, today)),
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


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _local(instant: Any) -> str | None:
    return None if instant is None else instant.astimezone(VN).isoformat()
