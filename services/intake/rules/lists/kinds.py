"""The kinds of lists, as declared in ``deploy/lists/*.yaml``."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.units import fold

VALUES = frozenset(
    {"unit", "text", "name", "phone", "citizen", "email", "instant", "due", "day", "month"}
    | {"period", "whole", "choice", "code", "reference", "ignored"}
)
"""What a column may hold."""

COMMON = "common"
_COLUMN_KEYS = frozenset(
    {"heading", "aliases", "value", "required", "needed", "choices", "meaning", "example"}
)
_KIND_KEYS = frozenset({"kind", "title", "event", "list", "about", "any_of", "answers", "columns"})


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a kind. ``choices`` maps a folded word to the value that it stands for.

    ``required``: no row without a value. ``needed``: the column must be there, cells may be empty.
    """

    name: str
    heading: str
    aliases: tuple[str, ...]
    value: str
    required: bool
    needed: bool
    meaning: str
    example: str
    choices: Mapping[str, str] = field(default_factory=dict)
    words: tuple[str, ...] = ()
    """The first word of each choice, as it is shown to people."""

    @property
    def keys(self) -> frozenset[str]:
        """Every heading that means this column, folded."""
        return frozenset(fold(text) for text in (self.heading, self.name, *self.aliases))


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of list. Rows become events of type ``event``, or one delivery of the ``list``.

    ``any_of`` are groups of columns of which a row needs at least one. ``answers``: columns with
    other headings are answers of a questionnaire.
    """

    name: str
    title: str
    about: str
    event: str | None
    list: str | None
    columns: Mapping[str, Column]
    any_of: tuple[tuple[str, ...], ...] = ()
    answers: bool = False

    @property
    def people(self) -> bool:
        """Whether its rows are people of whom only counts go further."""
        return self.event is None


class KindFaults(ValueError):
    """Declarations that cannot be used; ``faults`` are lines for the person who wrote them."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


def read_kinds(files: Mapping[str, Any]) -> dict[str, Kind]:
    """Kinds from the contents of their files, by the files' names; ``common`` holds shared columns.

    Raises:
        KindFaults: with every fault of every file.
    """
    faults: list[str] = []
    common = files.get(COMMON) or {}
    kinds = {}
    for name, given in sorted(files.items()):
        if name == COMMON:
            continue
        kind = _kind(name, given, common, faults)
        if kind is not None:
            kinds[kind.name] = kind
    if faults:
        raise KindFaults(faults)
    return kinds


def _kind(name: str, given: Any, common: Mapping[str, Any], faults: list[str]) -> Kind | None:
    if not isinstance(given, dict) or not isinstance(given.get("columns"), dict):
        faults.append(f"{name}: columns is missing")
        return None
    faults += [f"{name}: unknown key {key}" for key in sorted(set(given) - _KIND_KEYS)]
    if given.get("kind") != name:
        faults.append(f"{name}: kind must be the name of the file")
    columns = {}
    for key, own in given["columns"].items():
        column = _column(name, key, common.get(key) or {}, own or {}, faults)
        if column is not None:
            columns[key] = column
    any_of = tuple(tuple(group) for group in given.get("any_of") or ())
    for group in any_of:
        faults += [f"{name}: any_of names no column {c}" for c in group if c not in columns]
    meant: dict[str, str] = {}
    for column in columns.values():
        for word in sorted(column.keys):
            other = meant.setdefault(word, column.name)
            if other != column.name:
                faults.append(f"{name}: '{word}' means both {other} and {column.name}")
    return Kind(
        name,
        given.get("title", name),
        " ".join(str(given.get("about", "")).split()),
        given.get("event"),
        given.get("list"),
        columns,
        any_of,
        bool(given.get("answers")),
    )


def _column(
    kind: str, key: str, common: Mapping[str, Any], own: Mapping[str, Any], faults: list[str]
) -> Column | None:
    merged = {**common, **own}
    where = f"{kind}.{key}"
    faults += [f"{where}: unknown key {k}" for k in sorted(set(merged) - _COLUMN_KEYS)]
    missing = {"heading", "value", "meaning", "example"} - set(merged)
    if missing or merged["value"] not in VALUES:
        faults.append(f"{where}: needs {', '.join(sorted(missing)) or 'a known value'}")
        return None
    aliases = [*own.get("aliases", ())]
    for alias in (common.get("heading"), *common.get("aliases", ())):
        if alias and fold(alias) not in {fold(a) for a in aliases}:
            aliases.append(alias)
    choices = {
        fold(str(word)): value
        for value, words in (merged.get("choices") or {}).items()
        for word in (value, re.sub("_", " ", value), *words)
    }
    words = tuple(str(words[0]) for words in (merged.get("choices") or {}).values())
    if merged["value"] == "choice" and not choices:
        faults.append(f"{where}: a choice needs choices")
    return Column(
        key,
        merged["heading"],
        tuple(str(alias) for alias in aliases),
        merged["value"],
        bool(merged.get("required")),
        bool(merged.get("required") or merged.get("needed")),
        merged["meaning"],
        str(merged["example"]),
        choices,
        words,
    )
