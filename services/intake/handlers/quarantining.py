"""What is written down of a refused event: who, what, why; its contents sealed."""

import hmac
import json
from datetime import datetime
from hashlib import sha256
from typing import Any

import orjson

from shared import clock, events
from shared.keys import Key
from shared.redaction import MASK, looks_personal, scrub
from shared.sealing import Sealer

MOST_SEALED_BYTES = 64 << 10


class Quarantining:
    """Makes quarantine rows.

    Args:
        hash_key: what contents are sealed with, and told apart by.
    """

    def __init__(self, hash_key: bytes) -> None:
        self.hash_key = hash_key
        self.sealer = Sealer(hash_key, "quarantine")

    def row(
        self,
        kind: str,
        raw: Any,
        key: Key,
        now: datetime,
        errors: list[dict[str, str]],
    ) -> dict[str, Any]:
        """The row of an event that ``key`` sent and that was refused with ``errors``."""
        body = encode(raw)
        source, event_id = text_of(raw, "source"), text_of(raw, "id")
        attributes = (kind, key.id, str(source), str(event_id))
        seed = "\0".join(attributes).encode("utf-8", "replace") + body
        personal = {error["pointer"] for error in errors if error["code"] == "personal_data"}
        return {
            "received_at": now,
            "day": clock.local_day(now),
            "key_id": key.id,
            "kind": kind,
            "source": _shown(source, kind, "/source" in personal),
            "event_id": _shown(event_id, kind, "/id" in personal),
            "type": kind_of(raw),
            "unit": _code_of(raw, "unit"),
            "dossier": _dossier_of(raw),
            "errors": errors,
            "uid": uid_of(raw),
            "fingerprint": hmac.new(self.hash_key, seed, sha256).digest(),
            "sealed": self.sealer.seal(body) if 0 < len(body) <= MOST_SEALED_BYTES else None,
        }


def encode(raw: Any) -> bytes:
    """JSON of a decoded value; empty where it cannot be encoded."""
    try:
        return orjson.dumps(raw)
    except (orjson.JSONEncodeError, RecursionError):
        pass
    try:  # half characters and huge numbers, which orjson does not write
        return json.dumps(raw).encode()
    except (ValueError, RecursionError):
        return b""


def text_of(raw: Any, name: str) -> str | None:
    """An attribute to name an event by, cut and cleaned of what a store cannot keep."""
    value = raw.get(name) if isinstance(raw, dict) else None
    if not isinstance(value, str):
        return None
    value = "".join(c for c in value if c.isprintable())
    return value.encode("utf-8", "replace").decode()[:200]


def kind_of(raw: Any) -> str | None:
    """The event's type, where it is one of ours."""
    kind = text_of(raw, "type")
    return kind if kind in events.TYPES else None


def uid_of(raw: Any) -> bytes | None:
    """What tells the event from all others, where it has a source and an id."""
    if not isinstance(raw, dict):
        return None
    source, event_id = raw.get("source"), raw.get("id")
    if not isinstance(source, str) or not isinstance(event_id, str):
        return None
    return events.uid(source, event_id)


def _shown(value: str | None, kind: str, personal: bool) -> str | None:
    """What a careless source wrote into an id is no less personal there.

    A conflict's id and source are those of an event that was taken, so they stay as they are.
    """
    if value is None or kind == "conflict":
        return value
    return MASK if personal or looks_personal(value) else scrub(value)


def _code_of(raw: Any, name: str) -> str | None:
    data = raw.get("data") if isinstance(raw, dict) else None
    value = data.get(name) if isinstance(data, dict) else None
    return value if isinstance(value, str) and _is_code(value) else None


def _dossier_of(raw: Any) -> str | None:
    data = raw.get("data") if isinstance(raw, dict) else None
    code = text_of(data, "code")
    return None if code is None or looks_personal(code) else code


def _is_code(text: str) -> bool:
    plain = text.isascii() and text.replace("-", "").replace("_", "").isalnum()
    return len(text) <= 40 and plain and not looks_personal(text)
