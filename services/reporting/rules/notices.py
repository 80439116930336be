"""What became of notices: the furthest state that had been heard of by any day."""

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import date
from typing import NamedTuple

RANK = ("sent", "failed", "delivered", "wrong")
"""The states of a notice, in the order in which one may replace another; `wrong` is a failure that
nothing replaces: somebody said that the number is not the applicant's."""
FAILURES = ("failed", "wrong")

NOTICE_FIGURES = ("notices", "sent", "delivered", "failed", "segments", "cost", "priced")
"""What is added up of notices; `priced` counts those whose cost is known."""


@dataclass(frozen=True, slots=True)
class Heard:
    """That a notice was in a state: on which day, and since when we know; and what was told with
    it of its segments and its cost."""

    day: date
    rday: date
    reason: str | None = None
    segments: int | None = None
    cost: int | None = None


@dataclass(frozen=True, slots=True)
class NoticeStory:
    """All that was heard of one notice, in whatever order; never to whom it went. `segments` and
    `cost` are those of states with which none were kept, by an older version."""

    notice: str
    unit: str
    channel: str
    template: str
    subject: str
    segments: int = 0
    cost: int | None = None
    audience: str | None = None
    heard: dict[str, Heard] = field(default_factory=dict)
    """State -> the first time that it was heard of."""

    def joined(self, other: "NoticeStory") -> "NoticeStory":
        """What both tell together."""
        heard = dict(self.heard)
        for state, news in other.heard.items():
            known = heard.get(state)
            heard[state] = news if known is None else _earlier(known, news)
        return NoticeStory(
            self.notice,
            self.unit,
            self.channel,
            self.template,
            self.subject,
            max(self.segments, other.segments),
            _most(self.cost, other.cost),
            self.audience or other.audience,
            heard,
        )


class NoticeCell(NamedTuple):
    """Where a notice is added."""

    unit: str
    channel: str
    business_day: date
    recorded_day: date


def notice_contributions(story: NoticeStory) -> dict[NoticeCell, tuple[int, ...]]:
    """What one notice adds to the sums, in the order of `NOTICE_FIGURES`: its day is the first on
    which anything was heard to have happened, its state the furthest heard of."""
    cells: dict[NoticeCell, Counter[str]] = {}
    before: tuple[date, Counter[str]] | None = None
    for rday in sorted({each.rday for each in story.heard.values()}):
        known = {state: each for state, each in story.heard.items() if each.rday <= rday}
        state = max(known, key=RANK.index)
        segments = _most(story.segments, *(each.segments for each in known.values()))
        cost = _most(story.cost, *(each.cost for each in known.values()))
        figures = Counter(
            notices=1,
            sent=int(state not in FAILURES),
            delivered=int(state == "delivered"),
            failed=int(state in FAILURES),
            segments=segments or 0,
            cost=cost or 0,
            priced=int(cost is not None),
        )
        after = (min(each.day for each in known.values()), figures)
        for sign, one in ((-1, before), (1, after)):
            if one is not None and before != after:
                cell = cells.setdefault(
                    NoticeCell(story.unit, story.channel, one[0], rday), Counter()
                )
                for name, n in one[1].items():
                    cell[name] += sign * n
        before = after
    return {
        cell: tuple(figures[name] for name in NOTICE_FIGURES)
        for cell, figures in cells.items()
        if any(figures.values())
    }


def _earlier(one: Heard, other: Heard) -> Heard:
    """The first news of a state; of two on one day with what both tell."""
    first = min(one, other, key=_first)
    if one.rday != other.rday:
        return first
    return replace(
        first,
        segments=_most(one.segments, other.segments),
        cost=_most(one.cost, other.cost),
    )


def _first(news: Heard) -> tuple[date, date, str]:
    return news.rday, news.day, news.reason or ""


def _most(*values: int | None) -> int | None:
    return max((each for each in values if each is not None), default=None)
