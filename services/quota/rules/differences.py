"""What one version of a plan says differently from another."""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from shared.plans import Plan, sentences


@dataclass(frozen=True, slots=True)
class Difference:
    """A place that changed; ``path`` is a JSON pointer, what is not there is None."""

    path: str
    old: Any
    new: Any

    @property
    def text(self) -> str:
        """The change in one line, for people."""
        if self.old is None:
            return f"thêm {self.path}: {_shown(self.new)}"
        if self.new is None:
            return f"bỏ {self.path}: {_shown(self.old)}"
        return f"đổi {self.path}: {_shown(self.old)} → {_shown(self.new)}"


def differences(old: Plan | None, new: Plan) -> list[Difference]:
    """Every place that changed, in the order of the file."""
    before = orjson.loads(old.canonical()) if old else {}
    return list(_compare(before, orjson.loads(new.canonical()), ""))


def changed_sentences(old: Plan | None, new: Plan) -> tuple[list[str], list[str]]:
    """The sentences that are gone, and those that are new."""
    before, after = sentences(old) if old else [], sentences(new)
    removed, added = [], []
    for line in difflib.ndiff(before, after):
        if line.startswith("- "):
            removed.append(line[2:])
        elif line.startswith("+ "):
            added.append(line[2:])
    return removed, added


def _compare(old: Any, new: Any, path: str) -> Iterator[Difference]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        pairs: Any = {key: (old.get(key), new.get(key)) for key in [*old, *new]}.items()
    elif isinstance(old, list) and isinstance(new, list):
        length = max(len(old), len(new))
        pairs = [(n, (_at(old, n), _at(new, n))) for n in range(length)]
    elif old != new:
        yield Difference(path or "/", old, new)
        return
    else:
        return
    for key, (left, right) in pairs:
        yield from _compare(left, right, f"{path}/{_escape(key)}")


def _at(values: list[Any], number: int) -> Any:
    return values[number] if number < len(values) else None


def _escape(key: Any) -> str:
    return str(key).replace("~", "~0").replace("/", "~1")


def _shown(value: Any) -> str:
    return orjson.dumps(value).decode()
