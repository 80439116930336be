"""What reports look things up in."""

from dataclasses import dataclass, field
from datetime import date

from services.reporting import rules
from services.reporting.handlers.keeping import Keeping
from services.reporting.handlers.reports.answer import Row
from services.reporting.handlers.reports.question import Question
from services.reporting.rules import Place
from shared.plans import PlanVersion, Versions
from shared.units import UnitRegistry
from shared.working_days import WorkingDays

MOST_NAMES = 50_000
"""Names of units in periods that are kept from one question to the next."""


@dataclass(frozen=True, slots=True)
class Book:
    """What reports look things up in: units, working days, all versions of the plans."""

    registry: UnitRegistry
    working: WorkingDays
    plans: tuple[Versions[PlanVersion], ...] = ()
    small_sample: int = 30
    """Scores of fewer answers are marked."""
    keeping: Keeping = field(default_factory=Keeping, compare=False, repr=False)
    _named: dict[tuple[Place, date, date], Row] = field(
        default_factory=dict, compare=False, repr=False
    )

    @property
    def full(self) -> bool:
        """Whether so many names were looked up that it is time for another book."""
        return len(self._named) > MOST_NAMES

    def asked(self, question: Question) -> list[Versions[PlanVersion]]:
        """The plans that a question is about."""
        return [each for each in self.plans if question.plan in (None, each.newest.plan.plan)]

    def named(self, place: Place, question: Question) -> Row:
        """A unit as rows show it; with each name that it bore in the period, and since when it
        bears its code: two units that bore one code are two rows."""
        mark = (place, question.first, question.last)
        known = self._named.get(mark)
        if known is None:
            since = place.since or self.registry.bearer(place.unit, question.last)
            names = rules.names_of(
                self.registry, Place(place.unit, since), question.first, question.last
            )
            known = self._named[mark] = {
                "unit": place.unit,
                "unit_name": " → ".join(names),
                "unit_valid_from": None if since is None else since.isoformat(),
            }
        return dict(known)

    def placed(self, unit: str, day: date) -> Place:
        """The unit that a code means on a day."""
        return Place(unit, self.registry.bearer(unit, day))
