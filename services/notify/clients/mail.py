"""Email by SMTP, command by command, so that it is known how far a failed attempt got."""

import asyncio
import ssl
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from email.utils import format_datetime, parseaddr
from typing import Literal

import aiosmtplib

from services.notify.clients.attempt import Answer, Parcel
from services.notify.rules.terms import Terms
from shared import clock

Tls = Literal["none", "starttls", "tls"]
TEMPORARY = range(400, 500)
SERVER_GOES = frozenset({421, 454})
DEFAULT = Terms(at_once=8)


class Mail:
    """One mail server.

    Args:
        host, port: of the server.
        sender: address in ``From``, optionally with a display name.
        user, password: empty for a server that asks for none.
        tls: ``none``, ``starttls`` (refuses to go on without it) or ``tls`` from the first byte.
        timeout: seconds for each command.
    """

    channel = "email"

    def __init__(
        self,
        host: str,
        port: int,
        sender: str,
        user: str = "",
        password: str = "",
        tls: Tls = "none",
        timeout: float = 20.0,
        context: ssl.SSLContext | None = None,
        name: str = "smtp",
        terms: Terms = DEFAULT,
    ) -> None:
        self.terms = terms
        self.name, self.host, self.port, self.sender = name, host, port, sender
        self.user, self.password, self.tls, self.timeout = user, password, tls, timeout
        self.context = context
        self.envelope_sender = parseaddr(sender)[1]

    def compose(self, parcel: Parcel, now: datetime) -> bytes:
        """The message as it goes over the wire; its ``Message-ID`` is the same in every attempt.

        Raises:
            ValueError: the address cannot stand in a header.
        """
        domain = self.envelope_sender.rpartition("@")[2] or "localhost"
        message = EmailMessage(policy=WIRE)
        try:
            message["From"] = self.sender
            message["To"] = Address(addr_spec=parcel.address)
            message["Subject"] = parcel.subject or ""
        except (MessageError, IndexError) as fault:
            raise ValueError("bad address") from fault
        message["Date"] = format_datetime(now.astimezone(clock.VN))
        message["Message-ID"] = f"<{parcel.notice}@{domain}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(parcel.body)
        for each in parcel.files:
            kind, _, sort = each.media_type.partition("/")
            message.add_attachment(each.content, maintype=kind, subtype=sort, filename=each.name)
        return message.as_bytes()

    async def send(self, parcel: Parcel) -> Answer:
        """Hand one message to the server."""
        try:
            content = self.compose(parcel, clock.now())
            parcel.address.encode("ascii")
        except ValueError:
            return Answer("refused", "address")
        client = aiosmtplib.SMTP(
            hostname=self.host,
            port=self.port,
            timeout=self.timeout,
            use_tls=self.tls == "tls",
            start_tls=self.tls == "starttls",
            tls_context=self.context,
        )
        handed_over = False
        try:
            await client.connect()
            if self.user:
                await client.login(self.user, self.password)
            await client.mail(self.envelope_sender)
            await client.rcpt(parcel.address)
            handed_over = True
            code, _ = await client.data(content)
            return Answer("accepted", f"smtp {code}")
        except Exception as fault:
            return read_fault(fault, handed_over)
        finally:
            await leave(client)

    async def close(self) -> None:
        """Nothing is kept open between messages."""


async def leave(client: aiosmtplib.SMTP) -> None:
    """Say goodbye; what happens now changes nothing for the message."""
    try:
        if client.is_connected:
            await asyncio.wait_for(client.quit(), 2)
    except Exception:
        client.close()
    finally:
        client.close()


def read_fault(fault: Exception, handed_over: bool) -> Answer:
    """How a failed attempt is to be taken.

    The server's code decides: 4xx is temporary, 5xx is for good, whichever exception carries it
    (a refused recipient comes with either). Without a code, an attempt that broke off before
    DATA was not taken, and one that broke off during it may have been.
    """
    refused = getattr(fault, "recipients", None)
    if isinstance(refused, list) and refused:
        fault = refused[0]
    code = getattr(fault, "code", None)
    if isinstance(code, int) and code >= 400:
        if isinstance(fault, (aiosmtplib.SMTPAuthenticationError, aiosmtplib.SMTPConnectError)):
            # It serves nobody under this account, or nobody at all: that is not the letter's fault.
            return Answer("again", f"smtp {code}")
        if code in TEMPORARY:
            # A recipient that is put off (greylisted, full) says nothing against the server.
            return Answer("again", f"smtp {code}", blame=code in SERVER_GOES)
        return Answer("refused", f"smtp {code}")
    detail = type(fault).__name__
    if isinstance(fault, (aiosmtplib.SMTPNotSupported, UnicodeError, ValueError)):
        return Answer("refused", detail)
    return Answer("unknown" if handed_over else "again", detail)
