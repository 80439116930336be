"""Every query of reporting: what a batch reads and writes, and what a report reads."""

from services.reporting.store import facts, figures, plans, sums

__all__ = ["facts", "figures", "plans", "sums"]
