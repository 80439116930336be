"""Rules that read what a gateway says: the first of which all conditions hold decides.

A condition names a field by its dotted path (``data.0.tranId``) and what it may be: a text, or a
range of numbers ``1..63``, ``64..``; ``..`` is anything that is there. ``http`` is the status of
an answer and ``text`` the whole of it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_RANGE = re.compile(r"(-?\d*)\.\.(-?\d*)")
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,8}")

Alternatives = Sequence[str]


def find(document: Any, path: str) -> Any:
    """What is at a dotted path; null where there is nothing."""
    for step in path.split("."):
        if isinstance(document, Mapping):
            document = document.get(step)
        elif isinstance(document, list) and step.isdigit() and int(step) < len(document):
            document = document[int(step)]
        else:
            return None
    return document


def as_text(value: Any) -> str | None:
    """A leaf as rules compare it: numbers and truth values as JSON writes them."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        text = str(value).strip()
        return text.removesuffix(".0") if isinstance(value, float) else text
    return None


def allows(alternatives: Alternatives, value: Any) -> bool:
    """Whether a value is one of the alternatives."""
    text = as_text(value)
    for each in alternatives:
        span = _RANGE.fullmatch(each)
        if span is None:
            if text == each:
                return True
        elif span.group(1) == span.group(2) == "":
            if value not in (None, "", [], {}):
                return True
        elif text is not None and re.fullmatch(r"-?\d{1,18}", text):
            low, high = span.groups()
            if (not low or int(text) >= int(low)) and (not high or int(text) <= int(high)):
                return True
    return False


def decide(
    rules: Iterable[tuple[Mapping[str, Alternatives], str]],
    document: Any,
    outside: Mapping[str, Any],
) -> tuple[str | None, str]:
    """What the first rule that holds says, and the code by which it was known; null if none
    does."""
    for conditions, verdict in rules:
        found = {name: _at(document, outside, name) for name in conditions}
        if all(allows(conditions[name], value) for name, value in found.items()):
            return verdict, code_of(found)
    return None, ""


def code_of(found: Mapping[str, Any]) -> str:
    """A short code for histories and logs; what might be a text or a number of a phone is left
    out."""
    for value in found.values():
        text = as_text(value)
        if text is not None and _CODE.fullmatch(text):
            return text
    return ""


def _at(document: Any, outside: Mapping[str, Any], name: str) -> Any:
    return outside[name] if name in outside else find(document, name)
