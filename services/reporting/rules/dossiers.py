"""What one dossier adds to the daily sums, and when it was overdue.

Every figure about dossiers is a running sum of small signed contributions, each placed on two
axes: the business day it belongs to and the recorded day on which we learnt it. Adding up what
lies on or before two chosen days gives the figure as it was known then, and the cost of a report
depends on days and units only.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, NamedTuple, get_args

from services.reporting.rules.blocks import FOREVER
from shared.clock import local_day
from shared.dossiers import (
    StatusChange,
    Story,
    Submission,
    known,
    read_story,
    status_order,
    turning_days,
)
from shared.due_dates import NO_TIMELINE, Timeline

Measure = Literal[
    "received_online",
    "received_counter_post",
    "resolved_early",
    "resolved_on_time",
    "resolved_late",
    "overdue",
    "missing_phone",
    "invalid_phone",
    "missing_name",
    "missing_returned_at",
    "eligible",
    "no_submission",
]
MEASURES: tuple[str, ...] = get_args(Measure)
"""What is added up of dossiers, each by its business day."""

Eras = Callable[[datetime], date]
"""The turn of the tree of units before an instant: says which bearer of a code was meant then, and
below which units it lay."""


class Cell(NamedTuple):
    """Where a contribution about dossiers is added; `era` is that of the event that counts."""

    measure: Measure
    unit: str
    era: date
    field: str
    authority: str
    business_day: date
    recorded_day: date


@dataclass(frozen=True, slots=True)
class Overdue:
    """Days on which a dossier was overdue, and the recorded days on which that was what we knew.

    `until` and `known_until` are excluded; FOREVER where no end is known.
    """

    unit: str
    era: date
    field: str
    department: str | None
    due_day: date
    since: date
    until: date
    known_from: date
    known_until: date


class Askable(NamedTuple):
    """A dossier's applicant can be asked since its result was returned on a day, and the recorded
    days on which that was what we knew; `known_until` is excluded, FOREVER where no end is known."""

    unit: str
    era: date
    field: str
    returned: date
    known_from: date
    known_until: date


@dataclass(frozen=True, slots=True)
class Stray:
    """A dossier of which statuses stand but no submission: its holder, since when that was told,
    and its first day."""

    unit: str
    told_at: datetime
    day: date


History = Sequence[tuple[date, Story | Stray | None]]
"""The story of one dossier as known on each day that changed what we knew, oldest first."""


def history(
    submissions: Sequence[Submission],
    statuses: Sequence[StatusChange],
    timeline: Timeline = NO_TIMELINE,
) -> History:
    """Folds the facts of one dossier code once for every day on which knowledge changed.

    Each day is read by the rules about due dates that held on it; where they may say something of
    the dossier, the days on which they changed count as such days, too.
    """
    days = turning_days([*submissions, *statuses])
    changes = timeline.days(one.procedure for one in submissions if one.due_at is None)
    if days and changes:
        days = sorted({*days, *(day for day in changes if day > days[0])})
    return [(day, known_story(submissions, statuses, day, timeline)) for day in days]


def known_story(
    submissions: Sequence[Submission],
    statuses: Sequence[StatusChange],
    day: date,
    timeline: Timeline = NO_TIMELINE,
) -> Story | Stray | None:
    """One dossier as known on a day, read by the rules about due dates that held on it."""
    return read_story(submissions, statuses, day, timeline.on(day)) or _stray(known(statuses, day))


def _stray(statuses: Sequence[StatusChange]) -> Stray | None:
    if not statuses:
        return None
    ordered = sorted(statuses, key=status_order)
    return Stray(ordered[-1].unit, ordered[-1].order[0], local_day(ordered[0].at))


def contributions(told: History, era: Eras) -> Counter[Cell]:
    """What one dossier adds to the daily sums.

    The story known on a day is set against the story known before, and the difference is placed
    on that recorded day.
    """
    cells: Counter[Cell] = Counter()
    before: Counter[tuple[Any, ...]] = Counter()
    for day, story in told:
        after = figures_of(story, era)
        for place in before.keys() | after.keys():
            change = after[place] - before[place]
            if change:
                cells[Cell(*place, day)] += change
        before = after
    return cells


def figures_of(story: Story | Stray | None, era: Eras) -> Counter[tuple[Any, ...]]:
    """What a story adds to the figures: (measure, unit, era, field, authority, channel, day) -> n."""
    figures: Counter[tuple[Any, ...]] = Counter()
    if isinstance(story, Stray):
        figures["no_submission", story.unit, era(story.told_at), "", "", story.day] = 1
        return figures
    if story is None or story.received_day is None:
        return figures
    of = era(story.submission.order[0])
    place = (story.unit, of, story.field, story.authority)
    way = "online" if story.channel == "online" else "counter_post"
    figures[f"received_{way}", *place, story.received_day] = 1
    if story.closed_day is not None:
        figures[f"resolved_{story.outcome}", *place, story.closed_day] = 1
    for day, change in story.overdue_changes():
        figures["overdue", *place, day] = change
    for measure, day in _quality(story):
        figures[measure, *place, day] = 1
    return figures


def _quality(story: Story) -> list[tuple[str, date]]:
    """What is wanting in a dossier's data, by day of receipt; and by day of return whether the
    return date was told, and whether the applicant can be asked: name and mobile number present."""
    flags = story.submission.quality or {}
    found: list[tuple[str, date]] = []
    assert story.received_day is not None
    for measure, field, flag in (
        ("missing_phone", "phone", "missing"),
        ("invalid_phone", "phone", "invalid"),
        ("missing_name", "name", "missing"),
    ):
        if flags.get(field) == flag:
            found.append((measure, story.received_day))
    returned = next((each for each in story.statuses if each.status == "returned"), None)
    if returned is not None:
        if story.returned_at is None:
            found.append(("missing_returned_at", local_day(returned.at)))
        if flags.get("name") == flags.get("phone") == "present":
            found.append(("eligible", local_day(story.returned_at or returned.at)))
    return found


def overdue_spells(told: History, era: Eras) -> list[Overdue]:
    """When one dossier was overdue, as known in each span of recorded days.

    Nobody asks for a day as known on an earlier one. So what was known only until the day on which
    a spell would have begun is left out; and a spell of which we learn on its last day that it has
    ended was the same spell all the time, only its end was to come.
    """
    found: list[Overdue] = []
    running: dict[tuple[Any, ...], date] = {}
    for day, story in told:
        spells = set()
        if isinstance(story, Story):
            place = (story.unit, era(story.submission.order[0]), story.field, story.department)
            spells = {
                (*place, one.due_day, one.since, one.until or FOREVER)
                for one in story.overdue_spells()
            }
        for spell in running.keys() - spells:
            known_from = running.pop(spell)
            *_, since, until = spell
            ended = (*spell[:-1], day)
            if until > day and ended in spells:
                running[ended] = known_from
            elif day > since:
                found.append(Overdue(*spell, known_from=known_from, known_until=day))
        for spell in spells - running.keys():
            running[spell] = day
    found += [
        Overdue(*spell, known_from=day, known_until=FOREVER) for spell, day in running.items()
    ]
    return sorted(found, key=lambda one: (one.known_from, one.since, one.due_day))


def askable(cells: Mapping[Cell, int]) -> list[Askable]:
    """When a dossier's applicant could be asked, as known in each span of recorded days, of what it
    adds to the sums. Nobody asks for a day as known on an earlier one: what was known only until
    the day of the return is left out."""
    changes = sorted(
        (each for each in cells.items() if each[0].measure == "eligible"),
        key=lambda each: each[0].recorded_day,
    )
    found: list[Askable] = []
    running: dict[tuple[str, date, str, str, date], date] = {}
    for cell, n in changes:
        place = (cell.unit, cell.era, cell.field, cell.authority, cell.business_day)
        if n > 0:
            running[place] = cell.recorded_day
        else:
            since = running.pop(place)
            if cell.recorded_day > cell.business_day:
                found.append(_asked(place, since, cell.recorded_day))
    return found + [_asked(place, since, FOREVER) for place, since in running.items()]


def _asked(place: tuple[str, date, str, str, date], known_from: date, known_until: date) -> Askable:
    unit, era, field, _, returned = place
    return Askable(unit, era, field, returned, known_from, known_until)


def difference(before: Counter[Any], after: Counter[Any]) -> Counter[Any]:
    """What must be added to the sums so that `before` becomes `after`; no zeros."""
    change: Counter[Any] = Counter(after)
    for key, count in before.items():
        change[key] -= count
    return Counter({key: count for key, count in change.items() if count})
