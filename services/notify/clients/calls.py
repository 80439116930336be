"""A call of a provider that reports what became of our messages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import parse_qs

from services.notify.rules.receipts import Receipt, read_receipt


@dataclass(frozen=True, slots=True)
class Call:
    """What came in by HTTP; ``headers`` by lower-case names."""

    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Report:
    """What is said of one message, which goes by our ``reference`` or the provider's
    ``message_id``."""

    receipt: Receipt
    detail: str
    reference: str | None = None
    message_id: str | None = None


class Forbidden(Exception):
    """The call does not come from the provider."""


class Unreadable(ValueError):
    """The call says nothing that its description knows; ``field`` is where it was looked for."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


class Reporter(Protocol):
    """Who can read the calls of a provider."""

    reply: str | None

    def read(self, call: Call) -> Sequence[Report]:
        """The reports in a call, none where it is about nothing of ours.

        Raises:
            Forbidden: it is not from the provider.
            Unreadable: it is no report.
        """
        ...


class KannelReports:
    """Receipts as Kannel sends them: our reference and a bit mask. The reference, which only we
    and the gateway know, is their key."""

    reply: str | None = None

    def read(self, call: Call) -> Sequence[Report]:
        """The one report of a call; raises ``Unreadable``."""
        given = form_of(call.body) | dict(call.query)
        mask = given.get("type", "")
        number = int(mask) if mask.isascii() and mask.isdigit() and len(mask) <= 6 else 0
        receipt = read_receipt(number)
        if receipt is None:
            raise Unreadable("type")
        return [Report(receipt, f"receipt {mask}", given.get("ref") or "-")]


def form_of(body: bytes) -> dict[str, str]:
    """The fields of a form, the last of each name."""
    text = body.decode("utf-8", "replace")
    return {name: values[-1] for name, values in parse_qs(text, keep_blank_values=True).items()}
