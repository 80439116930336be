"""Every query of quota."""

from services.quota.store.counts import (
    Cell,
    CountKey,
    forget_counts,
    join_keys,
    keys_of,
    members_of,
    recount,
    stream_totals,
    totals,
    totals_of,
)
from services.quota.store.decisions import (
    add_decisions,
    standings,
    standings_of,
)
from services.quota.store.facts import (
    add_facts,
    add_voids,
    facts_after,
    facts_of,
    facts_of_codes,
)
from services.quota.store.flags import (
    bursts,
    several_devices,
    without_dossier,
)
from services.quota.store.milestones import (
    check_day,
    inherit_milestones,
    pass_milestones,
)
from services.quota.store.people import (
    people,
    put_people,
)
from services.quota.store.plans import (
    add_plan,
    newest_plans,
    plan_documents,
    plan_marks,
    plan_versions,
    recounts_due,
)
from services.quota.store.results import (
    Result,
    announce_results,
    forget_results,
)
from services.quota.store.roster import (
    on_duty,
    put_roster,
    roster,
)
from services.quota.store.runs import (
    add_run,
    fill_run,
    find_run,
    run_lines,
    runs,
)
from services.quota.store.stipends import (
    Place,
    balances,
    book,
    earned,
    ledger,
    paid_places,
    set_standings,
    set_winners,
    stipends,
)
from services.quota.store.tallies import (
    advance_tally,
    cells_after,
    count_facts,
    drop_counts,
    forget_tally,
    places_after,
    places_to_book,
    put_tally,
    tallies,
)
from services.quota.store.undated import count_undated, undated_after

__all__ = [
    "Cell",
    "CountKey",
    "Place",
    "Result",
    "add_decisions",
    "add_facts",
    "add_plan",
    "add_run",
    "add_voids",
    "advance_tally",
    "announce_results",
    "balances",
    "book",
    "bursts",
    "cells_after",
    "check_day",
    "count_facts",
    "count_undated",
    "drop_counts",
    "earned",
    "facts_after",
    "facts_of",
    "facts_of_codes",
    "fill_run",
    "find_run",
    "forget_counts",
    "forget_results",
    "forget_tally",
    "inherit_milestones",
    "join_keys",
    "keys_of",
    "ledger",
    "members_of",
    "newest_plans",
    "on_duty",
    "paid_places",
    "pass_milestones",
    "people",
    "places_after",
    "places_to_book",
    "plan_documents",
    "plan_marks",
    "plan_versions",
    "put_people",
    "put_roster",
    "put_tally",
    "recount",
    "recounts_due",
    "roster",
    "run_lines",
    "runs",
    "set_standings",
    "set_winners",
    "several_devices",
    "standings",
    "standings_of",
    "stipends",
    "stream_totals",
    "tallies",
    "totals",
    "totals_of",
    "undated_after",
    "without_dossier",
]
