"""Installs: attempts, and what counts once."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Install:
    """One `install.recorded` event without anything that names a person."""

    order: tuple[datetime, str, str]
    unit: str
    app: str
    installer: str
    place: str
    succeeded: bool
    day: date
    device: str | None = None
    citizen: str | None = None


def counted_once(
    installs: Iterable[Install], key: Callable[[Install], str | None]
) -> list[Install]:
    """Of installs with one key only the earliest by (time, source, id), whoever made it.

    `key` is what is paid for once (the machine, else the citizen); one without a key counts.
    """
    first: dict[str, Install] = {}
    keyless: list[Install] = []
    for one in installs:
        value = key(one)
        if value is None:
            keyless.append(one)
        elif value not in first or one.order < first[value].order:
            first[value] = one
    return [*first.values(), *keyless]
