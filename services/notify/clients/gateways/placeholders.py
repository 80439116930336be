"""Placeholders of a description: ``{phone}``, ``{text}``, ``{env.NAME}``, ``{env.NAME|instead}``.

A string that is nothing but one placeholder becomes its value as it is: a number stays a number in
JSON. A brace itself is written twice.
"""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

_FINDER = re.compile(r"\{\{|\}\}|\{([^{}]*)\}")
_ENVIRONMENT = re.compile(r"env\.([A-Z][A-Z0-9_]*)(?:\|(.*))?", re.DOTALL)


class Missing(ValueError):
    """A name of the environment that is not set; ``name``."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def used(value: Any) -> Iterator[str]:
    """The names of all placeholders in a value, whatever its depth; braces that hold no name and
    single ones come as they are."""
    for text in strings(value):
        rest = _FINDER.sub("", text)
        if "{" in rest or "}" in rest:
            yield "{" if "{" in rest else "}"
        for match in _FINDER.finditer(text):
            if match.group(1) is not None:
                yield match.group(1)


def strings(value: Any) -> Iterator[str]:
    """The strings in a value of lists and mappings, keys left out."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from strings(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from strings(each)


def environment_name(placeholder: str) -> tuple[str, str | None] | None:
    """(name, what stands in for it) of ``env.NAME|instead``; null for another placeholder."""
    match = _ENVIRONMENT.fullmatch(placeholder)
    return (match.group(1), match.group(2)) if match else None


def look_up(name: str, instead: str | None) -> str:
    """A value of the environment, or of the file that ``NAME_FILE`` names, read anew each time: a
    token that is exchanged every day is put there by another program.

    Raises:
        Missing: it is nowhere.
    """
    if text := os.environ.get(name):
        return text
    if path := os.environ.get(f"{name}_FILE"):
        try:
            return Path(path).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise Missing(f"{name}_FILE") from None
    if instead is None:
        raise Missing(name)
    return instead


def fill(value: Any, values: Mapping[str, Any], encode: bool = False) -> Any:
    """A value with its placeholders filled in.

    Args:
        values: by name, without those of the environment.
        encode: percent-encode what is filled in, but what comes from the environment.

    Raises:
        Missing: the environment lacks something.
        KeyError: an unknown placeholder.
    """
    if isinstance(value, str):
        return _fill_text(value, values, encode)
    if isinstance(value, Mapping):
        return {key: fill(each, values, encode) for key, each in value.items()}
    if isinstance(value, list):
        return [fill(each, values, encode) for each in value]
    return value


def _fill_text(text: str, values: Mapping[str, Any], encode: bool) -> Any:
    whole = _FINDER.fullmatch(text)
    if whole is not None and whole.group(1) is not None and not encode:
        return _value(whole.group(1), values)[0]

    def put(match: re.Match[str]) -> str:
        name = match.group(1)
        if name is None:
            return match.group()[0]
        found, trusted = _value(name, values)
        return str(found) if trusted or not encode else quote(str(found), safe="")

    return _FINDER.sub(put, text)


def _value(name: str, values: Mapping[str, Any]) -> tuple[Any, bool]:
    asked = environment_name(name)
    if asked is not None:
        return look_up(*asked), True
    if name.startswith("fact."):
        return values.get(name) or "", False
    return values[name], False
