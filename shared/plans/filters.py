"""The `where` of a plan: which events it means.

A filter is a mapping of conditions that must all hold. `field: value` asks for equality;
`field: {in: [...]}` (or `in:` the name of one of the plan's lists), `{not: value}`, `{at_least: n}`,
`{more_than: n}`, `{at_most: n}`, `{below: n}`, `{exists: true}` ask for more; `all:`, `any:` (lists
of filters) and `not:` (a filter) combine. A dotted field looks inside: `answers.quality`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

Lists = Mapping[str, Sequence[str] | str]
"""A plan's named lists; one that is still the word `undecided` lets everything through."""

UNDECIDED = "undecided"

_MISSING = object()
_RANGES: dict[str, Callable[[Any, Any], bool]] = {
    "at_least": lambda value, bound: value >= bound,
    "more_than": lambda value, bound: value > bound,
    "at_most": lambda value, bound: value <= bound,
    "below": lambda value, bound: value < bound,
}
OPERATORS = ("in", "not", "exists", *_RANGES)


def matches(where: Mapping[str, Any], data: Mapping[str, Any], lists: Lists | None = None) -> bool:
    """Whether an event's data satisfy a filter. An empty filter is satisfied by everything."""
    return all(_holds(key, wanted, data, lists or {}) for key, wanted in where.items())


def _holds(key: str, wanted: Any, data: Mapping[str, Any], lists: Lists) -> bool:
    if key == "all":
        return all(matches(each, data, lists) for each in wanted)
    if key == "any":
        return any(matches(each, data, lists) for each in wanted)
    if key == "not":
        return not matches(wanted, data, lists)
    value: Any = data
    for part in key.split("."):
        value = value.get(part, _MISSING) if isinstance(value, Mapping) else _MISSING
    if value is None:
        value = _MISSING
    if not isinstance(wanted, Mapping):
        return _same(value, wanted)
    return all(_compare(value, name, bound, lists) for name, bound in wanted.items())


def _compare(value: Any, name: str, bound: Any, lists: Lists) -> bool:
    if name == "exists":
        return (value is not _MISSING) is bound
    if name == "not":
        return not any(_same(value, each) for each in _several(bound))
    if value is _MISSING:
        return False
    if name == "in":
        if isinstance(bound, str):
            bound = lists.get(bound, ())
            if bound == UNDECIDED:
                return True
        return any(_same(value, each) for each in bound)
    return _kind(value) == _kind(bound) and _RANGES[name](value, bound)


def _several(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else [value]


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    return "number" if isinstance(value, int | float) else type(value).__name__


def _same(value: Any, wanted: Any) -> bool:
    return _kind(value) == _kind(wanted) and bool(value == wanted)


def conditions(
    where: Mapping[str, Any], path: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], str, Any]]:
    """Every (path, field, condition) of a filter, however deep. Skips what is malformed."""
    for key, wanted in where.items():
        here = (*path, key)
        if key in ("all", "any"):
            for number, each in enumerate(wanted if isinstance(wanted, list) else ()):
                if isinstance(each, Mapping):
                    yield from conditions(each, (*here, number))
        elif key == "not":
            if isinstance(wanted, Mapping):
                yield from conditions(wanted, here)
        else:
            yield here, key, wanted


def shape_faults(
    where: Any, path: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """What is wrong with the shape of a filter, as (path, message)."""
    if not isinstance(where, Mapping):
        yield path, "điều kiện phải là các cặp trường: giá trị"
        return
    for key, wanted in where.items():
        here = (*path, key)
        if key in ("all", "any"):
            if not isinstance(wanted, list) or not wanted:
                yield here, f"{key} cần một danh sách điều kiện"
                continue
            for number, each in enumerate(wanted):
                yield from shape_faults(each, (*here, number))
        elif key == "not":
            yield from shape_faults(wanted, here)
        elif isinstance(wanted, Mapping):
            yield from _operator_faults(wanted, here)
        elif isinstance(wanted, list):
            yield here, "danh sách giá trị viết là {in: [...]}"
        elif wanted is None:
            yield here, "thiếu giá trị; muốn hỏi có hay không, viết {exists: false}"


def _operator_faults(
    wanted: Mapping[str, Any], path: tuple[str | int, ...]
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if not wanted:
        yield path, "thiếu điều kiện"
    for name, bound in wanted.items():
        here = (*path, name)
        if name not in OPERATORS:
            yield here, f"không có phép so sánh {name!r}; có: {', '.join(OPERATORS)}"
        elif name == "exists":
            if not isinstance(bound, bool):
                yield here, "exists là true hoặc false"
        elif name == "in":
            if not isinstance(bound, str) and not (isinstance(bound, list) and _plain(bound)):
                yield here, "in cần một danh sách giá trị hoặc tên một danh mục của kế hoạch"
        elif name == "not":
            if not _plain(_several(bound)):
                yield here, "not cần một giá trị hoặc một danh sách giá trị"
        elif isinstance(bound, bool) or not isinstance(bound, int | float | str):
            yield here, f"{name} cần một số hoặc một ngày"


def _plain(values: Sequence[Any]) -> bool:
    return bool(values) and all(isinstance(each, str | int | float | bool) for each in values)


def _check(where: Any) -> Any:
    faults = list(shape_faults(where))
    if faults:
        raise PydanticCustomError("filter", "điều kiện không hợp lệ", {"faults": faults})
    return where


FILTER_SCHEMA: dict[str, Any] = {
    "title": "Filter",
    "type": "object",
    "properties": {
        "all": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/Filter"}},
        "any": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/Filter"}},
        "not": {"$ref": "#/$defs/Filter"},
    },
    "additionalProperties": {"$ref": "#/$defs/Condition_"},
}
CONDITION_SCHEMA: dict[str, Any] = {
    "title": "Condition",
    "anyOf": [
        {"type": ["string", "number", "boolean"]},
        {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": False,
            "properties": {
                "in": {
                    "anyOf": [
                        {"type": "string"},
                        {
                            "type": "array",
                            "minItems": 1,
                            "items": {"type": ["string", "number", "boolean"]},
                        },
                    ]
                },
                "not": {
                    "anyOf": [
                        {"type": ["string", "number", "boolean"]},
                        {
                            "type": "array",
                            "minItems": 1,
                            "items": {"type": ["string", "number", "boolean"]},
                        },
                    ]
                },
                "exists": {"type": "boolean"},
                **{name: {"type": ["string", "number"]} for name in _RANGES},
            },
        },
    ],
}

Filter = Annotated[
    dict[str, Any], AfterValidator(_check), WithJsonSchema({"title": FILTER_SCHEMA["title"]})
]
"""The `where` of a measure or of a fulfilling event."""
