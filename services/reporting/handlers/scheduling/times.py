"""The times of an order that is kept."""

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any

from services.reporting.rules import schedules as rules
from services.reporting.rules.schedules import When
from shared.working_days import WorkingDays


def when_of(body: Mapping[str, Any]) -> When:
    """The time of an order that is kept."""
    told = body["when"]
    lead = timedelta(minutes=told["lead_minutes"])
    before = time.fromisoformat(told["before"])
    return When(told["every"], before, lead, tuple(told["days"]), told["days_off"])


def next_time(body: Mapping[str, Any], after: datetime, working: WorkingDays) -> datetime | None:
    """When it is built next; null where it never is."""
    found = rules.occasions(when_of(body), after, 1, working)
    return found[0].build_at if found else None
