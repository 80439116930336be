"""What is handed to a provider, and how its answer is read."""

from dataclasses import dataclass
from typing import Literal, Protocol

Verdict = Literal["accepted", "refused", "again", "unknown"]
"""``again``: surely not taken, may be tried later. ``unknown``: perhaps taken, never to be resent
without a person's word."""


@dataclass(frozen=True, slots=True)
class Answer:
    """How an attempt ended. ``detail`` is a short code such as ``http 503``, never free text:
    what a provider says may repeat the address."""

    verdict: Verdict
    detail: str


@dataclass(frozen=True, slots=True)
class Parcel:
    """One message on its way to one address.

    ``reference`` identifies the attempt towards the provider and cannot be guessed;
    ``notice`` is the same in every attempt.
    """

    notice: str
    reference: str
    address: str
    subject: str | None
    body: str


class Provider(Protocol):
    """A way out for the messages of one channel."""

    name: str
    channel: str

    async def send(self, parcel: Parcel) -> Answer:
        """Try once. Every failure is an answer; only cancellation is raised."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
