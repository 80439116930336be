"""When a provider that fails is left alone, and when it is tried again."""

from dataclasses import dataclass
from typing import Literal

State = Literal["closed", "half_open", "open"]

LIMIT = 3
"""So many points open the circuit: a provider that cannot be used gives all of them at once, an
answer that never came gives one."""
FIRST_SECONDS = 3.0
LONGEST_SECONDS = 15.0


@dataclass(slots=True)
class Circuit:
    """One provider's circuit; instants are seconds of a clock that never goes back."""

    points: int = 0
    openings: int = 0
    until: float = 0.0

    def state(self, now: float) -> State:
        """``open``: not to be called; ``half_open``: one message may try."""
        if self.points < LIMIT:
            return "closed"
        return "half_open" if now >= self.until else "open"

    def succeed(self) -> None:
        """The provider works."""
        self.points, self.openings = 0, 0

    def fail(self, now: float, points: int, chance: float) -> None:
        """It does not; ``chance`` in [0, 1) spreads the next try, so that replicas don't knock
        together."""
        if self.state(now) == "open":
            return
        probing = self.state(now) == "half_open"
        self.points += points
        if probing or self.points >= LIMIT:
            self.points = max(self.points, LIMIT)
            base = min(LONGEST_SECONDS, FIRST_SECONDS * 2 ** min(self.openings, 20))
            self.openings += 1
            self.until = now + base * (0.75 + chance / 4)
