"""A carrier that speaks SMPP 3.4 over TCP, with the faults of real ones, by the number's last digit.

It reads ``submit_sm`` with another library than the product writes it with, and puts the parts of
a text together as a handset does.
"""

import asyncio
import contextlib
import itertools
import struct
import threading
from collections import Counter
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any

from smpplib import gsm, smpp
from smpplib.client import SimpleSequenceGenerator

DROPS, THROTTLES, EARLY, TWICE, LATE, REFUSES, FAILS, SLOW, STUMBLES = "123456789"
"""What the last digit of a number brings about; 0 is honest."""
OK, THROTTLED, BAD_NUMBER, SYSTEM_ERROR, BIND_FAILED = 0, 0x58, 0x0B, 0x08, 0x0D
DELIVERED, UNDELIVERABLE = (2, "DELIVRD"), (5, "UNDELIV")


class Ignorant:
    """What the library wants of a client to read a PDU with."""

    sequence_generator = SimpleSequenceGenerator()
    next_sequence = SimpleSequenceGenerator().next_sequence


@dataclass
class Part:
    """One ``submit_sm`` as it came."""

    number: str
    sender: str
    sender_ton: int
    coding: int
    registered: int
    reference: int | None
    total: int
    index: int
    octets: bytes

    @property
    def text(self) -> str:
        return self.octets.decode("utf-16-be") if self.coding == 8 else gsm_text(self.octets)


def gsm_text(octets: bytes) -> str:
    """Octets of the default alphabet as text."""
    found, escaped = [], False
    for octet in octets:
        if octet == 0x1B and not escaped:
            escaped = True
            continue
        found.append(gsm.GSM_CHARACTER_TABLE[octet + (0x80 if escaped else 0)])
        escaped = False
    return "".join(found)


