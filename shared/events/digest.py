"""Whether two events with one id say the same: a keyed digest of their canonical JSON."""

import base64
import hmac
import json
from datetime import UTC
from hashlib import sha256
from typing import Any

from pydantic_core import PydanticCustomError

from shared.events.scalars import instant


def canonical_digest(event: dict[str, Any], key: bytes) -> bytes:
    """HMAC-SHA256 over type, time, subject and data of a structured event.

    The order of keys, the spelling of an instant (zone, fractions) and of a whole number (8, 8.0)
    don't matter. Keyed, because the data hold phone numbers that could be guessed from a plain
    hash.
    """
    return hmac.new(key, canonical(event), sha256).digest()


def canonical(event: dict[str, Any]) -> bytes:
    """The canonical JSON of type, time, subject and data."""
    body = {
        "type": event.get("type"),
        "time": _utc(event.get("time")),
        "subject": event.get("subject"),
        "data": _plain(_data(event)),
    }
    return json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode(
        "utf-8", "surrogatepass"
    )


def _data(event: dict[str, Any]) -> Any:
    encoded = event.get("data_base64")
    if isinstance(encoded, str) and "data" not in event:
        try:
            return json.loads(base64.b64decode(encoded, validate=True))
        except ValueError:
            return encoded
    return event.get("data")


def _utc(value: object) -> object:
    try:
        return instant(value).astimezone(UTC).isoformat()
    except PydanticCustomError:
        return value


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
