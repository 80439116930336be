"""How a carrier is reached and what it expects."""

from dataclasses import dataclass

from services.notify.clients.smpp.contents import Long
from services.notify.clients.smpp.pdu import Address
from services.notify.clients.smpp.receipts import Ids


@dataclass(frozen=True, slots=True)
class SmppOptions:
    """Args:
    window: ``submit_sm`` that may be unanswered at once.
    sender: the name or number that a handset shows.
    sender_type: (TON, NPI) of the sender; null: alphanumeric for a name, else unknown.
    long: how what does not fit one SMS goes.
    ids: how ids are spelled.
    receipts: whether to ask for them.
    validity: how long the carrier tries, as SMPP writes it (7.1.1), or empty.
    timeout: seconds for each answer.
    enquire: seconds of silence after which the line is tried.
    refused, again: statuses to take otherwise than usual.
    """

    host: str
    port: int
    system_id: str = ""
    password: str = ""
    tls: bool = False
    system_type: str = ""
    window: int = 10
    sender: str = ""
    sender_type: tuple[int, int] | None = None
    long: Long = "udh"
    ids: Ids = "same"
    receipts: bool = True
    validity: str = ""
    timeout: float = 20.0
    enquire: float = 30.0
    refused: frozenset[int] = frozenset()
    again: frozenset[int] = frozenset()

    @property
    def source(self) -> Address:
        """The sender as an address."""
        digits = self.sender.removeprefix("+")
        if self.sender_type is not None:
            return Address(*self.sender_type, digits if digits.isdigit() else self.sender)
        if not self.sender:
            return Address(0, 0, "")
        if digits.isdigit():
            return Address(1 if self.sender.startswith("+") else 0, 1, digits)
        return Address(5, 0, self.sender)
