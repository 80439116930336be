"""Checks what comes from outside: all faults of an event at once, envelope and data."""

import base64
import binascii
import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from shared import phones
from shared.events.catalogue import OUTCOMES, TYPES
from shared.events.data import Data, InstallGiven, SubmissionGiven
from shared.events.faults import Fault, from_validation, pointer
from shared.events.scalars import LONGEST_ID, instant

DEEPEST = 32
"""Levels of nesting that an event may have."""

_CORE = ("id", "source", "type")
_TEXT_ATTRIBUTES = ("subject", "datacontenttype", "dataschema")
_KNOWN = {*_CORE, *_TEXT_ATTRIBUTES, "specversion", "time", "backfill", "data", "data_base64"}
_EXTENSION = re.compile(r"[a-z0-9]+")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_JSON_TYPE = re.compile(r"[\w.+-]+/(?:[\w.-]+\+)?json(?:\s*;.*)?", re.IGNORECASE | re.ASCII)
_ADAPTERS: dict[str, TypeAdapter[Data]] = {
    name: TypeAdapter(models.given) for name, models in TYPES.items() if models.given
}
_ABSENT = object()


@dataclass(frozen=True, slots=True)
class IncomingEvent:
    """A faultless event as its source gave it: it may hold personal data.

    `raw` is the structured event, with `data_base64` already decoded into `data`.
    """

    id: str
    source: str
    type: str
    time: datetime
    subject: str | None
    data: Data
    raw: dict[str, Any]

    def __repr__(self) -> str:
        return f"IncomingEvent({self.type})"

    @property
    def backfill(self) -> bool:
        """Whether its source loads it afterwards: it counts, and nobody is told of it."""
        return self.raw.get("backfill") is True

    @property
    def unit(self) -> str | None:
        """The code of the unit that the event speaks of; None for voids."""
        return getattr(self.data, "unit", None)


def check(raw: object) -> tuple[IncomingEvent | None, list[Fault]]:
    """The event that a decoded JSON value holds, or everything that is wrong with it.

    Never raises. Whether the units exist is not looked at here.
    """
    if not isinstance(raw, dict):
        return None, [Fault("", "not_an_object", "Send a CloudEvent: a JSON object.", True)]
    faults = [*_check_envelope(raw)]
    given, data_faults = _decoded(raw)
    faults += data_faults
    time, time_faults = _check_time(raw)
    faults += time_faults
    faults += _check_depth(raw)
    type_ = raw.get("type")
    data: Data | None = None
    if isinstance(type_, str) and type_:
        data, more = _check_data(type_, given, bool(data_faults))
        faults += more
    if data is not None:
        faults += _check_leaks(raw, data)
    if faults or data is None or time is None:
        return None, faults
    whole = {key: value for key, value in raw.items() if key != "data_base64"} | {"data": given}
    return (
        IncomingEvent(raw["id"], raw["source"], raw["type"], time, raw.get("subject"), data, whole),
        [],
    )


def _check_envelope(raw: dict[Any, Any]) -> list[Fault]:
    faults = []
    if raw.get("specversion") is None:
        faults.append(Fault("/specversion", "missing", 'Add "specversion": "1.0".', True))
    elif raw["specversion"] != "1.0":
        faults.append(
            Fault("/specversion", "unsupported_specversion", 'Send specversion "1.0".', True)
        )
    for name in _CORE:
        value = raw.get(name)
        where = f"/{name}"
        if value is None:
            faults.append(Fault(where, "missing", f'Add the attribute "{name}".', True))
        elif not isinstance(value, str):
            faults.append(Fault(where, "wrong_type", "Give a string.", True))
        elif not value.strip():
            faults.append(Fault(where, "empty", "Fill this in: it must not be empty.", True))
        else:
            faults += _check_text(where, value)
            if name == "source" and re.search(r"[\s<>\"{}|\\^`]", value):
                faults.append(
                    Fault(where, "not_a_uri", "Give a URI reference, such as /unit/461.", True)
                )
    for name in _TEXT_ATTRIBUTES:
        value = raw.get(name)
        if value is None:
            continue
        if not isinstance(value, str):
            faults.append(Fault(f"/{name}", "wrong_type", "Give a string.", True))
        elif not value:
            faults.append(Fault(f"/{name}", "empty", "Leave this out or fill it in.", True))
        else:
            faults += _check_text(f"/{name}", value)
    content = raw.get("datacontenttype")
    if isinstance(content, str) and content and not _JSON_TYPE.fullmatch(content.strip()):
        faults.append(
            Fault("/datacontenttype", "unsupported_content_type", "Send data as application/json.")
        )
    if not isinstance(raw.get("backfill", False), bool | None):
        faults.append(
            Fault(
                "/backfill",
                "wrong_type",
                "Give true without quotation marks (header ce-backfill: true), or leave this out.",
                True,
            )
        )
    for name, value in raw.items():
        if name in _KNOWN:
            continue
        if not isinstance(name, str) or not _EXTENSION.fullmatch(name):
            faults.append(
                Fault(
                    pointer(str(name)),
                    "invalid_attribute_name",
                    "Name attributes with lower-case letters and digits only; "
                    "what is not an attribute belongs into data.",
                    True,
                )
            )
        elif isinstance(value, dict | list | float):
            faults.append(
                Fault(
                    pointer(name),
                    "wrong_type",
                    "Give an extension attribute as a string, a whole number or a boolean.",
                    True,
                )
            )
        elif isinstance(value, str):
            faults += _check_text(pointer(name), value)
    return faults


