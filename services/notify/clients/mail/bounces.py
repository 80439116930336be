"""What mail servers report of letters they had taken: delivered, late, come back (RFC 3464)."""

import re
from collections.abc import Iterator, Mapping, Sequence
from email import message_from_bytes
from email.message import Message
from email.policy import compat32
from email.utils import parseaddr

from services.notify.clients.calls import Call, Report, Unreadable
from services.notify.rules.receipts import Receipt

ACTIONS: Mapping[str, Receipt] = {
    "failed": "failed",
    "delayed": "buffered",
    "delivered": "delivered",
    "relayed": "accepted",
    "expanded": "accepted",
}
"""What a report's action says of a letter."""
ADDRESSED = ("X-Original-To", "Delivered-To", "Envelope-To", "To")
"""Headers that tell which address a report was sent to, the surest first."""
_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")


class Bounces:
    """Gives each letter an address of its own to come back to, and reads what comes back.

    The address holds the attempt's reference, which only we and the servers on the way know: it is
    the key of a report.

    Args:
        address: a mailbox whose server takes ``name+anything@domain`` too.
    """

    reply: str | None = None

    def __init__(self, address: str) -> None:
        self.local, _, self.domain = parseaddr(address)[1].rpartition("@")
        self._marked = re.compile(
            rf"{re.escape(self.local)}\+([\w-]{{32}})@{re.escape(self.domain)}", re.ASCII | re.I
        )

    def mark(self, reference: str) -> str:
        """The address to which a letter comes back."""
        return f"{self.local}+{reference}@{self.domain}"

    def read(self, call: Call) -> Sequence[Report]:
        """What a report says of its letter; nothing for what people or their programs answer.

        Raises:
            Unreadable: it went to no address of ours, or is a report that says nothing.
        """
        letter = message_from_bytes(call.body, policy=compat32)
        reference = self._reference(letter)
        if reference is None:
            raise Unreadable("To")
        if letter.get_content_type() != "multipart/report":
            return []
        said = list(_recipients(letter))
        if not said:
            raise Unreadable("Action")
        action, status = said[0]  # a letter of ours has one recipient
        return [Report(action, f"smtp {status}".rstrip(), reference)]

    def _reference(self, letter: Message) -> str | None:
        for name in ADDRESSED:
            for text in letter.get_all(name, ()):
                if found := self._marked.search(str(text)):
                    return found[1]
        return None


def _recipients(letter: Message) -> Iterator[tuple[Receipt, str]]:
    """(what it says, status code) of each recipient in a report."""
    for part in letter.walk():
        if part.get_content_type() != "message/delivery-status":
            continue
        for group in part.get_payload() if part.is_multipart() else ():
            action = ACTIONS.get(str(group.get("Action", "")).strip().lower())
            if action is not None:
                status = _STATUS.search(str(group.get("Status", "")))
                yield action, status[0] if status else ""
