"""The messages of SMPP 3.4 that we speak, as bytes and back.

Section numbers are those of the specification (SMPP v3.4, issue 1.2).
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

GENERIC_NACK = 0x80000000
BIND_TRANSCEIVER = 0x00000009
SUBMIT_SM = 0x00000004
DELIVER_SM = 0x00000005
UNBIND = 0x00000006
ENQUIRE_LINK = 0x00000015
DATA_SM = 0x00000103
RESPONSE = 0x80000000

OK = 0x00
SYSTEM_ERROR = 0x08
RETRY_LATER = 0x64  # ESME_RX_T_APPN: "temporary application error"
THROTTLED = frozenset({0x14, 0x58})  # the queue is full; too fast

SAR_REFERENCE, SAR_TOTAL, SAR_NUMBER = 0x020C, 0x020E, 0x020F
RECEIPTED_ID, MESSAGE_STATE, MESSAGE_PAYLOAD = 0x001E, 0x0427, 0x0424
UDH_INDICATOR = 0x40
RECEIPT_CLASSES = frozenset({0x04, 0x08, 0x20})  # receipt, acknowledgement, on its way (5.2.12)

HEADER = struct.Struct(">IIII")
LONGEST = 64 << 10


class Malformed(ValueError):
    """Bytes that are no PDU."""


@dataclass(frozen=True, slots=True)
class Pdu:
    """One message (section 3.2)."""

    command: int
    status: int
    sequence: int
    body: bytes = b""

    def encode(self) -> bytes:
        """As it goes over the wire."""
        head = HEADER.pack(HEADER.size + len(self.body), self.command, self.status, self.sequence)
        return head + self.body


def decode(data: bytes) -> Pdu:
    """A whole PDU; raises ``Malformed``."""
    if len(data) < HEADER.size:
        raise Malformed("short")
    length, command, status, sequence = HEADER.unpack_from(data)
    if length != len(data):
        raise Malformed("length")
    return Pdu(command, status, sequence, data[HEADER.size :])


def text(value: str, most: int) -> bytes:
    """A C-octet string of at most ``most`` bytes, its end included."""
    raw = value.encode("latin-1", "replace")
    return raw[: most - 1] + b"\0"


def bind(system_id: str, password: str, system_type: str) -> bytes:
    """The body of a bind (4.1.5); carriers take longer passwords than the eight characters of the
    specification."""
    names = text(system_id, 16) + text(password, 65) + text(system_type, 13)
    return names + bytes([0x34, 0, 0]) + b"\0"


@dataclass(frozen=True, slots=True)
class Address:
    """An address with its type of number and numbering plan (5.2.5, 5.2.6)."""

    ton: int
    npi: int
    number: str

    def encode(self) -> bytes:
        """As it stands in a PDU."""
        return bytes([self.ton, self.npi]) + text(self.number, 21)


@dataclass(frozen=True, slots=True)
class Content:
    """What a ``submit_sm`` carries: ``short`` of at most 254 bytes, or a payload among the
    ``parameters`` (tag -> value)."""

    coding: int
    short: bytes = b""
    udh: bool = False
    parameters: Mapping[int, bytes] = field(default_factory=dict)


def submit(
    sender: Address, to: Address, content: Content, receipt: bool, validity: str = ""
) -> bytes:
    """The body of a ``submit_sm`` (4.4.1)."""
    esm_class = UDH_INDICATOR if content.udh else 0
    body = b"\0" + sender.encode() + to.encode() + bytes([esm_class, 0, 0])
    body += b"\0" + text(validity, 17)
    body += bytes([1 if receipt else 0, 0, content.coding, 0, len(content.short)]) + content.short
    for tag, value in content.parameters.items():
        body += struct.pack(">HH", tag, len(value)) + value
    return body


def message_id(body: bytes) -> str:
    """The id in a ``submit_sm_resp`` (4.4.2); empty where there is none."""
    return body.partition(b"\0")[0].decode("latin-1").strip()


@dataclass(frozen=True, slots=True)
class Delivered:
    """What a ``deliver_sm`` or ``data_sm`` brings."""

    esm_class: int
    coding: int
    message: bytes
    parameters: Mapping[int, bytes]


def parse_deliver(pdu: Pdu) -> Delivered:
    """Read a ``deliver_sm`` (4.6.1) or ``data_sm`` (4.7.1); raises ``Malformed``."""
    reader = _Reader(pdu.body)
    reader.text()
    for _ in range(2):
        reader.take(2)
        reader.text()
    esm_class = reader.byte()
    if pdu.command == DATA_SM:
        reader.byte()
        coding, message = reader.byte(), b""
    else:
        reader.take(2)
        reader.text()
        reader.text()
        reader.take(2)
        coding = reader.byte()
        reader.byte()
        message = reader.take(reader.byte())
    parameters = reader.parameters()
    return Delivered(esm_class, coding, message or parameters.get(MESSAGE_PAYLOAD, b""), parameters)


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, length: int) -> bytes:
        if self.at + length > len(self.data):
            raise Malformed("cut off")
        self.at += length
        return self.data[self.at - length : self.at]

    def byte(self) -> int:
        return self.take(1)[0]

    def text(self) -> bytes:
        end = self.data.find(b"\0", self.at)
        if end < 0:
            raise Malformed("unterminated")
        found, self.at = self.data[self.at : end], end + 1
        return found

    def parameters(self) -> dict[int, bytes]:
        """What follows; a parameter that is cut off is left out."""
        found: dict[int, bytes] = {}
        while self.at + 4 <= len(self.data):
            tag, length = struct.unpack(">HH", self.take(4))
            if self.at + length > len(self.data):
                break
            found[tag] = self.take(length)
        return found
