"""What units say of their figures before a month is closed: confirmed, or contested, dossier by dossier."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

State = Literal["confirmed", "contested", "unanswered"]


@dataclass(frozen=True, slots=True)
class Statement:
    """What somebody said for a unit, of all its figures or of one dossier."""

    state: Literal["confirmed", "contested"]
    dossier: str | None
    remark: str | None
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How a unit stands, with what it still contests; `last` is its newest statement."""

    state: State
    contested: tuple[Statement, ...] = ()
    last: Statement | None = None


def answer_of(statements: Iterable[Statement]) -> Standing:
    """How a unit stands after all it said, the oldest statement first.

    Confirming the whole ends everything contested before; confirming a dossier ends what was
    contested about it. A unit that only ever confirmed single dossiers has not answered.
    """
    contested: dict[str | None, Statement] = {}
    whole = False
    last: Statement | None = None
    for one in statements:
        last = one
        if one.state == "contested":
            contested.pop(one.dossier, None)
            contested[one.dossier] = one
        elif one.dossier is None:
            contested.clear()
            whole = True
        else:
            contested.pop(one.dossier, None)
    state: State = "contested" if contested else "confirmed" if whole else "unanswered"
    return Standing(state, tuple(contested.values()), last)
