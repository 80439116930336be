"""Plans: what their files may say, reading them, and the pure arithmetic on them.

`load_plan` reads a file; a `Plan` knows its target units, targets and periods; `duties` lists what
is owed by when, and `judge` says how a duty stands.
"""

from shared.plans.amounts import Bound, exact
from shared.plans.duties import (
    ONCE,
    Alert,
    Delivery,
    Duty,
    Judgement,
    alerts,
    deliveries,
    duties,
    judge,
)
from shared.plans.filters import UNDECIDED, matches
from shared.plans.indicators import Indicator, Measure
from shared.plans.models import Plan, attribute
from shared.plans.obligations import Obligation
from shared.plans.periods import WHOLE, period_key
from shared.plans.reading import PlanFault, PlanFaults, load_plan, read_plan
from shared.plans.schema import plan_schema, plan_schema_text
from shared.plans.sentences import sentences
from shared.plans.versions import (
    BEGINNING,
    Owed,
    OwedFor,
    PlanVersion,
    Versions,
    owed_duties,
    owed_until,
)
from shared.plans.vocabulary import DERIVED, LEVELS, fact_name

__all__ = [
    "BEGINNING",
    "DERIVED",
    "LEVELS",
    "ONCE",
    "UNDECIDED",
    "WHOLE",
    "Alert",
    "Bound",
    "Delivery",
    "Duty",
    "Indicator",
    "Judgement",
    "Measure",
    "Obligation",
    "Owed",
    "OwedFor",
    "Plan",
    "PlanFault",
    "PlanFaults",
    "PlanVersion",
    "Versions",
    "alerts",
    "attribute",
    "deliveries",
    "duties",
    "exact",
    "fact_name",
    "judge",
    "load_plan",
    "matches",
    "owed_duties",
    "owed_until",
    "period_key",
    "plan_schema",
    "plan_schema_text",
    "read_plan",
    "sentences",
]
