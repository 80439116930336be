"""What a call holds, and what becomes of each item of it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from services.intake.rules.lgsp_fields import PROGRESS, Flaw, Progress, Sync
from services.intake.rules.lgsp_telling import Dossier
from shared.keys import Key


@dataclass(frozen=True, slots=True)
class Item:
    """One element of a call's `data`; `turn` tells calls apart that are taken in together."""

    index: int
    service: str
    raw: Any
    arrival: datetime
    turn: int = 0


@dataclass(slots=True)
class Outcome:
    """What became of an item: accepted, duplicate, held or refused."""

    index: int
    code: str | None
    status: str
    message: str
    errors: list[Flaw] = field(default_factory=list)
    notes: tuple[Flaw, ...] = ()
    events: list[str] = field(default_factory=list)
    """The ids of the events that came of it."""

    def as_dict(self) -> dict[str, Any]:
        return {
            "index": self.index,
            "MaHoSo": self.code,
            "status": self.status,
            "message": self.message,
            "errors": [flaw.as_dict() for flaw in self.errors],
            "notes": [flaw.as_dict() for flaw in self.notes],
            "events": self.events,
        }


@dataclass(slots=True)
class Group:
    """A dossier's sync, or all progress of one dossier in a call."""

    code: str
    items: list[Item]
    parsed: list[Sync | Progress]

    def continues(self, item: Item) -> bool:
        """Whether an item is more progress of the same call."""
        first = self.items[0]
        return item.service == first.service == PROGRESS and item.turn == first.turn

    @property
    def arrival(self) -> datetime:
        return self.items[0].arrival

    @property
    def sync(self) -> Sync | None:
        first = self.parsed[0]
        return first if isinstance(first, Sync) else None


@dataclass(frozen=True, slots=True)
class Call:
    """Who called, and under which source and unit code."""

    source: str
    madonvi: str
    key: Key

    @property
    def place(self) -> str:
        """Under what its dossiers are kept: a key of the sandbox has a place of its own."""
        return f"sandbox {self.key.id} {self.source}" if self.key.sandbox else self.source


@dataclass(slots=True)
class Telling:
    """A group's events among all that are examined together."""

    group: Group
    state: Dossier
    fresh: set[int]
    """Positions in the group of what is new."""
    first: int
    last: int
