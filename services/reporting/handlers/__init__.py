"""Use cases of reporting: take events and plans in, answer reports."""

from services.reporting.handlers.accounts import SESSION_HOURS, Accounts, Throttled
from services.reporting.handlers.answering import Reports
from services.reporting.handlers.applying import (
    apply_events,
    keep_rolling,
    refold_due,
    roll_pending,
)
from services.reporting.handlers.asking import FILTERED, Asked, ask
from services.reporting.handlers.confirming import CONFIRMED, Confirming
from services.reporting.handlers.counted import Counted, Figure
from services.reporting.handlers.documents import document
from services.reporting.handlers.dossier import Dossier, dossier
from services.reporting.handlers.exporting import Exports
from services.reporting.handlers.letters import Letter, letter
from services.reporting.handlers.memo import Memo
from services.reporting.handlers.outcomes import apply_outcomes
from services.reporting.handlers.overview import Glance, glance
from services.reporting.handlers.planning import PlanMessage, apply_plans, parse_plan, titles
from services.reporting.handlers.publishing import Publishing, Wanted
from services.reporting.handlers.pulse import felt
from services.reporting.handlers.rejudging import Undated
from services.reporting.handlers.reports import GROUPINGS, REPORTS, Answer
from services.reporting.handlers.sampling import Sampling
from services.reporting.handlers.scheduling import Building, Scheduling, Wish
from services.reporting.handlers.standing import standing
from services.reporting.handlers.tracing import timeline, trace
from services.reporting.handlers.withdrawing import Told, Withdrawing

__all__ = [
    "CONFIRMED",
    "FILTERED",
    "GROUPINGS",
    "REPORTS",
    "SESSION_HOURS",
    "Accounts",
    "Answer",
    "Asked",
    "Building",
    "Confirming",
    "Counted",
    "Dossier",
    "Exports",
    "Figure",
    "Glance",
    "Letter",
    "Memo",
    "PlanMessage",
    "Publishing",
    "Reports",
    "Sampling",
    "Scheduling",
    "Throttled",
    "Told",
    "Undated",
    "Wanted",
    "Wish",
    "Withdrawing",
    "apply_events",
    "apply_outcomes",
    "apply_plans",
    "ask",
    "document",
    "dossier",
    "felt",
    "glance",
    "keep_rolling",
    "letter",
    "parse_plan",
    "refold_due",
    "roll_pending",
    "standing",
    "timeline",
    "titles",
    "trace",
]
