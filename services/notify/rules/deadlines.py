"""When a dated duty slips: dossiers by their due dates, obligations by their plan.

A due date stands for a whole local day, so it has slipped when the day after it begins and there
is still no result. While the office waits for somebody else (statuses 5, 6, 8) nothing slips; a
dossier taken up again after its due date gets the rest of that day, in which the new date
usually follows.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Literal

from shared.clock import local_day, start_of
from shared.dossiers import PAUSES, Due, Story
from shared.plans.duties import Duty

DeadlineState = Literal[
    "open", "paused", "slipped", "met", "late", "moved", "undecided", "excused", "cancelled"
]
DEADLINE_STATES: tuple[DeadlineState, ...] = DeadlineState.__args__
"""``met``: done in time or ended otherwise; ``late``: done after the due date without having
slipped, because it was paused meanwhile; ``moved``: replaced by another due date in time;
``cancelled``: nothing is owed any more, because the dossier was withdrawn, its events were voided,
or the plan no longer orders it."""

_NEXT_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Version:
    """One due date of a dossier, from when it was known until the next one.

    ``slips_at`` is the first instant at which it counts as missed, given what is known: null
    where it was met, moved or is paused.
    """

    number: int
    due_at: datetime
    due_day: date
    known_at: datetime
    until: datetime | None
    slips_at: datetime | None
    rest: DeadlineState
    """The state where (or as long as) it has not slipped."""
    computed: bool = False
    """Whether it is ours, and none that upstream stated."""


def day_after(day: date) -> datetime:
    """The instant at which the local day after a day begins."""
    return start_of(day + _NEXT_DAY)


def versions_of(story: Story) -> list[Version]:
    """Every due date that a dossier had, in order; restating the same day is no new version.

    A date of ours that was missed stays missed: a pause after it gives nobody a new one.
    """
    dues: list[Due] = []
    for due in story.dues:
        if dues and dues[-1].day == due.day:
            continue
        if due.computed and dues and _missed(story, dues[-1], due.known_at):
            continue
        dues.append(due)
    found = []
    for index, due in enumerate(dues):
        until = dues[index + 1].known_at if index + 1 < len(dues) else None
        slips_at, rest = _judge(story, due.day, due.known_at, until)
        found.append(
            Version(
                index + 1, due.at, due.day, due.known_at, until, slips_at, rest, due.computed
            )
        )  # fmt: skip
    return found


def _missed(story: Story, due: Due, until: datetime) -> bool:
    return _judge(story, due.day, due.known_at, until)[0] is not None


def one_a_day(versions: Sequence[Version], closed_at: datetime | None) -> list[Version]:
    """One version for each due day, since a day is what a due date is known by: where a date was
    moved away and back again, the last that was stated while the dossier was open."""
    chosen: dict[date, Version] = {}
    for version in versions:
        in_time = closed_at is None or version.known_at < closed_at
        if in_time or version.due_day not in chosen:
            chosen[version.due_day] = version
    return list(chosen.values())


def _judge(
    story: Story, due_day: date, known_at: datetime, until: datetime | None
) -> tuple[datetime | None, DeadlineState]:
    instant = max(day_after(due_day), known_at)
    if story.received_at is None:
        return None, "open"
    if story.received_at > instant:
        instant = day_after(local_day(story.received_at))
    while True:
        if story.closed_at is not None and story.closed_at < instant:
            if story.closed_by == "withdrawn":
                return None, "cancelled"
            ended_late = story.outcome == "late" and until is None
            return None, "late" if ended_late else "met"
        if until is not None and until <= instant:
            return None, "moved"
        resumed = _resumed(story, instant)
        if resumed is None:
            return None, "paused"
        if resumed <= instant:
            return instant, "open"
        instant = day_after(local_day(resumed))


def _resumed(story: Story, instant: datetime) -> datetime | None:
    """The instant itself if the dossier is not paused then, else that of its resumption; null
    while it is paused with no end known."""
    paused = False
    for change in story.statuses:
        if change.at <= instant:
            paused = change.status in PAUSES
        elif paused and change.status not in PAUSES:
            return change.at
    return None if paused else instant


def state_of(version: Version, now: datetime) -> DeadlineState:
    """Where a due date stands at an instant."""
    if version.slips_at is not None and version.slips_at <= now:
        return "slipped"
    return version.rest


def rescheduled(
    versions: Sequence[Version], closed_at: datetime | None
) -> list[tuple[Version, Version]]:
    """(old, new) for each due date that slipped and was then replaced by a later one, while
    there was still something to wait for."""
    return [
        (old, new)
        for old, new in itertools.pairwise(versions)
        if old.slips_at is not None
        and new.due_day > old.due_day
        and (closed_at is None or new.known_at < closed_at)
    ]


@dataclass(frozen=True, slots=True)
class Kept:
    """A due date as it was kept before the rules changed by which we compute them."""

    due_day: date
    state: str
    number: int
    apologised: bool = False
    """Whether the applicant was told that it was missed."""


def overtaken(
    kept: Sequence[Kept], versions: Sequence[Version], closed_at: datetime | None, now: datetime
) -> tuple[Version, Version] | None:
    """(old, new) where other rules gave an open dossier another date than the one that was kept.

    Null where nothing is awaited, where the date is the same, where upstream states it, while the
    clock stands (its going on names a date), and where the new date has passed as well: that it
    was missed is all there is to say. The old one has slipped if the applicant was told so; the new
    one is known from now on.
    """
    awaited = [each for each in kept if each.state in ("open", "paused", "slipped")]
    if not awaited or not versions or closed_at is not None:
        return None
    last, new = max(awaited, key=lambda each: each.due_day), versions[-1]
    if not new.computed or new.rest == "paused" or new.due_day < local_day(now):
        return None
    if any(each.due_day == last.due_day for each in versions):
        return None
    slipped = day_after(last.due_day) if last.apologised else None
    if slipped is not None and new.due_day <= local_day(now):
        return None
    old = Version(
        last.number, start_of(last.due_day), last.due_day, now, now, slipped, "moved", True
    )  # fmt: skip
    return old, replace(new, known_at=now)


def duty_state(duty: Duty, fulfilled_at: datetime | None) -> tuple[DeadlineState, datetime | None]:
    """Where a duty stands, and when it slips or has slipped: null for never."""
    if duty.waiver is not None:
        return "excused", None
    if duty.due is None:
        return ("met" if fulfilled_at else "undecided"), None
    if fulfilled_at is not None and fulfilled_at < duty.due:
        return "met", None
    return "open", duty.due
