"""When a source is silent, or far below what is usual for it.

A day is judged once its offices have closed: the last working day whose closing hour has passed.
What is usual is the median of the same weekday in the weeks before, working days only; where
there are fewer than two of them (a make-up Saturday), of all working days. A source that sends
again, or makes up for it, on the day that is running is not silent.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median
from typing import Literal

State = Literal["ok", "quiet", "silent", "new"]
FEWEST_DAYS = 2
QUIET_FROM = 5
"""Below that many events a day, few are not told from fewer."""
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Policy:
    """``share``: below this share of what is usual a source is quiet."""

    hour: int
    weeks: int
    history_days: int
    share: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a source is. ``usual``: events that today is worth; ``since``: the day that was judged."""

    state: State
    usual: float | None
    since: date | None


def judge(
    accepted: Mapping[date, int],
    first_day: date,
    today: date,
    hour: int,
    is_working: Callable[[date], bool],
    policy: Policy,
) -> Verdict:
    """How a source is at an hour of a day (Viet Nam), from the events accepted on each day."""
    usual = usual_on(accepted, first_day, today, is_working, policy)
    day = today if is_working(today) and hour >= policy.hour else today - _DAY
    while not is_working(day):
        day -= _DAY
    count = sum(n for when, n in accepted.items() if day <= when <= today)
    began = day if count else _began(accepted, first_day, day, is_working)
    # A silence is held against what came before it: it must not become what is usual.
    expected = usual_on(accepted, first_day, began, is_working, policy)
    if expected is None or (day - first_day).days < policy.history_days:
        return Verdict("new", usual, None)
    if expected > 0 and count == 0:
        return Verdict("silent", usual, began)
    if expected >= QUIET_FROM and count < policy.share * expected:
        return Verdict("quiet", usual, day)
    return Verdict("ok", usual, None)


def usual_on(
    accepted: Mapping[date, int],
    first_day: date,
    day: date,
    is_working: Callable[[date], bool],
    policy: Policy,
) -> float | None:
    """Events that are usual on a day: 0 on a day off, None where too little is known."""
    if not is_working(day):
        return 0.0
    earliest = max(first_day, day - timedelta(weeks=policy.weeks))
    days = [day - _DAY * n for n in range(1, (day - earliest).days + 1)]
    worked = [each for each in days if is_working(each)]
    alike = [each for each in worked if each.weekday() == day.weekday()]
    counted = alike if len(alike) >= FEWEST_DAYS else worked
    if len(counted) < FEWEST_DAYS:
        return None
    return float(median(accepted.get(each, 0) for each in counted))


def _began(
    accepted: Mapping[date, int], first_day: date, day: date, is_working: Callable[[date], bool]
) -> date:
    """The first working day of a silence that lasted on ``day``."""
    began = day
    while day > first_day and not accepted.get(day):
        if is_working(day):
            began = day
        day -= _DAY
    return began
