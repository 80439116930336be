"""One bound connection: requests and their answers by sequence, the carrier's own requests, and
the line tried when it is silent."""

import asyncio
import contextlib
import itertools
import ssl
from collections.abc import Awaitable, Callable

from services.notify.clients.smpp import pdu as protocol
from services.notify.clients.smpp.options import SmppOptions
from services.notify.clients.smpp.pdu import HEADER, LONGEST, RESPONSE, Malformed, Pdu

CONNECT_SECONDS = 5.0
DELIVERIES_AT_ONCE = 64
LAST_SEQUENCE = 0x7FFFFFFF
REMEMBERED = 10_000

Hear = Callable[[protocol.Delivered], Awaitable[bool]]
"""Takes what was delivered; False or an exception: the carrier is to bring it again."""


class Lost(ConnectionError):
    """The line is gone. ``written``: the request may have reached the carrier."""

    def __init__(self, written: bool) -> None:
        super().__init__("line lost")
        self.written = written


class Refused(Exception):
    """The carrier does not let us in; ``status``."""

    def __init__(self, status: int) -> None:
        super().__init__(f"bind {status:#x}")
        self.status = status


class Session:
    """A connection that is bound as transceiver; ``hear`` is given what the carrier delivers."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        options: SmppOptions,
        hear: Hear,
    ) -> None:
        self.reader, self.writer, self.options = reader, writer, options
        self.hear = hear
        self.closed = asyncio.Event()
        self.leaving = False
        self._sequence = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Pdu]] = {}
        self._overdue: dict[int, Callable[[Pdu], None]] = {}
        self._deliveries = asyncio.Semaphore(DELIVERIES_AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()
        self._last_heard = asyncio.get_running_loop().time()

    @classmethod
    async def open(cls, options: SmppOptions, hear: Hear) -> "Session":
        """Connect and bind.

        Raises:
            Refused: by the carrier. OSError, TimeoutError, Lost: there is no line.
        """
        context = ssl.create_default_context() if options.tls else None
        reader, writer = await asyncio.wait_for(
            asyncio.open_connection(options.host, options.port, ssl=context), CONNECT_SECONDS
        )
        session = cls(reader, writer, options, hear)
        session._start(session._read())
        try:
            body = protocol.bind(options.system_id, options.password, options.system_type)
            answer = await session.ask(protocol.BIND_TRANSCEIVER, body)
            if answer.status != protocol.OK:
                raise Refused(answer.status)
        except BaseException:
            session.abort()
            raise
        session._start(session._keep_alive())
        return session

    async def ask(
        self, command: int, body: bytes = b"", overdue: Callable[[Pdu], None] | None = None
    ) -> Pdu:
        """The answer to a request; one that comes after its time is given to ``overdue``.

        Raises:
            Lost: the line went before it came. TimeoutError: it did not come in time.
        """
        if self.closed.is_set() or self.leaving:
            raise Lost(written=False)
        sequence = next(self._sequence)
        if sequence > LAST_SEQUENCE:
            self._sequence = itertools.count(2)
            sequence = 1
        future: asyncio.Future[Pdu] = asyncio.get_running_loop().create_future()
        self._waiting[sequence] = future
        try:
            self.writer.write(Pdu(command, 0, sequence, body).encode())
            async with asyncio.timeout(self.options.timeout):
                with contextlib.suppress(OSError):
                    await self.writer.drain()  # a line that breaks now is told by its reader
                return await future
        except TimeoutError:
            if overdue is not None:
                self._overdue[sequence] = overdue
                if len(self._overdue) > REMEMBERED:
                    del self._overdue[next(iter(self._overdue))]
            raise
        finally:
            self._waiting.pop(sequence, None)

    async def leave(self) -> None:
        """Unbind and close."""
        with contextlib.suppress(Exception):
            async with asyncio.timeout(2):
                await self.ask(protocol.UNBIND)
        self.leaving = True
        self.abort()

    def abort(self) -> None:
        """Close at once; whoever waits for an answer is told."""
        self._end()
        for task in list(self._tasks):
            if task is not asyncio.current_task():
                task.cancel()

    def _end(self) -> None:
        self.closed.set()
        self.writer.close()
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(Lost(written=True))

    def _start(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._finish)

    def _finish(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()

    async def _read(self) -> None:
        try:
            while True:
                head = await self.reader.readexactly(HEADER.size)
                length = HEADER.unpack(head)[0]
                if not HEADER.size <= length <= LONGEST:
                    return  # whatever this is, there is no finding the next PDU after it
                body = await self.reader.readexactly(length - HEADER.size)
                self._last_heard = asyncio.get_running_loop().time()
                await self._handle(protocol.decode(head + body))
        except (OSError, asyncio.IncompleteReadError, Malformed):
            return
        finally:
            self._end()

    async def _handle(self, pdu: Pdu) -> None:
        if pdu.command & RESPONSE:
            future = self._waiting.get(pdu.sequence)
            if future is not None and not future.done():
                future.set_result(pdu)
            elif overdue := self._overdue.pop(pdu.sequence, None):
                overdue(pdu)
        elif pdu.command in (protocol.DELIVER_SM, protocol.DATA_SM):
            await self._deliveries.acquire()
            self._start(self._deliver(pdu))
        elif pdu.command == protocol.ENQUIRE_LINK:
            self._answer(pdu)
        elif pdu.command == protocol.UNBIND:
            self._answer(pdu)
            self._end()
        else:
            self.writer.write(Pdu(protocol.GENERIC_NACK, 0x03, pdu.sequence).encode())

    def _answer(self, pdu: Pdu, status: int = protocol.OK, body: bytes = b"") -> None:
        if not self.closed.is_set():
            answer = Pdu(pdu.command | RESPONSE, status, pdu.sequence, body)
            self.writer.write(answer.encode())

    async def _deliver(self, pdu: Pdu) -> None:
        """Answer a delivery once what it brings is stored."""
        try:
            taken = await self.hear(protocol.parse_deliver(pdu))
            self._answer(pdu, protocol.OK if taken else protocol.RETRY_LATER, b"\0")
        except Malformed:
            self._answer(pdu, protocol.OK, b"\0")  # no better for being sent again
        except Exception:
            self._answer(pdu, protocol.RETRY_LATER, b"\0")
        finally:
            self._deliveries.release()

    async def _keep_alive(self) -> None:
        loop = asyncio.get_running_loop()
        while not self.closed.is_set():
            silent = loop.time() - self._last_heard
            if silent < self.options.enquire:
                await asyncio.sleep(self.options.enquire - silent)
                continue
            try:
                await self.ask(protocol.ENQUIRE_LINK)
            except (TimeoutError, Lost):
                self._end()
                return
