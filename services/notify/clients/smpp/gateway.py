"""A carrier by SMPP: bound as long as notify runs, so that receipts come in, too."""

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable
from functools import partial
from random import random

import structlog

from services.notify.clients.attempt import Answer, Parcel
from services.notify.clients.calls import Report
from services.notify.clients.smpp import pdu as protocol
from services.notify.clients.smpp.contents import contents
from services.notify.clients.smpp.options import SmppOptions
from services.notify.clients.smpp.receipts import of_answer, read_receipt
from services.notify.clients.smpp.session import Lost, Refused, Session
from services.notify.clients.smpp.window import Window
from services.notify.rules.terms import Terms

log = structlog.get_logger()

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
PATIENCE = 5.0
PARTING_SECONDS = 10.0
SEND_SECONDS = 60.0

REFUSED = frozenset(
    {0x01, 0x0B, 0x33, 0x34, 0x40, 0x42, 0x43, 0x44, 0x45, 0x48, 0x49, 0x50, 0x51, 0x55,
     0x61, 0x62, 0x66, 0xC0, 0xC1, 0xC2, 0xC3, 0xC4}
)  # fmt: skip
"""Statuses (5.1.3) that the same message would get again: its number, its length, its form."""
AGAIN = frozenset({0x08, 0x65, 0xFE, 0xFF})
"""Failures of the moment. What is in neither set speaks of our account or sender there."""

Hear = Callable[[Report], Awaitable[object]]
Late = Callable[[str, str, int], Awaitable[object]]


async def _nothing(*_given: object) -> None:
    """What nobody wants to hear."""


class SmppGateway:
    """One account at a carrier.

    ``hear`` is given receipts, ``late`` (reference, message id, parts) what was answered after
    its message had been given up; both are set by whoever wires it.
    """

    channel = "sms"

    def __init__(self, name: str, options: SmppOptions, terms: Terms) -> None:
        self.name, self.options, self.terms = name, options, terms
        self.hear: Hear = _nothing
        self.late: Late = _nothing
        self.window = Window(options.window)
        self._session: Session | None = None
        self._bound = asyncio.Event()
        self._fault = "not bound"
        self._on_way = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._reference = secrets.randbelow(0x10000)
        self._tasks: set[asyncio.Future[object]] = set()

    # -- the line ----------------------------------------------------------------------------

    async def run(self) -> None:
        """For ever: stay bound; after a fault wait longer and longer, spread by chance."""
        pause = FIRST_PAUSE
        try:
            while True:
                try:
                    self._session = await Session.open(self.options, self._take)
                except Refused as fault:
                    self._fault = f"bind {fault.status:#x}"
                except (OSError, TimeoutError) as fault:
                    self._fault = type(fault).__name__
                else:
                    pause = FIRST_PAUSE
                    self._fault = ""
                    self._bound.set()
                    log.info("smpp_bound", provider=self.name)
                    await self._session.closed.wait()
                    self._bound.clear()
                    self._fault = "line lost"
                    self._session.abort()
                log.warning("smpp_waits", provider=self.name, fault=self._fault)
                await asyncio.sleep(pause * (0.5 + random() / 2))
                pause = min(LONGEST_PAUSE, pause * 2)
        finally:
            await self._part()

    async def _part(self) -> None:
        """Let what is under way be answered, then unbind."""
        session = self._session
        if session is None or session.closed.is_set():
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), PARTING_SECONDS)
        await session.leave()

    async def close(self) -> None:
        """Let go of the line."""
        if self._session is not None:
            self._session.abort()

    async def _take(self, delivered: protocol.Delivered) -> bool:
        report = read_receipt(delivered, self.options.ids)
        if report is not None:
            await self.hear(report)
        return True

    def _late(self, reference: str, parts: int, pdu: protocol.Pdu) -> None:
        """An answer that came when its message had been given up."""
        named = protocol.message_id(pdu.body)
        if pdu.status == protocol.OK and named:
            told = self.late(reference, of_answer(named, self.options.ids), parts)
            task = asyncio.ensure_future(told)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    # -- sending -----------------------------------------------------------------------------

    async def send(self, parcel: Parcel) -> Answer:
        """Hand one message to the carrier, part by part."""
        self._on_way += 1
        self._idle.clear()
        try:
            return await self._send(parcel)
        finally:
            self._on_way -= 1
            if not self._on_way:
                self._idle.set()

    async def _send(self, parcel: Parcel) -> Answer:
        self._reference = (self._reference + 1) & 0xFFFF
        try:
            parts = contents(parcel.body, self._reference, self.options.long)
        except ValueError:
            return Answer("refused", "too long")
        if not self._bound.is_set():
            try:
                await asyncio.wait_for(self._bound.wait(), PATIENCE)
            except TimeoutError:
                return Answer("again", self._fault or "not bound")
        to = protocol.Address(1, 1, parcel.address.removeprefix("+"))
        until = asyncio.get_running_loop().time() + SEND_SECONDS
        taken: list[str] = []
        for number, part in enumerate(parts, 1):
            body = protocol.submit(
                self.options.source, to, part, self.options.receipts, self.options.validity
            )
            answer = await self._submit(body, parcel.reference, len(parts), until)
            if isinstance(answer, str):
                taken.append(answer)
                continue
            if not taken:
                return answer
            # The reader may hold a piece: whatever comes now, it is not for us to send it twice.
            detail = f"part {number} of {len(parts)}: {answer.detail}"
            ids = tuple(each for each in taken if each)
            return Answer("unknown", detail, ids=ids, parts=len(parts))
        ids = tuple(each for each in taken if each)
        return Answer("accepted", "smpp 0x0", ids=ids, parts=len(parts))

    async def _submit(self, body: bytes, reference: str, parts: int, until: float) -> str | Answer:
        """The carrier's id of one part, or what stands in its way."""
        loop = asyncio.get_running_loop()
        while True:
            await self.window.enter()
            try:
                session = self._session
                if session is None or session.closed.is_set():
                    return Answer("again", self._fault or "line lost")
                try:
                    answer = await session.ask(
                        protocol.SUBMIT_SM, body, partial(self._late, reference, parts)
                    )
                except Lost as fault:
                    return Answer("unknown" if fault.written else "again", "line lost")
                except TimeoutError:
                    return Answer("unknown", "timeout")
            finally:
                self.window.leave()
            if answer.status == protocol.OK:
                self.window.speed_up()
                named = protocol.message_id(answer.body)
                return of_answer(named, self.options.ids) if named else ""
            if answer.status in protocol.THROTTLED:
                self.window.slow_down()
                if loop.time() + self.window.pause < until:
                    continue
                detail = f"smpp {answer.status:#x}"
                return Answer("again", detail, blame=False, rest=self.window.pause)
            return self._judge(answer.status)

    def _judge(self, status: int) -> Answer:
        detail = f"smpp {status:#x}"
        if status in self.options.refused:
            return Answer("refused", detail)
        if status in self.options.again or (status in AGAIN and status not in self.options.refused):
            return Answer("again", detail, blame=False)
        return Answer("refused" if status in REFUSED else "elsewhere", detail)