def _check_text(where: str, value: str) -> list[Fault]:
    faults = []
    if _CONTROL.search(value):
        faults.append(Fault(where, "control_character", "Remove the control characters."))
    try:
        value.encode()
    except UnicodeEncodeError:
        faults.append(
            Fault(
                where,
                "invalid_unicode",
                "Remove what is not a Unicode character (lone surrogates).",
            )
        )
    if len(value) > LONGEST_ID:
        faults.append(Fault(where, "too_long", f"Shorten this to at most {LONGEST_ID} characters."))
    return faults


def _check_time(raw: dict[Any, Any]) -> tuple[datetime | None, list[Fault]]:
    value = raw.get("time")
    if value is None:
        return None, [
            Fault("/time", "missing", "Add the time at which it happened, with its zone.")
        ]
    try:
        return instant(value), []
    except PydanticCustomError as error:
        return None, [Fault("/time", error.type, error.message())]


def _decoded(raw: dict[Any, Any]) -> tuple[Any, list[Fault]]:
    encoded = raw.get("data_base64")
    if encoded is None:
        return raw.get("data", _ABSENT), []
    where = "/data_base64"
    if "data" in raw:
        return None, [Fault(where, "two_data", "Send data or data_base64, not both.", True)]
    if not isinstance(encoded, str):
        return None, [Fault(where, "wrong_type", "Give a string.", True)]
    try:
        body = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return None, [Fault(where, "not_base64", "Encode the data as Base64.", True)]
    try:
        return json.loads(body), []
    except (ValueError, RecursionError):
        return None, [Fault(where, "not_json", "Encode a JSON document.")]


def _check_depth(raw: dict[Any, Any]) -> list[Fault]:
    level: list[Any] = [raw]
    for _ in range(DEEPEST):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return []
    return [Fault("/data", "too_deep", f"Nest at most {DEEPEST} levels.")]


def _check_data(type_: str, given: Any, undecodable: bool) -> tuple[Data | None, list[Fault]]:
    if type_ in OUTCOMES:
        return None, [
            Fault("/type", "outcome_type", "This type is only emitted by this system itself.")
        ]
    adapter = _ADAPTERS.get(type_)
    if adapter is None:
        return None, [
            Fault("/type", "unknown_type", "Use a type of the contract, with its version suffix.")
        ]
    if undecodable:
        return None, []
    if given is _ABSENT:
        return None, [Fault("/data", "missing", "Add the data.")]
    if not isinstance(given, dict):
        return None, [Fault("/data", "wrong_type", "Give an object.")]
    try:
        return adapter.validate_python(given), []
    except ValidationError as error:
        return None, from_validation(error, "data")


def _check_leaks(raw: dict[Any, Any], data: Data) -> list[Fault]:
    """Faults where a person's phone or e-mail is hidden in what is published as it stands."""
    secrets = []
    if isinstance(data, SubmissionGiven) and data.applicant:
        secrets = [data.applicant.phone, data.applicant.email]
    elif isinstance(data, InstallGiven):
        secrets = [data.citizen]
    needles = {needle for secret in secrets if secret for needle in _needles(secret)}
    if not needles:
        return []
    verbatim = [((name,), raw.get(name)) for name in ("id", "source")]
    verbatim += [(("data", name), getattr(data, name)) for name in _VERBATIM if hasattr(data, name)]
    return [
        Fault(
            pointer(*path),
            "personal_data",
            "Use a reference that does not hold the citizen's phone number or e-mail.",
        )
        for path, value in verbatim
        if isinstance(value, str) and any(needle in _squeezed(value) for needle in needles)
    ]


_VERBATIM = (
    "unit",
    "app",
    "installer",
    "code",
    "procedure",
    "credited_unit",
    "service_level",
    "assisted_by",
)


def _needles(secret: str) -> list[str]:
    if "@" in secret:
        return [_squeezed(secret)]
    phone = phones.normalise(secret)
    return [phone.e164[3:]] if phone.e164 else []


def _squeezed(text: str) -> str:
    return re.sub(r"[\s.\-_/:]", "", text).casefold()
