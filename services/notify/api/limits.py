"""How often strangers may ask: a bucket for each of them, in memory."""

from collections import OrderedDict

from shared import clock

REMEMBERED = 20_000


class Limiter:
    """Lets each caller ask ``burst`` times at once and ``per_minute`` times a minute.

    Kept in each replica for itself, and for the callers that were last seen.
    """

    def __init__(self, per_minute: float, burst: int) -> None:
        self.rate, self.burst = per_minute / 60, float(burst)
        self.seen: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, caller: str) -> int:
        """Count a request; the seconds after which it may be made, 0: it may."""
        now = clock.monotonic()
        left, at = self.seen.pop(caller, (self.burst, now))
        left = min(self.burst, left + (now - at) * self.rate)
        allowed = left >= 1
        self.seen[caller] = (left - 1 if allowed else left, now)
        while len(self.seen) > REMEMBERED:
            self.seen.popitem(last=False)
        return 0 if allowed else max(1, round((1 - left) / self.rate))
