"""What became of notices: the furthest state that had been heard of by any day."""

from collections import Counter
from dataclasses import dataclass, field
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
    """That a notice was in a state: on which day, and since when we know."""

    day: date
    rday: date
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class NoticeStory:
    """All that was heard of one notice, in whatever order; never to whom it went."""

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
            heard[state] = news if known is None else min(known, news, key=_first)
        costs = [each for each in (self.cost, other.cost) if each is not None]
        return NoticeStory(
            self.notice,
            self.unit,
            self.channel,
            self.template,
            self.subject,
            max(self.segments, other.segments),
            max(costs, default=None),
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
        figures = Counter(
            notices=1,
            sent=int(state not in FAILURES),
            delivered=int(state == "delivered"),
            failed=int(state in FAILURES),
            segments=story.segments,
            cost=story.cost or 0,
            priced=int(story.cost is not None),
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


def _first(news: Heard) -> tuple[date, date, str]:
    return news.rday, news.day, news.reason or ""
