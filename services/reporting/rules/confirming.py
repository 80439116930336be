"""What units say of their figures before a month is closed: confirmed, or contested, row by row."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

State = Literal["confirmed", "contested", "unanswered"]


@dataclass(frozen=True, slots=True)
class About:
    """What a unit speaks of: a dossier, an event by its (source, id), or with neither all its
    figures."""

    dossier: str | None = None
    event: tuple[str, str] | None = None

    @property
    def whole(self) -> bool:
        return self.dossier is None and self.event is None


@dataclass(frozen=True, slots=True)
class Statement:
    """What somebody said for a unit; `domain` where its figures are confirmed one domain at a time:
    null for all of them."""

    state: Literal["confirmed", "contested"]
    about: About
    remark: str | None
    at: datetime
    by: str
    domain: str | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """How a unit stands, with what it still contests; `last` is its newest statement."""

    state: State
    contested: tuple[Statement, ...] = ()
    last: Statement | None = None


def answer_of(statements: Iterable[Statement]) -> Standing:
    """How a unit stands after all it said, the oldest statement first.

    Confirming the whole ends everything contested before; confirming a dossier or an event ends what
    was contested about it. A unit that only ever confirmed single ones has not answered.
    """
    contested: dict[About, Statement] = {}
    whole = False
    last: Statement | None = None
    for one in statements:
        last = one
        if one.state == "contested":
            contested.pop(one.about, None)
            contested[one.about] = one
        elif one.about.whole:
            contested.clear()
            whole = True
        else:
            contested.pop(one.about, None)
    state: State = "contested" if contested else "confirmed" if whole else "unanswered"
    return Standing(state, tuple(contested.values()), last)


def answer_over(statements: Iterable[Statement], domains: Collection[str | None]) -> Standing:
    """How a unit stands over several domains: it contests what it contests in any of them, and has
    confirmed once it confirmed each. What it says of no domain it says of all."""
    said = [one for one in statements if one.domain is None or one.domain in domains]
    each = [
        answer_of(one for one in said if one.domain in (None, domain))
        for domain in domains or (None,)
    ]
    contested = {one for standing in each for one in standing.contested}
    states = {standing.state for standing in each}
    state: State = "contested" if contested else "unanswered"
    if states == {"confirmed"}:
        state = "confirmed"
    in_order = tuple(one for one in dict.fromkeys(said) if one in contested)
    return Standing(state, in_order, said[-1] if said else None)
