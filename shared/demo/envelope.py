"""The shape of an invented event, and chance that always falls the same way."""

from __future__ import annotations

import random
from datetime import datetime
from typing import Any

Event = dict[str, Any]


def event(kind: str, source: str, id: str, at: datetime, data: dict[str, Any]) -> Event:
    """A structured CloudEvent; members of `data` that are None are left out."""
    return {
        "specversion": "1.0",
        "id": id,
        "source": source,
        "type": f"motcua.{kind}.v1",
        "time": at.isoformat(),
        "datacontenttype": "application/json",
        "data": {name: value for name, value in data.items() if value is not None},
    }


def chance(*of: object) -> random.Random:
    """A source of chance of its own for each thing told, so that it depends on nothing else."""
    return random.Random("/".join(map(str, of)))


def taken(number: int, scale: float) -> bool:
    """Whether the thing of this number, from 0 on, belongs to a share of all (0 to 1) evenly."""
    return int((number + 1) * scale + 1e-9) > int(number * scale + 1e-9)


def between(span: tuple[float, float], at: float) -> float:
    """The value at a place from 0 to 1 between two bounds."""
    low, high = span
    return low + (high - low) * at
