"""Use cases of quota: count events, apply a plan, answer how far units are."""

from services.quota.handlers.counting import Counting
from services.quota.handlers.plans import apply_plan
from services.quota.handlers.progress import progress
from services.quota.handlers.stipends import stipends
from services.quota.handlers.versions import Current, Plans

__all__ = ["Counting", "Current", "Plans", "apply_plan", "progress", "stipends"]
