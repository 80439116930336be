"""Who handed in what, and in time: duties of plans held against what was delivered."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from services.reporting.rules.forms import rate
from shared.clock import VN, local_day
from shared.plans import Delivery, Duty, Judgement, Plan, deliveries, duties, judge
from shared.working_days import WorkingDays

STATES = ("on_time", "late", "incomplete", "missing", "excused", "not_due")
JUDGED = ("on_time", "late", "incomplete", "missing")
"""The states that make up the denominator of the rate."""


@dataclass(frozen=True, slots=True)
class Filed:
    """A list delivered or a report filed."""

    type: str
    order: tuple[datetime, str, str]
    unit: str
    data: Mapping[str, Any]


def judged_duties(
    plan: Plan,
    filed: Iterable[Filed],
    first: date,
    last: date,
    now: datetime,
    working: WorkingDays,
) -> list[tuple[Duty, Judgement]]:
    """Every duty that opened by the last day and was not due before the first, as it stands.

    `now` is the instant of judging: what was handed in later is not known yet.
    """
    handed_in: dict[tuple[str, str, str], list[Delivery]] = defaultdict(list)
    for each in filed:
        if each.order[0] <= now:
            for one in deliveries(plan, each.type, each.data, each.order[0]):
                handed_in[one.obligation, one.unit, one.period].append(one)
    found = []
    for duty in duties(plan, last, working):
        day = duty.day or local_day(duty.opens)
        if day >= first:
            mine = handed_in.get((duty.obligation, duty.unit, duty.period), ())
            found.append((duty, judge(duty, mine, now)))
    return found


def timeliness_row(duty: Duty, judgement: Judgement) -> dict[str, Any]:
    """How a duty stands, without its unit. `due` is the day that the document names, null while it
    is undecided; `due_at` is the first instant that is too late."""
    return {
        "obligation": duty.obligation,
        "period": duty.period,
        "due": None if duty.day is None else duty.day.isoformat(),
        "due_at": _local(duty.due),
        "fulfilled_at": _local(judgement.fulfilled_at),
        "rows": judgement.rows,
        "expected_rows": judgement.expected_rows,
        "state": judgement.state,
    }


def timeliness_total(states: Iterable[str]) -> dict[str, Any]:
    """How many duties stand how, and the rate with both its numbers: on time of all judged."""
    counts = dict.fromkeys(STATES, 0)
    for state in states:
        counts[state] += 1
    judged = sum(counts[state] for state in JUDGED)
    return counts | {"judged": judged} | rate("rate", counts["on_time"], judged)


def timeliness_summary(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """How many duties stand how per plan and obligation, with the rate of each."""
    states: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        states.setdefault((row["plan"], row["obligation"]), []).append(row["state"])
    return [
        {"plan": plan, "obligation": obligation} | timeliness_total(found)
        for (plan, obligation), found in states.items()
    ]


def _local(instant: datetime | None) -> str | None:
    return None if instant is None else instant.astimezone(VN).isoformat()
