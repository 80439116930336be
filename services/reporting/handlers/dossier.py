"""One dossier's story, as events told it."""

from dataclasses import dataclass
from datetime import date, datetime

from services.reporting import rules
from services.reporting.handlers.answering import Reports
from services.reporting.handlers.reports import Question
from services.reporting.store import facts
from services.reporting.store.scope import LATEST
from shared import rulebook
from shared.clock import local_day
from shared.dossiers import StatusChange, Story, Submission


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that was told of a dossier; `withdrawn` is the day on which it was taken back."""

    at: datetime
    what: str
    unit: str
    department: str | None
    due_at: datetime | None
    withdrawn: date | None
    source: str
    id: str


@dataclass(frozen=True, slots=True)
class Dossier:
    """What is known of a dossier; `story` is null where nobody told of its submission."""

    code: str
    story: Story | None
    happenings: list[Happening]
    unit: str


async def dossier(reports: Reports, question: Question, code: str) -> Dossier | None:
    """A dossier of the question's territory, or None."""
    async with reports.database.transaction() as session:
        told, moves = (await facts.load_dossiers(session, {code}))[code]
        timeline = (await rulebook.load(session)).of(code)
    if not told and not moves:
        return None
    known = rules.known_story(told, moves, LATEST, timeline)
    story = known if isinstance(known, Story) else None
    unit, day = _place(story, told, moves)
    if question.territory.place(unit, day) is None:
        return None
    happenings = [
        Happening(
            one.submitted_at,
            "filed",
            one.unit,
            None,
            one.due_at,
            one.voided_rday,
            *one.order[1:],
        )
        for one in told
    ]
    happenings += [
        Happening(
            one.at,
            f"status.{one.status}",
            one.unit,
            one.department,
            one.due_at,
            one.voided_rday,
            *one.order[1:],
        )
        for one in moves
    ]
    return Dossier(code, story, sorted(happenings, key=lambda one: one.at), unit)


def _place(
    story: Story | None, told: list[Submission], moves: list[StatusChange]
) -> tuple[str, date]:
    """The unit that a dossier counts for, and the day by which it is meant."""
    if story is not None:
        return story.unit, local_day(story.submission.submitted_at)
    if told:
        return told[0].unit, local_day(told[0].submitted_at)
    return moves[0].unit, local_day(moves[0].at)
