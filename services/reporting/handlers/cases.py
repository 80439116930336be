"""The single dossiers behind figures: candidates are folded anew and held against what is asked."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting import rules
from services.reporting.rules import Figure, Stray, Territory
from services.reporting.store import cases as store
from services.reporting.store import facts
from shared import rulebook
from shared.clock import start_of
from shared.dossiers import Story
from shared.due_dates import Timeline
from shared.units import UnitRegistry

FEWEST, AT_ONCE = 100, 800
"""Dossiers that are folded together: few while most of them are wanted, more where they are rare."""
MOST_FOLDED = 20_000
"""Dossiers that one request looks at: then its page ends early, with where to go on."""


class Asking(Protocol):
    """What is asked of a question here."""

    @property
    def first(self) -> date: ...
    @property
    def last(self) -> date: ...
    @property
    def known(self) -> date: ...
    @property
    def territory(self) -> Territory: ...
    @property
    def units(self) -> frozenset[str] | None: ...
    @property
    def field(self) -> str | None: ...
    @property
    def after(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Case:
    """A dossier, and the day by which its unit is meant."""

    code: str
    story: Story | Stray
    era: date


@dataclass(frozen=True, slots=True)
class Page:
    """Dossiers in the order of their codes; `next` is where to go on, null at the end."""

    found: list[Case]
    next: str | None


Keep = Callable[[list[Figure]], bool]


async def behind(
    session: AsyncSession,
    question: Asking,
    registry: UnitRegistry,
    condition: str | None,
    keep: Keep,
    limit: int,
    most: int = MOST_FOLDED,
) -> Page:
    """A page of the dossiers whose figures are wanted.

    Args:
        condition: of `store.cases`: what every wanted dossier fulfils; null: those of which only
            statuses are known.
        keep: whether a dossier with these figures is wanted.
        most: how many dossiers are looked at.
    """
    found: list[Case] = []
    after, looked_at = question.after, 0
    last = min(question.last, date.max - timedelta(days=1))
    in_use = await rulebook.load(session)
    size = max(FEWEST, min(limit, AT_ONCE))
    while len(found) < limit and looked_at < most:
        codes = await store.candidates(
            session,
            condition,
            units=question.units,
            field=question.field,
            first_at=start_of(max(question.first, date(1900, 1, 1))),
            end_at=start_of(last + timedelta(days=1)),
            last=question.last,
            known=question.known,
            after=after,
            limit=size,
        )
        stored = await facts.load_dossiers(session, codes)
        # Folding stories is plain work: aside, so that the service goes on answering meanwhile.
        wanted = await asyncio.to_thread(
            lambda codes=codes, stored=stored: [
                one
                for code in codes
                if (one := _case(code, stored[code], question, registry, keep, in_use.of(code)))
            ]
        )
        room = limit - len(found)
        found += wanted[:room]
        looked_at += len(codes)
        if len(wanted) > room:
            return Page(found, found[-1].code)
        if len(codes) < size:
            return Page(found, None)
        after = codes[-1]
        size = min(2 * size, AT_ONCE)
    return Page(found, after)


def _case(
    code: str,
    told: facts.DossierFacts,
    question: Asking,
    registry: UnitRegistry,
    keep: Keep,
    timeline: Timeline,
) -> Case | None:
    story = rules.known_story(*told, question.known, timeline)
    if story is None:
        return None
    figures = []
    for (measure, unit, era, field, authority, day), n in rules.figures_of(
        story, registry.era
    ).items():
        place = question.territory.place(unit, era)
        if place is not None and question.field in (None, field):
            figures.append(Figure(measure, place, field, authority, day, n))
    if not keep(figures):
        return None
    told_at = story.told_at if isinstance(story, Stray) else story.submission.order[0]
    return Case(code, story, registry.era(told_at))


__all__ = ["Asking", "Case", "Page", "behind"]
