"""A line to the mail server: opened, used for letter after letter, left."""

import asyncio
import re
import ssl
from dataclasses import dataclass, field
from typing import Literal

import aiosmtplib

from shared import clock

Tls = Literal["none", "opportunistic", "starttls", "tls"]
PARTING_SECONDS = 2.0
GO_AHEAD = 354
LEADING_DOT = re.compile(rb"(?m)^\.")


@dataclass(frozen=True, slots=True)
class Server:
    """Where letters are handed in.

    Args:
        user, password: empty for a server that asks for none.
        tls: ``none``; ``opportunistic``: where it is offered, whoever offers it; ``starttls``:
            refuses to go on without it; ``tls`` from the first byte. The last two check the
            server's certificate.
        timeout: seconds for each command.
        context: whom to trust; the system's authorities by default.
    """

    host: str
    port: int
    user: str = ""
    password: str = field(default="", repr=False)
    tls: Tls = "none"
    timeout: float = 20.0
    context: ssl.SSLContext | None = None


class Line:
    """An open connection; ``letters`` were sent over it, ``used`` says when it last was, in
    seconds of the monotonic clock. A ``soiled`` one has a refused letter to be forgotten."""

    def __init__(self, client: aiosmtplib.SMTP) -> None:
        self.client = client
        self.letters = 0
        self.used = clock.monotonic()
        self.handed_over = False
        self.soiled = False

    @classmethod
    async def open(cls, server: Server) -> "Line":
        """Connect, encrypt, log in. Raises what goes wrong, with the connection closed."""
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            timeout=server.timeout,
            use_tls=server.tls == "tls",
            start_tls=server.tls == "starttls",
            tls_context=server.context if server.tls in ("starttls", "tls") else None,
        )
        try:
            await client.connect()
            if server.tls == "opportunistic":
                await client.ehlo()
                if client.supports_extension("starttls"):
                    await client.starttls(validate_certs=False)
            if server.user:
                await client.login(server.user, server.password)
        except BaseException:
            client.close()
            raise
        return cls(client)

    @property
    def alive(self) -> bool:
        """Whether nobody has hung up, as far as one can tell without asking."""
        return self.client.is_connected

    async def check(self) -> bool:
        """Ask the server whether it still listens; it forgets what was refused."""
        try:
            await (self.client.rset() if self.soiled else self.client.noop())
        except Exception:
            return False
        self.soiled = False
        return self.alive

    async def address(self, sender: str, recipient: str) -> None:
        """Begin a letter; raises what the server has against it."""
        self.handed_over = False
        await self.client.mail(sender)
        await self.client.rcpt(recipient)
        code, text = await self.client.execute_command(b"DATA")
        if code != GO_AHEAD:
            raise aiosmtplib.SMTPDataError(code, text)

    async def hand_over(self, content: bytes, seconds: float) -> int:
        """Send the letter itself; from here on it may have been taken, unless the server says
        otherwise. Returns the server's code."""
        protocol = self.client.protocol
        if protocol is None:
            raise aiosmtplib.SMTPServerDisconnected("Connection lost")
        content = LEADING_DOT.sub(b"..", content)
        if not content.endswith(b"\r\n"):
            content += b"\r\n"
        protocol.write(content + b".\r\n")
        self.handed_over = True
        code, text = await protocol.read_response(timeout=seconds)
        if not 200 <= code < 300:
            raise aiosmtplib.SMTPDataError(code, text)
        self.letters += 1
        return code

    def drop(self) -> None:
        """Hang up without a word: what the server would answer belongs to another letter."""
        self.client.close()

    async def leave(self) -> None:
        """Say goodbye; what happens now changes nothing for any letter."""
        try:
            if self.alive:
                await asyncio.wait_for(self.client.quit(), PARTING_SECONDS)
        except Exception:
            pass
        finally:
            self.client.close()
