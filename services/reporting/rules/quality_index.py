"""The quality index of serving people and businesses (QĐ 766/QĐ-TTg 2022), as far as events say it.

Of five groups that make 100 points, each is linear below its level of full points. A group whose
inputs nobody tells us, or that has nothing in its denominator, is not applicable: it has no points,
and its weight is in no sum.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

from services.reporting.rules.forms import NOTHING, DossierSums

HUNDREDTH = Decimal("0.01")
NO_INPUT = "no_input"


@dataclass(frozen=True, slots=True)
class Group:
    """A group of the index: how many points it gives, and the share that gives all of them."""

    name: str
    weight: int
    full_at: Fraction | None = None
    """Null where its inputs do not exist in events."""


GROUPS = (
    Group("publicity", 18),
    Group("progress", 20, Fraction(1)),
    Group("digitisation", 22),
    Group("online_provision", 22, Fraction(1, 2)),
    Group("satisfaction", 18),
)
"""Progress: on time of all resolved and of those open and overdue. Online provision: filed online of
all received. Satisfaction would pool answers by phone and by tablet, which cannot be pooled."""


TOLD_GROUPS = ("progress", "online_provision")
"""The groups that events tell of."""


def parts(sums: DossierSums) -> dict[str, tuple[int, int]]:
    """(numerator, denominator) of the groups that events tell of."""
    kept = sums.resolved_early + sums.resolved_on_time
    received = sums.received_online + sums.received_counter_post
    return {
        "progress": (kept, kept + sums.resolved_late + sums.overdue),
        "online_provision": (sums.received_online, received),
    }


def index_766(sums: DossierSums) -> list[dict[str, Any]]:
    """The five groups with their arithmetic; points rounded to two places, half up."""
    told = parts(sums)
    rows = []
    for group in GROUPS:
        part, whole = told.get(group.name, (None, None))
        applies = bool(whole) and group.full_at is not None
        rows.append(
            {
                "group": group.name,
                "weight": group.weight,
                "numerator": part,
                "denominator": whole,
                "share": part / whole if applies and part is not None and whole else None,
                "full_at": None if group.full_at is None else float(group.full_at),
                "points": _points(group, part or 0, whole or 0) if applies else None,
                "state": "computed" if applies else "not_applicable",
                "reason": None if applies else NO_INPUT if part is None else NOTHING,
            }
        )
    return rows


def index_total(rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The points of the groups that apply, and how many they could be."""
    counted = [row for row in rows if row["points"] is not None]
    points = sum((Decimal(str(row["points"])) for row in counted), Decimal(0))
    return {
        "points": float(points) if counted else None,
        "weight": sum(row["weight"] for row in counted),
        "reason": None if counted else NOTHING,
    }


def _points(group: Group, part: int, whole: int) -> float:
    assert group.full_at is not None
    reached = min(Fraction(1), Fraction(part, whole) / group.full_at) * group.weight
    exact = Decimal(reached.numerator) / Decimal(reached.denominator)
    return float(exact.quantize(HUNDREDTH, ROUND_HALF_UP))
