"""Which columns of which reports count dossiers one by one, and what one dossier adds to each."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from services.reporting.rules.forms import FORM_06, ON_TIME, DossierSums, form_06, on_time
from services.reporting.rules.quality_index import parts
from services.reporting.rules.territory import Place

QUALITY: Mapping[str, tuple[str, ...]] = {
    "dossiers": ("received_online", "received_counter_post"),
    "missing_phone": ("missing_phone",),
    "invalid_phone": ("invalid_phone",),
    "missing_name": ("missing_name",),
    "missing_returned_at": ("missing_returned_at",),
    "no_submission": ("no_submission",),
    "eligible_for_survey": ("eligible",),
}
"""Column of the report on data quality -> what it counts."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One contribution of a dossier to the figures, within what is asked."""

    measure: str
    place: Place
    field: str
    authority: str
    day: date
    n: int


def sums_of(figures: Iterable[Figure], first: date, last: date) -> DossierSums:
    """What some contributions add up to over a period, as the running sums do."""
    sums = dict.fromkeys(DossierSums.__dataclass_fields__, 0)
    for one in figures:
        if one.day > last:
            continue
        if one.measure == "overdue":
            sums["overdue"] += one.n
        elif one.measure.startswith("received_"):
            sums["received_before" if one.day < first else one.measure] += one.n
        elif one.measure.startswith("resolved_"):
            sums["resolved_before" if one.day < first else one.measure] += one.n
    return DossierSums(**sums)


def _form_06(figures: list[Figure], first: date, last: date) -> Mapping[str, Any]:
    return form_06(sums_of(figures, first, last))


def _on_time(figures: list[Figure], first: date, last: date) -> Mapping[str, Any]:
    return on_time(sums_of(figures, first, last))


def _online_share(figures: list[Figure], first: date, last: date) -> Mapping[str, Any]:
    sums = sums_of(figures, first, last)
    return {
        "online": sums.received_online,
        "total": sums.received_online + sums.received_counter_post,
    }


def _quality(figures: list[Figure], first: date, last: date) -> Mapping[str, Any]:
    counts = dict.fromkeys(QUALITY, 0)
    for column, measures in QUALITY.items():
        counts[column] = sum(
            one.n for one in figures if one.measure in measures and first <= one.day <= last
        )
    return counts


def _index(figures: list[Figure], first: date, last: date) -> Mapping[str, Any]:
    told = parts(sums_of(figures, first, last))
    return {
        f"{group}.{name}": n
        for group, numbers in told.items()
        for name, n in zip(("numerator", "denominator"), numbers, strict=True)
    }


Adds = Callable[[list[Figure], date, date], Mapping[str, Any]]

TRACED: Mapping[str, tuple[Adds, tuple[str, ...]]] = {
    "bieu-06": (_form_06, FORM_06),
    "on-time": (_on_time, ON_TIME),
    "online-share": (_online_share, ("online", "total")),
    "data-quality": (_quality, tuple(QUALITY)),
    "index-766": (_index, ("numerator", "denominator")),
}
"""Report -> what one dossier's contributions add to its columns, and these columns. A report's cell is
the sum over its dossiers, so those that add something are the ones behind it."""


STILL_OPEN = frozenset({"carried_over", "pending_total", "pending_within_due"})
"""Columns that count what was open at an instant."""
EXACTLY_OVERDUE = frozenset({"pending_overdue", "open_overdue"})
"""Columns that count what was overdue at the end of the period."""
EITHER = frozenset({"received_total"})
"""Columns that count both what was open before and what happened in the period."""
FINISHED_OR_OVERDUE = frozenset({"progress.denominator"})
"""Columns that count both what was finished in the period and what was overdue at its end."""
