"""What a failed SMTP command says of its letter."""

import aiosmtplib

from services.notify.clients.attempt import Answer

TEMPORARY = range(400, 500)
SERVER_GOES = frozenset({421, 454})
ACCOUNT = frozenset({530, 534, 535, 538})
"""It asks for another account, or for encryption: no letter's fault."""


def code_of(fault: BaseException) -> int | None:
    """The server's code; null where the line, not the server, failed."""
    refused = getattr(fault, "recipients", None)
    if isinstance(refused, list) and refused:
        fault = refused[0]
    code = getattr(fault, "code", None)
    return code if isinstance(code, int) and code >= 400 else None


def read_opening(fault: BaseException) -> Answer:
    """A server that could not be reached, trusted or logged in to serves nobody: whatever it
    says, no letter has failed for good by it."""
    code = code_of(fault)
    return Answer("again", f"smtp {code}" if code else type(fault).__name__)


def read_fault(fault: BaseException, handed_over: bool) -> Answer:
    """How a failed attempt is to be taken.

    The server's code decides: 4xx is temporary, 5xx is for good, whichever exception carries it
    (a refused recipient comes with either). Without a code, an attempt that broke off before
    the letter was on its way was not taken, and one that broke off later may have been.
    """
    code = code_of(fault)
    if code is not None:
        account = isinstance(
            fault, aiosmtplib.SMTPAuthenticationError | aiosmtplib.SMTPConnectError
        )
        if account or code in ACCOUNT:
            return Answer("again", f"smtp {code}")
        if code in TEMPORARY:
            # A recipient that is put off (greylisted, full) says nothing against the server.
            return Answer("again", f"smtp {code}", blame=code in SERVER_GOES)
        return Answer("refused", f"smtp {code}")
    detail = type(fault).__name__
    if isinstance(fault, aiosmtplib.SMTPNotSupported | UnicodeError | ValueError):
        return Answer("refused", detail)
    return Answer("unknown" if handed_over else "again", detail)


def is_parting(fault: BaseException) -> bool:
    """Whether the server has hung up, or says that it will: on a line that was kept, that tells
    of the line only."""
    code = code_of(fault)
    lost = isinstance(fault, aiosmtplib.SMTPServerDisconnected | ConnectionError)
    return code == 421 or (code is None and lost)
