"""Difficulties: raised once, resolved once, told in any order."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Said:
    """One event about a difficulty."""

    difficulty: str
    unit: str
    day: date
    category: str
    text: str
    resolved: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Difficulty:
    """A difficulty as it stands; `answer` is what was said when it was resolved."""

    difficulty: str
    unit: str
    day: date
    category: str
    text: str
    raised_at: datetime | None
    resolved_at: datetime | None
    answer: str | None


def difficulties(said: Iterable[Said]) -> list[Difficulty]:
    """Every difficulty, by when it was raised; of several events of a kind the first counts.

    `said` is in the order of events. One that was resolved before anybody raised it is known by
    what was said then.
    """
    raised: dict[str, Said] = {}
    resolved: dict[str, Said] = {}
    for each in said:
        (resolved if each.resolved else raised).setdefault(each.difficulty, each)
    found = []
    for key in raised.keys() | resolved.keys():
        first, last = raised.get(key), resolved.get(key)
        known = first or last
        assert known is not None
        found.append(
            Difficulty(
                key,
                known.unit,
                known.day,
                known.category,
                known.text,
                first.at if first else None,
                last.at if last else None,
                last.text if last else None,
            )
        )
    return sorted(found, key=lambda one: (one.raised_at or one.resolved_at, one.difficulty))
