"""Use cases of quota: count events, apply a plan, answer how far units are."""

from services.quota.handlers.counting import Counting
from services.quota.handlers.milestones import check_morning
from services.quota.handlers.morning import watch_mornings
from services.quota.handlers.plans import (
    Applied,
    apply_plan,
    bound_units,
    foresee,
    recount_due,
    shown_since,
)
from services.quota.handlers.progress import progress
from services.quota.handlers.results import Results
from services.quota.handlers.stipends import COUNTED, stipends
from services.quota.handlers.versions import Plans

__all__ = [
    "COUNTED",
    "Applied",
    "Counting",
    "Plans",
    "Results",
    "apply_plan",
    "bound_units",
    "check_morning",
    "foresee",
    "progress",
    "recount_due",
    "shown_since",
    "stipends",
    "watch_mornings",
]
