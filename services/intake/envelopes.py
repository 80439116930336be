"""CloudEvents over HTTP: from a request's headers and body to decoded events, in every mode."""

import json
from collections.abc import Mapping
from typing import Any, NoReturn
from urllib.parse import unquote

import orjson

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
PLAIN = "application/json"
_BOOLEANS = {"true": True, "false": False}


class Unreadable(Exception):
    """A body that holds no CloudEvents; ``status`` is the HTTP answer it gets."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def read(headers: Mapping[str, str], body: bytes) -> tuple[list[Any], bool]:
    """The events of a request, not yet checked, and whether it is a batch.

    Raises:
        Unreadable: 415 for another content type, 400 for what is not JSON.
    """
    content_type, _, parameters = headers.get("content-type", "").partition(";")
    content_type = content_type.strip().lower()
    charset = parameters.lower().replace(" ", "").replace('"', "")
    if "charset=" in charset and "charset=utf-8" not in charset:
        raise Unreadable(415, "charset", "Send UTF-8.")
    if content_type == BATCH:
        value = _decode(body)
        if not isinstance(value, list):
            raise Unreadable(400, "not_a_batch", "A batch is a JSON array of CloudEvents.")
        return value, True
    if content_type == STRUCTURED:
        return [_decode(body)], False
    if "ce-specversion" in headers or "ce-type" in headers or "ce-id" in headers:
        if content_type != PLAIN and not content_type.endswith("+json"):
            raise Unreadable(415, "content_type", "Send data as application/json.")
        return [_from_headers(headers, _decode(body))], False
    if content_type == PLAIN:
        value = _decode(body)
        return (value, True) if isinstance(value, list) else ([value], False)
    raise Unreadable(415, "content_type", f"Send {STRUCTURED}, {BATCH} or binary mode.")


def _from_headers(headers: Mapping[str, str], data: Any) -> dict[str, Any]:
    event: dict[str, Any] = {
        name[3:]: _unescape(value) for name, value in headers.items() if name.startswith("ce-")
    }
    event["datacontenttype"] = headers["content-type"]
    if "backfill" in event:  # a boolean travels as its word
        event["backfill"] = _BOOLEANS.get(event["backfill"], event["backfill"])
    event["data"] = data
    return event


def _unescape(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = value[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    try:
        return unquote(value, errors="strict")
    except UnicodeDecodeError:
        raise Unreadable(400, "header_encoding", "Percent-encode headers as UTF-8.") from None


def _decode(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except (orjson.JSONDecodeError, RecursionError):
        return _decode_tolerantly(body)


def _decode_tolerantly(body: bytes) -> Any:
    """JSON may escape half a character, which the fast parser refuses for the whole batch: here
    only the event that holds it is refused later."""
    try:
        return json.loads(body.decode(), parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise Unreadable(400, "not_json", "The body is not JSON in UTF-8.") from None


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
