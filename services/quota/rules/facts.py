"""Events as quota keeps them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from shared import dossiers

SUBMITTED = "motcua.dossier.submitted.v1"
STATUS_CHANGED = "motcua.dossier.status_changed.v1"
TOTAL_RECORDED = "motcua.total.recorded.v1"


@dataclass(frozen=True, slots=True)
class Fact:
    """An event as quota keeps it; a ``backfill`` was loaded afterwards, so nobody is told of it."""

    uid: bytes
    type: str
    occurred_at: datetime
    source: str
    event_id: str
    rday: date
    data: Mapping[str, Any] = field(hash=False)
    voided_rday: date | None = None
    backfill: bool = False

    @property
    def order(self) -> tuple[datetime, str, str]:
        return (self.occurred_at, self.source, self.event_id)

    def known(self, day: date | None) -> bool:
        """Whether it stands by what was recorded up to the end of a day; None = all."""
        if self.voided_rday is not None and (day is None or self.voided_rday <= day):
            return False
        return day is None or self.rday <= day


def turning_days(facts: Iterable[Fact]) -> list[date]:
    """The recorded days on which something became known or was withdrawn."""
    days = set()
    for fact in facts:
        days.add(fact.rday)
        if fact.voided_rday is not None:
            days.add(fact.voided_rday)
    return sorted(days)


def submission(fact: Fact) -> dossiers.Submission:
    """A stored submission as the common reading of dossiers takes it."""
    data = fact.data
    return dossiers.Submission(
        order=fact.order,
        unit=data["unit"],
        credited_unit=data.get("credited_unit"),
        field=data["field"],
        procedure=data["procedure"],
        authority=data["authority"],
        channel=data["channel"],
        submitted_at=datetime.fromisoformat(data["submitted_at"]),
        received_at=_instant(data.get("received_at")),
        due_at=_instant(data.get("due_at")),
        rday=fact.rday,
        uid=fact.uid,
    )


def status_change(fact: Fact) -> dossiers.StatusChange:
    """A stored status change as the common reading of dossiers takes it."""
    data = fact.data
    return dossiers.StatusChange(
        order=fact.order,
        unit=data["unit"],
        status=data["status"],
        at=datetime.fromisoformat(data["at"]),
        due_at=_instant(data.get("due_at")),
        rday=fact.rday,
        uid=fact.uid,
    )


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
