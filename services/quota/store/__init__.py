"""Every query of quota."""

from services.quota.store.counts import (
    CountKey,
    forget_counts,
    join_keys,
    keys_of,
    members_of,
    recount,
    totals,
)
from services.quota.store.facts import (
    add_facts,
    add_voids,
    facts_after,
    facts_of,
    facts_of_codes,
)
from services.quota.store.milestones import (
    pass_milestones,
)
from services.quota.store.plans import (
    add_plan,
    newest_plans,
    plan_versions,
)
from services.quota.store.stipends import (
    balances,
    book,
    ledger,
    mark_payable,
    set_winners,
    stipends,
    winners_of,
)

__all__ = [
    "CountKey",
    "add_facts",
    "add_plan",
    "add_voids",
    "balances",
    "book",
    "facts_after",
    "facts_of",
    "facts_of_codes",
    "forget_counts",
    "join_keys",
    "keys_of",
    "ledger",
    "mark_payable",
    "members_of",
    "newest_plans",
    "pass_milestones",
    "plan_versions",
    "recount",
    "set_winners",
    "stipends",
    "totals",
    "winners_of",
]
