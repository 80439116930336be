"""What identifies an event: the pair (source, id), unique for ever."""

import hashlib
import re

from shared.events.catalogue import OUTCOMES

_UNSAFE = re.compile(r"[^A-Za-z0-9_-]")


def uid(source: str, id: str) -> bytes:
    """16 bytes that stand for an event in inboxes."""
    return _digest(source, id).digest()[:16]


def message_id(source: str, id: str) -> str:
    """The `Nats-Msg-Id` of an event: SHA-256 of source, NUL, id, in hex."""
    return _digest(source, id).hexdigest()


def subject(type: str, unit: str | None) -> str:
    """The NATS subject of an event, such as `motcua.events.install.recorded.461`.

    What the services announce themselves lies below `motcua.outcomes` instead.
    The last token is `_` for events of no unit; what a token can't hold becomes `_` as well.
    """
    words = type.removeprefix("motcua.").rsplit(".v", 1)[0]
    branch = "outcomes" if type in OUTCOMES else "events"
    return f"motcua.{branch}.{words}.{_UNSAFE.sub('_', unit) if unit else '_'}"


def _digest(source: str, id: str) -> "hashlib._Hash":
    return hashlib.sha256(f"{source}\0{id}".encode("utf-8", "surrogatepass"))
