"""What is handed to a provider, and how its answer is read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from services.notify.rules.terms import Terms

Verdict = Literal["accepted", "refused", "elsewhere", "again", "unknown"]
"""``refused``: for good. ``elsewhere``: not by this provider, perhaps by another. ``again``: surely
not taken, may be tried later. ``unknown``: perhaps taken, never to be resent without a person's
word."""


@dataclass(frozen=True, slots=True)
class Answer:
    """How an attempt ended.

    Args:
        detail: a short code such as ``http 503``, never free text: what a provider says may
            repeat the address.
        ids: what the provider calls the message, one for each part that it took; receipts may
            come under these.
        parts: how many parts the message has; more than ``ids`` where some were not taken.
        blame: whether a verdict of ``again`` speaks against the provider, so that others go first.
        certain: whether this blame is beyond doubt; where the recipient may be the reason as well,
            several in a row are needed.
        rest: seconds for which the provider asked to be left alone.
    """

    verdict: Verdict
    detail: str
    ids: tuple[str, ...] = ()
    parts: int = 1
    blame: bool = True
    certain: bool = True
    rest: float = 0.0


@dataclass(frozen=True, slots=True)
class Attached:
    """A file that goes with a message; its name and kind in ASCII and Unicode as people read it."""

    name: str
    media_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Parcel:
    """One message on its way to one address.

    ``reference`` identifies the attempt towards the provider and cannot be guessed;
    ``notice`` is the same in every attempt. ``kind`` and ``values`` are for providers that fill in
    templates of their own; ``files`` are for those that carry any. ``unsubscribe`` is where its
    reader can have an end of such messages.
    """

    notice: str
    reference: str
    address: str
    subject: str | None
    body: str
    kind: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    files: tuple[Attached, ...] = ()
    unsubscribe: str | None = None


class Provider(Protocol):
    """A way out for the messages of one channel."""

    name: str
    channel: str
    terms: Terms

    async def send(self, parcel: Parcel) -> Answer:
        """Try once. Every failure is an answer; only cancellation is raised."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
