"""What a dossier's page tells: its steps and where it stands, without anything personal.

Free texts (reasons) are left out: officials may have named somebody in them.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from services.notify.rules import deadlines as due_rules
from services.notify.rules import notices as rules
from services.notify.rules.deadlines import Version
from shared.dossiers import StatusChange, Story


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened; ``kind`` as notices call it, ``days`` an old and a new due day."""

    at: datetime
    kind: str
    department: str | None = None
    days: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Timeline:
    """A dossier as its applicant sees it. ``late`` are the days since the due day, ``outcome`` how
    it ended; null while it is open."""

    unit: str
    steps: tuple[Step, ...]
    due: date | None
    late: int
    open: bool
    paused: bool
    return_by: str | None


def timeline_of(
    code: str,
    read: Story | None,
    statuses: Sequence[StatusChange],
    return_by: str | None,
    agency_words: Sequence[str],
    reasons: dict[bytes, str],
    today: date,
) -> Timeline | None:
    """What is told of a dossier; null where nothing stands."""
    if read is None and not statuses:
        return None
    submission = read.submission if read else None
    ordered = read.statuses if read else tuple(statuses)
    versions = due_rules.versions_of(read) if read else []
    facts = rules.facts_of(code, submission, ordered, versions, reasons, return_by, agency_words)
    steps = [Step(f.at, f.kind, dict(f.facts).get("department")) for f in facts]
    if submission is not None and not any(step.kind == "registered" for step in steps):
        steps.append(Step(submission.submitted_at, f"filed_{submission.channel}"))
    steps += [_moved(old, new) for old, new in itertools.pairwise(versions)]
    unit = submission.unit if submission else ordered[-1].unit
    if read is None:
        return Timeline(unit, _sorted(steps), None, 0, True, False, return_by)
    due = read.due.day if read.due else None
    overdue = read.overdue_on(today)
    return Timeline(
        unit=unit,
        steps=_sorted(steps),
        due=due if read.closed_day is None else None,
        late=(today - due).days if overdue and due else 0,
        open=read.closed_day is None,
        paused=read.paused_on(today),
        return_by=return_by,
    )


def _moved(old: Version, new: Version) -> Step:
    days = (rules.day_text(old.due_day), rules.day_text(new.due_day))
    return Step(new.known_at, "moved", None, days)


def _sorted(steps: Sequence[Step]) -> tuple[Step, ...]:
    return tuple(sorted(steps, key=lambda step: (step.at, not step.kind.startswith("filed_"))))
