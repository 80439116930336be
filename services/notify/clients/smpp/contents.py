"""How a text is cut into what ``submit_sm`` carries."""

import unicodedata
from typing import Literal

import smsutil

from services.notify.clients.smpp.pdu import (
    MESSAGE_PAYLOAD,
    SAR_NUMBER,
    SAR_REFERENCE,
    SAR_TOTAL,
    Content,
)

GSM, UCS2 = 0x00, 0x08
GSM_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_EXTENDED = {
    "\f": 0x0A, "^": 0x14, "{": 0x28, "}": 0x29, "\\": 0x2F,
    "[": 0x3C, "~": 0x3D, "]": 0x3E, "|": 0x40, "€": 0x65,
}  # fmt: skip
MOST_PARTS = 255

Long = Literal["udh", "payload", "sar"]
_BASIC = {character: bytes([code]) for code, character in enumerate(GSM_BASIC)}
_GSM = _BASIC | {character: bytes([0x1B, code]) for character, code in GSM_EXTENDED.items()}


def encode_gsm(text: str) -> bytes:
    """A text in the default alphabet of GSM 03.38, one character an octet, those of the extension
    two. Raises ``KeyError`` for others."""
    return b"".join(_GSM[character] for character in text)


def contents(text: str, reference: int, long: Long = "udh") -> list[Content]:
    """The parts of a text, each of which one ``submit_sm`` carries.

    Args:
        reference: the same for all parts, and another for the next message to that number.
        long: how parts are marked: by a user data header, by SAR parameters, or not cut at all
            but left to the carrier as one payload.

    Raises:
        ValueError: more parts than can be counted.
    """
    split = smsutil.split(unicodedata.normalize("NFC", text))
    gsm = split.encoding == "gsm0338"
    coding = GSM if gsm else UCS2
    parts = [
        encode_gsm(part.content) if gsm else part.content.encode("utf-16-be")
        for part in split.parts
    ]
    if len(parts) == 1:
        return [Content(coding, parts[0])]
    if len(parts) > MOST_PARTS:
        raise ValueError("too long")
    if long == "payload":
        return [Content(coding, parameters={MESSAGE_PAYLOAD: b"".join(parts)})]
    if long == "sar":
        return [
            Content(
                coding,
                part,
                parameters={
                    SAR_REFERENCE: (reference & 0xFFFF).to_bytes(2, "big"),
                    SAR_TOTAL: bytes([len(parts)]),
                    SAR_NUMBER: bytes([number]),
                },
            )
            for number, part in enumerate(parts, 1)
        ]
    return [
        Content(coding, bytes([5, 0, 3, reference & 0xFF, len(parts), number]) + part, udh=True)
        for number, part in enumerate(parts, 1)
    ]
