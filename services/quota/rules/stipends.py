"""Who is paid."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Literal

from services.quota.rules.counting import Part, place_of
from services.quota.rules.facts import Fact
from shared.plans import Indicator

State = Literal["payable", "approved", "held", "refused"]
PAID: tuple[State, ...] = ("payable", "approved")


@dataclass(frozen=True, slots=True)
class Earned:
    """The event of a key that earns its stipend, and what an official decided about the key.

    ``rank`` is its place in its unit by (time, source, id), those left out that were refused.
    """

    key: str
    unit: str
    installer: str | None
    occurred_at: datetime
    source: str
    event_id: str
    rank: int
    decision: Literal["approve", "refuse"] | None = None

    @property
    def order(self) -> tuple[datetime, str, str]:
        return (self.occurred_at, self.source, self.event_id)


@dataclass(frozen=True, slots=True)
class Terms:
    """By what an earned event is paid: ``quota`` None = all of them; ``cap`` per installer."""

    amount: int
    currency: str
    quota: Fraction | None
    cap: int | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """How an earned event stands; ``beyond`` the quota it may still be approved."""

    earned: Earned
    state: State
    beyond: bool
    amount: int


def winner(part: Part, facts: Iterable[Fact]) -> tuple[str, Fact] | None:
    """The unit and fact that count for a key: the earliest by (time, source, id) of the plan's days.

    None where there is none, where its unit is not bound by the plan, or where nothing was paid for
    at its time.
    """
    for fact in sorted((f for f in facts if f.known(None)), key=lambda f: f.order):
        version = part.history.at(fact.occurred_at)
        made = version.plan.indicators.get(part.indicator) if version else None
        if version is None or made is None:
            continue
        if version.plan.period_of(part.indicator, fact.occurred_at) is None:
            continue
        unit = place_of(version.plan, part.indicator, fact.data, fact.occurred_at)
        return (unit, fact) if unit is not None and made.stipend is not None else None
    return None


def terms(made: Indicator, quota: Fraction | None) -> Terms | None:
    """What an indicator pays in a unit with that quota; None where it pays nothing."""
    if made.stipend is None:
        return None
    held = made.stipend.beyond_target == "hold"
    return Terms(
        made.stipend.amount, made.stipend.currency, quota if held else None, made.stipend.cap
    )


def stand(earned: Sequence[Earned], terms_of: Callable[[Earned], Terms | None]) -> list[Standing]:
    """How earned events of one unit stand, by (time, source, id): all that are paid among them.

    The first ones within the quota are payable, of one installer no more than the cap. The others
    are held until an official decides. A refused one takes no place in the quota.
    """
    found: list[Standing] = []
    paid: Counter[str | None] = Counter()
    for each in sorted(earned, key=lambda one: one.order):
        by = terms_of(each)
        if by is None:
            continue
        beyond = by.quota is not None and each.rank > by.quota
        state: State
        if each.decision == "refuse":
            state, beyond = "refused", True
        else:
            capped = by.cap is not None and paid[each.installer] >= by.cap
            if each.decision == "approve":
                state = "approved" if beyond or capped else "payable"
            else:
                state = "held" if beyond or capped else "payable"
            beyond = beyond or capped
        if state in PAID:
            paid[each.installer] += 1
        found.append(Standing(each, state, beyond, by.amount if state in PAID else 0))
    return found


Entry = tuple[str | None, str, str]
"""(installer, source, event id): what one booking is for."""


def corrections(due: Mapping[Entry, int], booked: Mapping[Entry, int]) -> dict[Entry, int]:
    """What has to be booked so that the ledger's balances say what is due."""
    return {
        entry: due.get(entry, 0) - booked.get(entry, 0)
        for entry in sorted(due.keys() | booked.keys(), key=lambda each: each[1:])
        if due.get(entry, 0) != booked.get(entry, 0)
    }
