"""Who is paid."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

from services.quota.rules.counting import place_of
from services.quota.rules.facts import Fact
from shared.plans import Plan


def winner(plan: Plan, indicator: str, facts: Iterable[Fact]) -> tuple[str, Fact] | None:
    """The unit and fact that count for a key: the earliest by (time, source, id) that is bound."""
    for fact in sorted((f for f in facts if f.known(None)), key=lambda f: f.order):
        place = place_of(plan, indicator, fact.data, fact.occurred_at)
        if place is not None:
            return place[0], fact
    return None


def pay(winners: Sequence[Any], quota: Fraction | None, hold: bool) -> list[bool]:
    """Which of a unit's winners, given in their order, are payable: those within the quota."""
    if quota is None or not hold:
        return [True] * len(winners)
    return [position < quota for position in range(len(winners))]
