"""Every query of reporting: what a batch reads and writes, and what a report reads."""

from services.reporting.store import (
    facts,
    figures,
    notices,
    plans,
    refusals,
    results,
    sums,
    teams,
    undated,
)

__all__ = [
    "facts",
    "figures",
    "notices",
    "plans",
    "refusals",
    "results",
    "sums",
    "teams",
    "undated",
]
