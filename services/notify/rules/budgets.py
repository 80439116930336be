"""A unit's monthly budget for messages, in VND."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime

from shared.clock import local_day, start_of

WARN_TENTHS = 8
"""From eight tenths of a budget on its unit's officers are told, once a month."""

BUDGET = "budget"
LOW = "budget_low"
EVERY = ""
"""The month of a budget that holds for every month without one of its own."""


def month_of(instant: datetime) -> str:
    """The local month of an instant, ``YYYY-MM``."""
    return f"{local_day(instant):%Y-%m}"


def next_month(instant: datetime) -> datetime:
    """The instant at which the local month after this one begins."""
    day = local_day(instant)
    return start_of(date(day.year + day.month // 12, day.month % 12 + 1, 1))


def accounts_of(chain: Collection[str], budgets: Collection[str]) -> tuple[str, ...]:
    """Whose budgets a unit draws on, all of them: its own and every one above it, nearest first."""
    return tuple(unit for unit in chain if unit in budgets)


def tightest(accounts: Sequence[str], left: Mapping[str, int]) -> str | None:
    """The budget for whose sake a unit's messages wait: that with the least left, the nearest among
    equals; null without a budget."""
    return min(accounts, key=lambda unit: left[unit], default=None)


def is_low(used: int, amount: int) -> bool:
    """Whether the officers of a unit are to know how much is gone."""
    return used * 10 >= amount * WARN_TENTHS


def state_of(used: int, amount: int) -> str:
    """``ok``, ``low`` or ``spent``."""
    if used >= amount:
        return "spent"
    return "low" if is_low(used, amount) else "ok"


def vnd(amount: int) -> str:
    """An amount as texts show it."""
    return f"{amount:,} VND".replace(",", ".")
