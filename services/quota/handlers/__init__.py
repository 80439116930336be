"""Use cases of quota: count events, apply a plan, answer how far units are."""

from services.quota.handlers.behind import Figure, behind
from services.quota.handlers.counting import Counting
from services.quota.handlers.decisions import Asked, decide
from services.quota.handlers.flags import flags
from services.quota.handlers.grants import Refused, grant
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
from services.quota.handlers.progress import (
    Question,
    Walk,
    progress,
    progress_of,
    stream_progress,
)
from services.quota.handlers.recounts import Recounts, state_of_recount
from services.quota.handlers.rehearsals import rehearse
from services.quota.handlers.rejudging import Undated
from services.quota.handlers.results import Results
from services.quota.handlers.runs import (
    OutOfTurn,
    close_month,
    list_runs,
    month_end,
    show_run,
    unassigned,
)
from services.quota.handlers.stipends import COUNTED, stipends
from services.quota.handlers.versions import Plans

__all__ = [
    "COUNTED",
    "Applied",
    "Asked",
    "Counting",
    "Figure",
    "OutOfTurn",
    "Plans",
    "Question",
    "Recounts",
    "Refused",
    "Results",
    "Undated",
    "Walk",
    "apply_plan",
    "behind",
    "bound_units",
    "check_morning",
    "close_month",
    "decide",
    "flags",
    "foresee",
    "grant",
    "list_runs",
    "month_end",
    "progress",
    "progress_of",
    "recount_due",
    "rehearse",
    "show_run",
    "shown_since",
    "state_of_recount",
    "stipends",
    "stream_progress",
    "unassigned",
    "watch_mornings",
]
