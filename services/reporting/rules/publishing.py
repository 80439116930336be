"""What may be published, under which address, and what a revision changed, cell by cell."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

Row = Mapping[str, Any]

KEPT_INSIDE = frozenset({"overdue", "difficulties", "interview-list"})
"""Reports that list dossiers one by one, or what people wrote: nothing for everybody's eyes."""

PERSONAL_GROUPS = frozenset({"installer", "member"})
"""Groupings by somebody's code in the register of people."""

BY_DOMAIN = frozenset({"scorecard", "survey-reasons"})
"""Reports that are published one domain at a time (43/HĐND-TH): domains are not comparable."""

UNIT = ("unit", "unit_valid_from")
"""What tells units apart: a code was given to others."""

IDENTITY: Mapping[str, tuple[str, ...]] = {
    "online-share": (*UNIT, "authority"),
    "scorecard": (*UNIT, "domain", "mode", "quarter", "item"),
    "survey-reasons": (*UNIT, "domain", "mode", "quarter", "item", "cause"),
    "timeliness": ("plan", *UNIT, "obligation", "period"),
    "emulation": ("plan", *UNIT),
    "notices": (*UNIT, "channel"),
    "index-766": (*UNIT, "group"),
}
"""What tells the rows of a report apart, where it is more than what they are grouped by."""

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,98}[a-z0-9])?")
_NOT_IN_SLUG = re.compile(r"[^a-z0-9]+")
_NAMES = frozenset({"unit_name"})


def is_slug(text: str) -> bool:
    """Whether a text can be the last part of a published report's address."""
    return _SLUG.fullmatch(text) is not None


def slug_of(parts: Iterable[str | None]) -> str:
    """An address made of what a publication shows: the same for the same parts."""
    text = "-".join(part for part in parts if part)
    return _NOT_IN_SLUG.sub("-", text.lower()).strip("-")[:100].strip("-")


def identity(report: str, by: str | None, rows: Sequence[Row]) -> tuple[str, ...]:
    """The columns that tell the rows of a report apart."""
    if report in IDENTITY:
        return IDENTITY[report]
    group = by or ("unit" if not rows or "unit" in rows[0] else "field")
    keys = UNIT if group == "unit" else (group,)
    return (*keys, "kind") if report == "activity" else keys


def differences(
    report: str, by: str | None, before: Mapping[str, Any], after: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """What became of each cell of an answer: `before` and `after` hold `rows` and `total`.

    One entry a cell: the row's coordinates (`total` for the last one), the column, both values,
    and whether the cell was changed, or its row added or removed. Names of units are no figures.
    """
    keys = identity(report, by, [*before["rows"], *after["rows"]])
    old = {tuple(row.get(key) for key in keys): row for row in before["rows"]}
    new = {tuple(row.get(key) for key in keys): row for row in after["rows"]}
    found: list[dict[str, Any]] = []
    for mark in [*old, *(mark for mark in new if mark not in old)]:
        row = {key: each for key, each in zip(keys, mark, strict=True) if each is not None}
        found += _cells(row, old.get(mark), new.get(mark), {*keys} | _NAMES)
    return found + _cells({"total": True}, before["total"], after["total"], set())


def _cells(
    row: dict[str, Any], before: Row | None, after: Row | None, but: set[str]
) -> list[dict[str, Any]]:
    kind = "changed" if before is not None and after is not None else "added"
    if after is None:
        kind = "removed"
    old, new = before or {}, after or {}
    columns = [*old, *(column for column in new if column not in old)]
    return [
        {
            "row": row,
            "column": column,
            "before": old.get(column),
            "after": new.get(column),
            "kind": kind,
        }
        for column in columns
        if column not in but and old.get(column) != new.get(column)
    ]


def month_of(first: date | None, last: date) -> str | None:
    """The month that two days are the first and last of, as in 2020-03; null for another span."""
    if first is None or first.day != 1 or (first.year, first.month) != (last.year, last.month):
        return None
    next_day = date.fromordinal(last.toordinal() + 1)
    return f"{first.year:04d}-{first.month:02d}" if next_day.day == 1 else None
