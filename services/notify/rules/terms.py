"""On what terms a provider is used, and which of several takes a message."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from services.notify.rules.texts import fits_gsm7, plain, segments


@dataclass(frozen=True, slots=True)
class Terms:
    """Args:
    priority: providers with a smaller number go first; the others stand in for them.
    weight: share of the messages among providers of one priority.
    rate: messages a second over all replicas; null for no limit.
    at_once: messages on their way at once, in one process.
    price: VND for a segment (or an email); null where unknown.
    most_segments: an SMS that takes more is not sent by this provider; null for no limit.
    unicode: whether it takes letters with accents; without, the text goes out without them.
    told_as: the channel that outcomes and reports name, where it is not that of the provider.
    kinds: the kinds of notice that it can send; null for all.
    """

    priority: int = 1
    weight: int = 1
    rate: float | None = None
    at_once: int = 16
    price: int | None = None
    most_segments: int | None = None
    unicode: bool = True
    told_as: str | None = None
    kinds: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Fit:
    """How a text leaves: ``fault`` says why it can't; else as ``body`` in so many segments."""

    body: str
    segments: int
    fault: str | None = None


def fit(terms: Terms, channel: str, kind: str, body: str, counted: int) -> Fit:
    """A text as a provider takes it; ``counted`` are its segments (0 for an email)."""
    if terms.kinds is not None:
        fault = None if kind in terms.kinds else "no_template"
        return Fit(body, 1, fault)
    if channel != "sms":
        return Fit(body, counted)
    if not terms.unicode and not fits_gsm7(body):
        body = plain(body)
        counted = segments(body)
    if terms.most_segments is not None and counted > terms.most_segments:
        return Fit(body, counted, "too_long")
    return Fit(body, counted)


def keeps_accents(terms: Terms, body: str) -> bool:
    """Whether a text stays as it was written."""
    return terms.unicode or fits_gsm7(body)


def cost(terms: Terms, counted: int) -> int | None:
    """VND for a message that was taken; null where the price is unknown."""
    return None if terms.price is None else terms.price * max(counted, 1)


@dataclass(slots=True)
class Turns:
    """Whose turn it is among providers of one priority: each gets its weight's share, spread as
    evenly as whole messages can be."""

    credit: dict[str, float]

    def take(self, weights: Mapping[str, int]) -> str:
        """The provider of the next message."""
        for name, weight in weights.items():
            self.credit[name] = self.credit.get(name, 0.0) + weight
        chosen = max(weights, key=lambda name: self.credit[name])
        self.credit[chosen] -= sum(weights.values())
        return chosen


def candidates(
    fitting: Mapping[str, Terms],
    tried: Sequence[tuple[str, str | None]],
    open_names: Collection[str],
) -> list[str]:
    """The providers among which the next attempt chooses, all equally good.

    Args:
        fitting: those that can take the message at all.
        tried: (provider, verdict) of the attempts so far.
        open_names: those that can be called now.

    One that has said that another is to send it is not asked again while others are left. Of the
    rest those with the fewest attempts go first, and of these the smallest priority.
    """
    passed = {name for name, verdict in tried if verdict == "elsewhere"}
    left = [name for name in fitting if name not in passed] or list(fitting)
    counts = {name: sum(each == name for each, _ in tried) for name in left}
    able = [name for name in left if name in open_names]
    if not able:
        return []
    fewest = min(counts[name] for name in able)
    able = [name for name in able if counts[name] == fewest]
    first = min(fitting[name].priority for name in able)
    return [name for name in able if fitting[name].priority == first]
