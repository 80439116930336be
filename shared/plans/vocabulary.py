"""The words that a plan may use about events: their names and fields, taken from the contract."""

import types
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from shared.events.catalogue import INCOMING, TYPES

DERIVED = {
    "dossier.received": "motcua.dossier.submitted.v1",
    "dossier.resolved": "motcua.dossier.submitted.v1",
    "dossier.on_time": "motcua.dossier.submitted.v1",
    "dossier.late": "motcua.dossier.submitted.v1",
}
"""Facts read from a dossier's whole story, once per code; their fields are the submission's."""

LEVELS: tuple[str, ...] = ("officer", "head", "district", "province")
"""Whom a reminder or notice may name of a unit, beside all who answer for it."""

_HIDDEN = frozenset({"contact", "quality", "reason", "text"})


@dataclass(frozen=True, slots=True)
class Field:
    """A field that filters may ask about: `values` if it is one of a few, `kind` of its values."""

    kind: Literal["text", "whole", "object"]
    values: tuple[str, ...] | None = None


@cache
def facts() -> Mapping[str, Mapping[str, Field]]:
    """Name as a plan writes it -> fields. `install.recorded` stands for its newest version."""
    known = {
        name.removeprefix("motcua.").rpartition(".")[0]: _fields(TYPES[name].published)
        for name in sorted(INCOMING)
        if not name.startswith(("motcua.record.", "motcua.total."))
    }
    return known | {name: _fields(TYPES[of].published) for name, of in DERIVED.items()}


def fact_name(event_type: str) -> str:
    """`install.recorded` of `motcua.install.recorded.v1`; a short name is left as it is."""
    if event_type.startswith("motcua."):
        return event_type.removeprefix("motcua.").rpartition(".")[0]
    return event_type


def _fields(model: Any) -> dict[str, Field]:
    return {
        name: _field(info.annotation)
        for name, info in model.model_fields.items()
        if name not in _HIDDEN
    }


def _field(annotation: Any) -> Field:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _field(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return _field(next(arg for arg in get_args(annotation) if arg is not type(None)))
    if origin is Literal:
        return Field("text", tuple(get_args(annotation)))
    if annotation is int:
        return Field("whole")
    if origin is dict:
        return Field("object")
    return Field("text")
