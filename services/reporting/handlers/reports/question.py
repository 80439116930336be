"""What somebody wants to see, checked."""

from dataclasses import dataclass, replace
from datetime import date, datetime

from services.reporting.rules import Territory
from services.reporting.store.scope import Scope


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody wants to see, checked: see `handlers.asking`."""

    report: str
    first: date
    last: date
    """The last day judged: never after the day of asking."""
    until: date
    """The last day as it was asked for; it may lie ahead."""
    now: datetime
    """The instant of judging: the end of the last day, or the moment of asking."""
    known: date
    territory: Territory
    level: str | None = None
    by: str | None = None
    field: str | None = None
    domain: str | None = None
    plan: str | None = None
    obligation: str | None = None
    limit: int = 100
    offset: int = 0
    after: str = ""
    """The dossier code after which a page begins."""

    @property
    def scope(self) -> Scope:
        return Scope(self.first, self.last, self.known, self.territory, self.field)

    @property
    def units(self) -> frozenset[str] | None:
        """The codes of the units looked at, at whatever time; null for all."""
        if self.territory.open:
            return None
        return frozenset(span.unit for span in self.territory.spans)

    def regrouped(self, by: str) -> "Question":
        """The same question with its rows grouped otherwise."""
        return replace(self, by=by)

    def since(self, first: date) -> "Question":
        """The same question from another first day on."""
        return replace(self, first=first)
