"""What is wrong with an event, said so that its sender can mend it, without repeating a value."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-]{0,39}")
_DIGIT_RUN = re.compile(r"\d{5}|@")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing to mend. `is_envelope`: this is no CloudEvent at all (HTTP 400, else 422)."""

    pointer: str
    code: str
    message: str
    is_envelope: bool = False

    def as_dict(self) -> dict[str, str]:
        """As an item of `errors` in a problem document."""
        return {"pointer": self.pointer, "code": self.code, "message": self.message}


def pointer(*parts: str | int) -> str:
    """A JSON pointer. It ends before a key that might itself hold personal data."""
    path = ""
    for part in parts:
        name = str(part)
        if isinstance(part, str) and (not _PLAIN_NAME.fullmatch(name) or _DIGIT_RUN.search(name)):
            break
        path += f"/{name}"
    return path


_WORDING: dict[str, tuple[str, str]] = {
    "missing": ("missing", "Add this required field."),
    "string_type": ("wrong_type", "Give a string."),
    "string_unicode": (
        "invalid_unicode",
        "Remove what is not a Unicode character (lone surrogates).",
    ),
    "string_too_long": ("too_long", "Shorten this to at most {max_length} characters."),
    "string_too_short": ("empty", "Fill this in: it must not be empty."),
    "string_pattern_mismatch": ("invalid_code", "Write this in the documented form."),
    "literal_error": ("not_allowed", "Use one of: {expected}."),
    "list_type": ("wrong_type", "Give a list."),
    "dict_type": ("wrong_type", "Give an object."),
    "model_type": ("wrong_type", "Give an object."),
    "model_attributes_type": ("wrong_type", "Give an object."),
    "int_type": ("wrong_type", "Give a whole number."),
    "float_type": ("wrong_type", "Give a number."),
    "greater_than_equal": ("too_small", "Give at least {ge}."),
}


def from_validation(error: ValidationError, *prefix: str | int) -> list[Fault]:
    """The faults that pydantic found, in our codes and words."""
    return [
        _fault(item, prefix)
        for item in error.errors(include_url=False, include_input=False, include_context=True)
    ]


def described(error: ValidationError) -> str:
    """Where and what, in one line without any value: for logs and dead letters."""
    return "; ".join(f"{fault.pointer or '/'} {fault.code}" for fault in from_validation(error))


def _fault(item: Any, prefix: Iterable[str | int]) -> Fault:
    where = pointer(*prefix, *item["loc"])
    known = _WORDING.get(item["type"])
    if known is None:
        custom = item["type"].islower() and item.get("ctx") is None
        message = item["msg"] if custom else "Write this in the documented form."
        return Fault(where, item["type"], message)
    code, message = known
    return Fault(where, code, message.format(**item.get("ctx", {})))
