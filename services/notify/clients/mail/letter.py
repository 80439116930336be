"""A notice as an email."""

import unicodedata
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from email.utils import format_datetime, parseaddr

from services.notify.clients.attempt import Parcel
from shared import clock


def domain_of(sender: str) -> str:
    """The domain of an address with or without a name."""
    return parseaddr(sender)[1].rpartition("@")[2] or "localhost"


def compose(parcel: Parcel, sender: str, now: datetime) -> bytes:
    """The letter as it goes over the wire, in 7 bits, so that any server takes it.

    Its ``Message-ID`` is the notice's, the same in every attempt. A citizen's letter says how it
    is unsubscribed from, by one click too (RFC 2369, RFC 8058).

    Raises:
        ValueError: the address cannot stand in a header.
    """
    message = EmailMessage(policy=WIRE)
    try:
        message["From"] = composed(sender)
        message["To"] = Address(addr_spec=parcel.address)
        message["Subject"] = composed(parcel.subject or "")
    except (MessageError, IndexError) as fault:
        raise ValueError("bad address") from fault
    message["Date"] = format_datetime(now.astimezone(clock.VN))
    message["Message-ID"] = f"<{parcel.notice}@{domain_of(sender)}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(composed(parcel.body), cte="quoted-printable")
    for each in parcel.files:
        kind, _, sort = each.media_type.partition("/")
        message.add_attachment(each.content, maintype=kind, subtype=sort, filename=each.name)
    return leave_it(parcel.unsubscribe) + message.as_bytes()


def leave_it(address: str | None) -> bytes:
    """The header lines by which letters are unsubscribed from; none without an address.

    Written here, since the library would fold a long address, or encode it.
    """
    if not address or not address.isascii() or set(address) & set("<>\r\n "):
        return b""
    lines = [f"List-Unsubscribe: <{address}>"]
    if address.startswith("https:"):
        lines.append("List-Unsubscribe-Post: List-Unsubscribe=One-Click")
    return "".join(f"{line}\r\n" for line in lines).encode()


def composed(text: str) -> str:
    """A text in NFC: letters with their accents, not letters and accents."""
    return unicodedata.normalize("NFC", text)
