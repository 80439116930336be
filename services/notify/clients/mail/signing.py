"""Whom mail trusts, and the signatures by which receivers see that a letter comes from its domain
(DKIM, RFC 6376)."""

import ssl
from dataclasses import dataclass, field
from pathlib import Path

import dkim
from dkim.crypto import parse_pem_private_key

from shared.settings import FolderFaults

SIGNED = (
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Auto-Submitted",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
)
LEAST_BITS = 1024
FOR_OTHERS = 0o027
"""Nobody but its owner may write the key, nobody but the owner and the group read it."""


class MailFaults(FolderFaults):
    """Mail that cannot be sent as the settings say: one line for each fault."""


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs the letters of a domain with the key that is published under a selector."""

    domain: str
    selector: str
    key: bytes = field(repr=False)

    @classmethod
    def load(cls, domain: str, selector: str, path: Path) -> "Signer":
        """A signer with the RSA key of a PEM file.

        Raises:
            MailFaults: the file cannot be read, is open to others, or holds no good key.
        """
        try:
            mode = path.stat().st_mode
            content = path.read_bytes()
        except OSError as fault:
            raise MailFaults(
                f"MOTCUA_NOTIFY_DKIM_KEY_PATH: {path}: {fault.strerror or 'unreadable'}"
            ) from None
        if mode & FOR_OTHERS:
            raise MailFaults(
                f"MOTCUA_NOTIFY_DKIM_KEY_PATH: {path}: open to others (mode {mode & 0o777:o});"
                " chmod 600"
            )
        try:
            bits = parse_pem_private_key(content)["modulus"].bit_length()
            signer = cls(domain, selector, content)
            signer.sign(f"From: a@{domain}\r\n\r\nx\r\n".encode())
        except Exception as fault:
            raise MailFaults(
                f"MOTCUA_NOTIFY_DKIM_KEY_PATH: {path}: not an RSA key in PEM"
                f" ({type(fault).__name__})"
            ) from None
        if bits < LEAST_BITS:
            raise MailFaults(
                f"MOTCUA_NOTIFY_DKIM_KEY_PATH: {path}: {bits} bits, {LEAST_BITS} are needed"
            )
        return signer

    def sign(self, letter: bytes) -> bytes:
        """The letter with its signature in front; spaces may change on its way. Each header
        is named once more than the letter has it, so that none can be added."""
        signature = dkim.sign(
            letter,
            self.selector.encode(),
            self.domain.encode(),
            self.key,
            canonicalize=(b"relaxed", b"relaxed"),
            include_headers=[name.encode() for name in SIGNED * 2],
        )
        return signature + letter


def trust(path: str) -> ssl.SSLContext | None:
    """Only the authorities of a PEM file; null, the system's, where none is named.

    Raises:
        MailFaults: there are none in it.
    """
    if not path:
        return None
    try:
        return ssl.create_default_context(cafile=path)
    except (OSError, ValueError):  # what OpenSSL cannot read is an OSError, too
        raise MailFaults(f"MOTCUA_NOTIFY_SMTP_CA: {path}: no certificates can be read") from None
