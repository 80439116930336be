"""What a failed SMTP command says of its letter, its recipient and the server.

A 4xx is temporary and a 5xx final (RFC 5321, 4.2.1), but final for what was asked: who refuses the
greeting, the account or the sender has not heard of any recipient yet. Where the answer carries an
enhanced code (RFC 3463), its second figure says whose fault it is.
"""

import re

import aiosmtplib

from services.notify.clients.attempt import Answer

TEMPORARY = range(400, 500)
SERVER_GOES = frozenset({421, 454})
ACCOUNT = frozenset({530, 534, 535, 538})
"""It asks for another account, or for encryption: no letter's fault."""
COMMANDS = frozenset({500, 502, 503, 504, 521, 555})
"""The server does not know a command, or takes no mail at all."""
SENDERS = frozenset({"1.7", "1.8"})
"""The address that is wrong is the sender's."""
_ENHANCED = re.compile(r"\s*5\.(\d{1,3})\.(\d{1,3})(?!\d)")


def code_of(fault: BaseException) -> int | None:
    """The server's code; null where the line, not the server, failed."""
    code = getattr(_inner(fault), "code", None)
    return code if isinstance(code, int) and code >= 400 else None


def enhanced_of(fault: BaseException) -> tuple[str, str] | None:
    """Subject and detail of a final answer's enhanced code, as in 5.subject.detail."""
    found = _ENHANCED.match(str(getattr(_inner(fault), "message", "")))
    return (found[1], found[2]) if found else None


def _inner(fault: BaseException) -> BaseException:
    refused = getattr(fault, "recipients", None)
    return refused[0] if isinstance(refused, list) and refused else fault


def read_opening(fault: BaseException) -> Answer:
    """A server that could not be reached, trusted or logged in to serves nobody: whatever it
    says, no letter has failed for good by it."""
    code = code_of(fault)
    return Answer("again", f"smtp {code}" if code else type(fault).__name__)


def read_fault(fault: BaseException, handed_over: bool) -> Answer:
    """How a failed attempt is to be taken.

    The server's code decides: 4xx is temporary; of 5xx only what speaks of the recipient is for
    good. Without a code, an attempt that broke off before the letter was on its way was not
    taken, and one that broke off later may have been.
    """
    code = code_of(fault)
    if code is not None:
        if code in TEMPORARY:
            # A recipient that is put off (greylisted, full) says nothing against the server.
            at_sender = isinstance(fault, aiosmtplib.SMTPSenderRefused)
            return Answer("again", f"smtp {code}", blame=code in SERVER_GOES or at_sender)
        return _read_final(fault, code, handed_over)
    detail = type(fault).__name__
    if isinstance(fault, aiosmtplib.SMTPNotSupported | UnicodeError | ValueError):
        return Answer("refused", detail)
    return Answer("unknown" if handed_over else "again", detail)


def _read_final(fault: BaseException, code: int, handed_over: bool) -> Answer:
    """What a 5xx says: of the recipient (for good), of this text at this server (perhaps another
    takes it), or of the server and what it thinks of us (later, or another one)."""
    enhanced = enhanced_of(fault)
    detail = f"smtp {code}"
    at_recipient = isinstance(_inner(fault), aiosmtplib.SMTPRecipientRefused)
    server = Answer("again", detail)
    if code in ACCOUNT or code in COMMANDS or not (at_recipient or handed_over):
        return server
    # From here on the server has heard of the recipient, and may have refused it alone.
    unsure = Answer("again", detail, certain=False)
    subject, _ = enhanced or ("0", "0")
    if subject in ("1", "2"):
        return unsure if ".".join(enhanced or ()) in SENDERS else Answer("refused", detail)
    if handed_over:
        return Answer("elsewhere", detail)
    if subject in ("3", "4", "5", "7") or (subject in ("0", "6") and code == 554):
        return unsure
    return Answer("refused", detail)


def is_parting(fault: BaseException) -> bool:
    """Whether the server has hung up, or says that it will: on a line that was kept, that tells
    of the line only."""
    code = code_of(fault)
    lost = isinstance(fault, aiosmtplib.SMTPServerDisconnected | ConnectionError)
    return code == 421 or (code is None and lost)
