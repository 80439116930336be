"""Email by SMTP, command by command, so that it is known how far a failed attempt got."""

import asyncio
from datetime import datetime
from email.utils import parseaddr

from services.notify.clients.attempt import Answer, Parcel
from services.notify.clients.mail.bounces import Bounces
from services.notify.clients.mail.faults import code_of, is_parting, read_fault, read_opening
from services.notify.clients.mail.letter import compose
from services.notify.clients.mail.line import Line, Server
from services.notify.clients.mail.lines import Lines
from services.notify.clients.mail.signing import Signer
from services.notify.rules.terms import Terms
from shared import clock

DEFAULT = Terms(at_once=8)
LONGEST_OPENING, LONGEST_WAIT = 35.0, 38.0
"""Seconds until a letter is on its way, and from then until the answer: together less than after
which an attempt is given up, so that a slow server leaves no letter's fate open needlessly."""


class Mail:
    """One mail server; letters share its connections, at most so many as ``terms`` allow at once.

    Args:
        sender: address in ``From``, optionally with a display name.
        signer: signs each letter; null for none.
        letters, idle: how many letters a connection carries, and for how many seconds it is kept
            without one.
        bounces: gives each letter the address to which it comes back; null: that of the sender.
    """

    channel = "email"

    def __init__(
        self,
        server: Server,
        sender: str,
        signer: Signer | None = None,
        letters: int = 100,
        idle: float = 15.0,
        name: str = "smtp",
        terms: Terms = DEFAULT,
        bounces: Bounces | None = None,
    ) -> None:
        self.name, self.terms = name, terms
        self.server, self.sender, self.signer = server, sender, signer
        self.bounces = bounces
        self.lines = Lines(server, letters, idle)

    def compose(self, parcel: Parcel, now: datetime) -> bytes:
        """The letter as it goes over the wire; raises ``ValueError`` where its address is none."""
        letter = compose(parcel, self.sender, now)
        return self.signer.sign(letter) if self.signer else letter

    async def send(self, parcel: Parcel) -> Answer:
        """Hand one letter to the server.

        A kept line on which the server hung up before the letter was on its way is put down to the
        line: the letter goes over a new one at once.
        """
        try:
            content = self.compose(parcel, clock.now())
            parcel.address.encode("ascii")
        except ValueError:
            return Answer("refused", "address")
        seconds = min(2 * self.server.timeout, LONGEST_OPENING)
        try:
            async with asyncio.timeout(seconds):
                begun = await self._begin(self._return_path(parcel), parcel.address)
        except TimeoutError:
            return Answer("again", "timeout")
        return begun if isinstance(begun, Answer) else await self._finish(begun, content)

    def _return_path(self, parcel: Parcel) -> str:
        if self.bounces is None:
            return parseaddr(self.sender)[1]
        return self.bounces.mark(parcel.reference)

    async def _begin(self, sender: str, address: str) -> Line | Answer:
        """A line that waits for the letter's text, or why there is none."""
        line = await self.lines.take()
        if line is not None:
            fault = await self._address(line, sender, address)
            if fault is None or not is_parting(fault):
                return line if fault is None else read_fault(fault, False)
        try:
            line = await self.lines.open()
        except Exception as fault:
            return read_opening(fault)
        fault = await self._address(line, sender, address)
        return line if fault is None else read_fault(fault, False)

    async def _address(self, line: Line, sender: str, address: str) -> Exception | None:
        """Begin a letter on a line; what went wrong, the line having been kept or dropped."""
        try:
            await line.address(sender, address)
        except Exception as fault:
            self._after(line, fault)
            return fault
        except BaseException:
            line.drop()
            raise
        return None

    async def _finish(self, line: Line, content: bytes) -> Answer:
        try:
            code = await line.hand_over(content, min(self.server.timeout, LONGEST_WAIT))
        except Exception as fault:
            answer = read_fault(fault, line.handed_over)
            self._after(line, fault)
            return answer
        except BaseException:
            line.drop()
            raise
        self.lines.give(line)
        return Answer("accepted", f"smtp {code}")

    def _after(self, line: Line, fault: Exception) -> None:
        """Keep a line whose server only said no; hang up where it is not known what comes next."""
        if code_of(fault) is None or is_parting(fault):
            line.drop()
            return
        line.soiled = True
        self.lines.give(line)

    async def tend(self) -> None:
        """For ever: leave lines that nobody uses; all of them in the end."""
        await self.lines.tend()

    async def close(self) -> None:
        """Leave all lines."""
        await self.lines.close()
