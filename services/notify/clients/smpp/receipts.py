"""Delivery receipts of a carrier: by parameters, or by the text that has become custom."""

import re
from typing import Literal

from services.notify.clients.calls import Report
from services.notify.clients.smpp.pdu import (
    MESSAGE_STATE,
    RECEIPT_CLASSES,
    RECEIPTED_ID,
    Delivered,
)
from services.notify.rules.receipts import Receipt

Ids = Literal["same", "hex_in_answers", "hex_in_receipts"]
"""Some carriers write a message's id in hex in one place and in decimal in the other."""

STATES: dict[int, Receipt] = {
    1: "buffered", 2: "delivered", 3: "failed", 4: "failed", 5: "failed", 6: "accepted",
    8: "failed",
}  # fmt: skip
"""``message_state`` (5.2.28); 7, unknown, teaches nothing."""

WORDS: dict[str, Receipt] = {
    "ENROUTE": "buffered", "DELIVRD": "delivered", "EXPIRED": "failed", "DELETED": "failed",
    "UNDELIV": "failed", "ACCEPTD": "accepted", "REJECTD": "failed",
}  # fmt: skip
_ID = re.compile(r"\bid:\s*([^\s:]+)", re.IGNORECASE)
_STATE = re.compile(r"\bstat:\s*([A-Za-z]+)", re.IGNORECASE)


def read_receipt(delivered: Delivered, ids: Ids = "same") -> Report | None:
    """The receipt that was brought; null for anything else, as what a citizen writes back."""
    if delivered.esm_class & 0x3C not in RECEIPT_CLASSES and (
        RECEIPTED_ID not in delivered.parameters
    ):
        return None
    coding = "utf-16-be" if delivered.coding == 8 else "latin-1"
    text = delivered.message.decode(coding, "replace")
    named = delivered.parameters.get(RECEIPTED_ID, b"").split(b"\0")[0].decode("latin-1").strip()
    if not named and (found := _ID.search(text)):
        named = found.group(1)
    state = delivered.parameters.get(MESSAGE_STATE, b"")[:1]
    receipt = STATES.get(state[0]) if state else None
    code = f"state {state[0]}" if state else ""
    if not state and (found := _STATE.search(text)):
        word = found.group(1).upper()[:7]
        receipt, code = WORDS.get(word), word if word in WORDS else ""
    if not named or receipt is None:
        return None
    return Report(receipt, f"receipt {code}", message_id=of_receipt(named, ids))


def of_answer(named: str, ids: Ids) -> str:
    """A message's id as an answer gives it, in the spelling by which we keep it."""
    return _decimal(named) if ids == "hex_in_answers" else _plain(named)


def of_receipt(named: str, ids: Ids) -> str:
    """A message's id as a receipt gives it, in the spelling by which we keep it."""
    return _decimal(named) if ids == "hex_in_receipts" else _plain(named)


def _plain(named: str) -> str:
    text = named.lower()
    return text.lstrip("0") or "0" if text.isdigit() else text


def _decimal(named: str) -> str:
    try:
        return str(int(named, 16))
    except ValueError:
        return _plain(named)
