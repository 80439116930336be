"""Pure decisions of quota: what a key adds to a count, who is paid, how far a unit is."""

from services.quota.rules.counting import (
    DERIVED,
    OF,
    OVER,
    Adds,
    Judged,
    Part,
    Reading,
    contributions,
    key_of,
    parts,
    place_of,
    read_stories,
    story_contributions,
)
from services.quota.rules.facts import (
    STATUS_CHANGED,
    SUBMITTED,
    Fact,
    status_change,
    submission,
    turning_days,
)
from services.quota.rules.periods import (
    period_end,
    period_start,
    periods,
)
from services.quota.rules.progress import (
    project,
    state,
)
from services.quota.rules.stipends import (
    pay,
    winner,
)

__all__ = [
    "DERIVED",
    "OF",
    "OVER",
    "STATUS_CHANGED",
    "SUBMITTED",
    "Adds",
    "Fact",
    "Judged",
    "Part",
    "Reading",
    "contributions",
    "key_of",
    "parts",
    "pay",
    "period_end",
    "period_start",
    "periods",
    "place_of",
    "project",
    "read_stories",
    "state",
    "status_change",
    "story_contributions",
    "submission",
    "turning_days",
    "winner",
]