@dataclass
class Carrier:
    """What was handed in, and how to behave."""

    parts: list[Part] = field(default_factory=list)
    tries: Counter = field(default_factory=Counter)
    binds: list[tuple[str, str]] = field(default_factory=list)
    port: int = 0
    refuse_binds: bool = False
    honest: bool = False
    receipts: bool = True
    by_text: bool = True
    rate: float = 0.0
    hex_answers: bool = False
    late_seconds: float = 1.5
    unanswered: int = 0
    most_unanswered: int = 0
    enquiries: int = 0
    unbinds: int = 0
    sessions: dict[int, asyncio.StreamWriter] = field(default_factory=dict)
    loop: asyncio.AbstractEventLoop | None = None
    acknowledged: Counter = field(default_factory=Counter)
    _ids: Iterator[int] = field(default_factory=lambda: itertools.count(1000))
    _sequence: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _tokens: float = 0.0
    _at: float = 0.0

    @property
    def url(self) -> str:
        return f"smpp://motcua:p%40ss@127.0.0.1:{self.port}"

    def handset(self, number: str) -> list[str]:
        """The texts that a handset shows, in the order in which they became whole."""
        shown, open_parts = [], {}
        for part in self.parts:
            if part.number != number:
                continue
            if part.total == 1:
                shown.append(part.text)
                continue
            pieces = open_parts.setdefault(part.reference, {})
            pieces[part.index] = part
            if len(pieces) == part.total:
                coding = part.coding
                whole = [pieces[n].text for n in sorted(pieces)]
                assert {p.coding for p in pieces.values()} == {coding}
                shown.append("".join(whole))
                del open_parts[part.reference]
        return shown

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Do something in the carrier's thread."""
        assert self.loop is not None
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(20)

    def drop_all(self) -> None:
        """Cut every line."""

        async def drop() -> None:
            for writer in list(self.sessions.values()):
                writer.transport.abort()

        self.run(drop())

    # -- the protocol ------------------------------------------------------------------------

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks = set()
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, OSError):
            while True:
                head = await reader.readexactly(16)
                length, command, status, sequence = struct.unpack(">IIII", head)
                raw = head + await reader.readexactly(length - 16)
                if command == 0x09:
                    self.bind(raw, writer, sequence)
                elif command == 0x04:
                    task = asyncio.ensure_future(self.submit(raw, writer, sequence))
                    tasks.add(task)
                    task.add_done_callback(tasks.discard)
                elif command == 0x15:
                    self.enquiries += 1
                    self.send(writer, 0x80000015, sequence)
                elif command == 0x06:
                    self.unbinds += 1
                    self.send(writer, 0x80000006, sequence)
                    break
                elif command == 0x80000005:
                    self.acknowledged[status] += 1
        self.sessions.pop(id(writer), None)
        with contextlib.suppress(Exception):
            writer.close()

    def send(self, writer, command: int, sequence: int, status: int = 0, body: bytes = b"") -> None:
        with contextlib.suppress(Exception):
            writer.write(struct.pack(">IIII", 16 + len(body), command, status, sequence) + body)

    def bind(self, raw: bytes, writer: asyncio.StreamWriter, sequence: int) -> None:
        asked = smpp.parse_pdu(raw, client=Ignorant(), allow_unknown_opt_params=True)
        self.binds.append((asked.system_id.decode(), asked.password.decode()))
        status = BIND_FAILED if self.refuse_binds else OK
        self.send(writer, 0x80000009, sequence, status, b"carrier\0")
        if status == OK:
            self.sessions[id(writer)] = writer

    def over_rate(self) -> bool:
        if not self.rate:
            return False
        now = asyncio.get_running_loop().time()
        self._tokens = min(self.rate / 4, self._tokens + (now - self._at) * self.rate)
        self._at = now
        if self._tokens < 1:
            return True
        self._tokens -= 1
        return False

    async def submit(self, raw: bytes, writer: asyncio.StreamWriter, sequence: int) -> None:
        self.unanswered += 1
        self.most_unanswered = max(self.most_unanswered, self.unanswered)
        try:
            await self._submit(raw, writer, sequence)
        finally:
            self.unanswered -= 1

    async def _submit(self, raw: bytes, writer: asyncio.StreamWriter, sequence: int) -> None:
        part = read_part(raw)
        self.tries[part.number] += 1
        fault = "0" if self.honest else part.number[-1]
        if self.over_rate():
            return self.send(writer, 0x80000004, sequence, THROTTLED)
        if fault == REFUSES:
            return self.send(writer, 0x80000004, sequence, BAD_NUMBER)
        if fault == THROTTLES and self.tries[part.number] <= 2:
            return self.send(writer, 0x80000004, sequence, THROTTLED)
        if fault == STUMBLES and self.tries[part.number] == 1:
            return self.send(writer, 0x80000004, sequence, SYSTEM_ERROR)
        self.parts.append(part)
        number = next(self._ids)
        named = f"{number:X}" if self.hex_answers else str(number)
        if fault == DROPS:
            writer.transport.abort()
            return None
        state = UNDELIVERABLE if fault == FAILS else DELIVERED
        if fault == EARLY:
            await self.report(number, state)
            await asyncio.sleep(0.2)
        if fault == LATE:
            await asyncio.sleep(self.late_seconds)
        if fault == SLOW:
            await asyncio.sleep(0.3)
        self.send(writer, 0x80000004, sequence, OK, named.encode() + b"\0")
        if part.registered and self.receipts and fault != EARLY:
            for _ in range(3 if fault == TWICE else 1):
                await self.report(number, state)
        return None

    async def report(self, number: int, state: tuple[int, str]) -> None:
        """A receipt, through any line that is up, as carriers do."""
        writer = next(reversed(self.sessions.values()), None)
        if writer is None:
            return
        code, word = state
        text = b""
        parameters = struct.pack(">HH", 0x001E, len(str(number)) + 1) + str(number).encode() + b"\0"
        parameters += struct.pack(">HHB", 0x0427, 1, code)
        if self.by_text:
            text = (
                f"id:{number:010} sub:001 dlvrd:001 submit date:2610120900 done date:2610120901"
                f" stat:{word} err:000 text:Trung tam"
            ).encode()
            parameters = struct.pack(">HH", 0x1400, 3) + b"abc"  # of a vendor, unknown to all
        body = b"\0\x01\x0184900000000\0\x05\0MOTCUA\0" + bytes([0x04, 0, 0]) + b"\0\0"
        body += bytes([0, 0, 0, 0, len(text)]) + text + parameters
        self.send(writer, 0x05, next(self._sequence), 0, body)


def read_part(raw: bytes) -> Part:
    """A ``submit_sm`` read by another library."""
    asked = smpp.parse_pdu(raw, client=Ignorant(), allow_unknown_opt_params=True)
    octets, reference, total, index = asked.short_message or b"", None, 1, 1
    if asked.esm_class & 0x40:
        header, octets = octets[: octets[0] + 1], octets[octets[0] + 1 :]
        assert header[:3] == b"\x05\x00\x03"
        reference, total, index = header[3], header[4], header[5]
    if getattr(asked, "sar_total_segments", None):
        reference, total = asked.sar_msg_ref_num, asked.sar_total_segments
        index = asked.sar_segment_seqnum
    if getattr(asked, "message_payload", None):
        octets = asked.message_payload
    return Part(
        number=f"+{asked.destination_addr.decode()}",
        sender=asked.source_addr.decode(),
        sender_ton=asked.source_addr_ton,
        coding=asked.data_coding,
        registered=asked.registered_delivery,
        reference=reference,
        total=total,
        index=index,
        octets=octets,
    )


@contextlib.contextmanager
def carrier(port: int = 0) -> Iterator[Carrier]:
    """A running carrier."""
    made = Carrier()
    ready, stop = threading.Event(), asyncio.Event()

    async def main() -> None:
        made.loop = asyncio.get_running_loop()
        server = await asyncio.start_server(made.serve, "127.0.0.1", port)
        made.port = server.sockets[0].getsockname()[1]
        ready.set()
        await stop.wait()
        server.close()
        for writer in list(made.sessions.values()):
            writer.transport.abort()

    thread = threading.Thread(target=lambda: asyncio.run(main()), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield made
    finally:
        made.loop.call_soon_threadsafe(stop.set)
        thread.join(10)
