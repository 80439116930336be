"""The ways out: each provider with its circuit and what it has on its way."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from random import random

from services.notify.clients import Answer, Provider
from services.notify.rules import pace
from services.notify.rules.circuit import LIMIT, Circuit, State
from services.notify.rules.terms import Fit, Terms, Turns, candidates, fit, keeps_accents
from shared import clock

SHORT_REST = 1.0
LONGEST_REST = 300.0


@dataclass(slots=True)
class Lane:
    """One provider; ``limit`` is how many messages it may have on their way, fewer than its terms
    say while it asks for less."""

    provider: Provider
    circuit: Circuit = field(default_factory=Circuit)
    on_way: int = 0
    limit: float = 0.0
    rests_until: float = 0.0

    def __post_init__(self) -> None:
        self.limit = float(self.terms.at_once)

    @property
    def name(self) -> str:
        return self.provider.name

    @property
    def terms(self) -> Terms:
        return self.provider.terms

    def state(self, now: float) -> State:
        return self.circuit.state(now)

    def room(self, now: float) -> int:
        """How many more messages may be given to it now."""
        state = self.circuit.state(now)
        if state == "open" or now < self.rests_until:
            return 0
        most = 1 if state == "half_open" else int(self.limit)
        return max(0, most - self.on_way)

    def learn(self, answer: Answer, now: float) -> None:
        """Take in how an attempt ended."""
        if answer.rest:
            # It asks for less: half as many at once, and none for as long as it says.
            self.limit = max(1.0, self.limit / 2)
            self.rests_until = now + min(max(answer.rest, SHORT_REST), LONGEST_REST)
            return
        if answer.verdict == "unknown":
            self.circuit.fail(now, 1, random())
        elif answer.verdict == "again" and answer.blame:
            self.circuit.fail(now, LIMIT if answer.certain else 1, random())
        else:
            self.circuit.succeed()
            self.limit = min(float(self.terms.at_once), self.limit + 1 / max(self.limit, 1.0))


@dataclass(frozen=True, slots=True)
class Place:
    """Through which lane a message goes, and how it reads there; ``able`` are all that could take
    it. Where none of the channel can, ``fit.fault`` says why."""

    lane: Lane
    fit: Fit
    able: frozenset[str]


class Lanes:
    """All ways out, by channel, in the order in which they were configured."""

    def __init__(self, providers: Mapping[str, Sequence[Provider]]) -> None:
        self.by_channel = {
            channel: [Lane(each) for each in found] for channel, found in providers.items()
        }
        self.by_name = {lane.name: lane for lanes in self.by_channel.values() for lane in lanes}
        self._turns = {channel: Turns({}) for channel in self.by_channel}

    def __iter__(self) -> Iterable[Lane]:
        return iter(self.by_name.values())

    def rooms(self, most: int) -> dict[str, int]:
        """How many messages of each channel may leave now, ``most`` of each at the most."""
        now = clock.monotonic()
        rooms = {
            channel: min(most, sum(lane.room(now) for lane in lanes))
            for channel, lanes in self.by_channel.items()
        }
        return {channel: room for channel, room in rooms.items() if room > 0}

    def rated(self, channels: Iterable[str]) -> dict[str, float]:
        """The rate limits of the lanes of some channels, by name."""
        return {
            lane.name: lane.terms.rate
            for channel in channels
            for lane in self.by_channel[channel]
            if lane.terms.rate is not None
        }

    def place(
        self,
        channel: str,
        kind: str,
        body: str,
        segments: int,
        tried: Sequence[tuple[str, str | None]],
        tokens: dict[str, float],
    ) -> Place | None:
        """The lane of a message's next attempt; null if none is open now.

        ``tokens`` is what is left in the buckets of the rated lanes; one is taken.
        """
        now = clock.monotonic()
        lanes = {lane.name: lane for lane in self.by_channel[channel]}
        fits = {
            name: fit(lane.terms, channel, kind, body, segments) for name, lane in lanes.items()
        }
        fitting = {name: lanes[name].terms for name, each in fits.items() if each.fault is None}
        if not fitting:
            faults = {each.fault: name for name, each in fits.items()}
            name = faults.get("too_long") or next(iter(lanes))
            return Place(lanes[name], fits[name], frozenset())
        accented = {name: terms for name, terms in fitting.items() if keeps_accents(terms, body)}
        open_names = {
            name for name in fitting if lanes[name].room(now) > 0 and tokens.get(name, 1.0) >= 1.0
        }
        equal = candidates(accented or fitting, tried, open_names)
        if not equal and accented:
            # Better without accents than not at all.
            equal = candidates(fitting, tried, open_names)
        if not equal:
            return None
        chosen = self._turns[channel].take({name: fitting[name].weight for name in equal})
        if chosen in tokens:
            tokens[chosen] -= 1.0
        return Place(lanes[chosen], fits[chosen], frozenset(fitting))

    def another(self, able: Iterable[str], name: str, tried: Sequence[str]) -> bool:
        """Whether one of some lanes that a message has tried less often than ``name`` can be
        called now."""
        now = clock.monotonic()
        mine = tried.count(name)
        return any(
            each != name and tried.count(each) < mine and self.by_name[each].room(now) > 0
            for each in able
        )

    def wait(self, tokens: Mapping[str, float]) -> float | None:
        """Seconds until a lane that is out of tokens has one again; null if none is."""
        short = [
            pace.seconds_to_next(left, rate)
            for name, left in tokens.items()
            if left < 1.0 and (rate := self.by_name[name].terms.rate)
        ]
        return min(short) if short else None
