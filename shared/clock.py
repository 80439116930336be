"""The only place that reads the clock. Days are days in Viet Nam, whatever zone the machine is in."""

import time as _time
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

VN = ZoneInfo("Asia/Ho_Chi_Minh")


def now() -> datetime:
    """The present instant, aware, in UTC."""
    return datetime.now(UTC)


def today() -> date:
    """The present day in Viet Nam."""
    return local_day(now())


def local_day(instant: datetime) -> date:
    """The day in Viet Nam on which an aware instant falls."""
    return instant.astimezone(VN).date()


def start_of(day: date) -> datetime:
    """Midnight in Viet Nam at which a day begins, aware."""
    return datetime(day.year, day.month, day.day, tzinfo=VN)


def monotonic() -> float:
    """Seconds of a clock that never goes back: for durations only."""
    return _time.monotonic()
