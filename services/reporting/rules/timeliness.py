"""Who handed in what, and in time: duties of plans held against what was delivered."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from services.reporting.rules.forms import rate
from shared.clock import VN, local_day
from shared.plans import (
    Delivery,
    Duty,
    Judgement,
    PlanVersion,
    Versions,
    deliveries,
    judge,
    owed_duties,
)
from shared.working_days import WorkingDays

STATES = ("on_time", "late", "incomplete", "missing", "excused", "not_due")
JUDGED = ("on_time", "late", "incomplete", "missing")
"""The states that make up the denominator of the rate."""


@dataclass(frozen=True, slots=True)
class Filed:
    """A list delivered or a report filed; its order tells it from every other."""

    type: str
    order: tuple[datetime, str, str]
    unit: str
    data: Mapping[str, Any] = field(compare=False)


@dataclass(frozen=True, slots=True)
class JudgedDuty:
    """A duty, how it stands, and the version of the plan that says so."""

    duty: Duty
    judgement: Judgement
    version: PlanVersion


def judged_duties(
    versions: Versions[PlanVersion],
    filed: Iterable[Filed],
    first: date,
    last: date,
    now: datetime,
    working: WorkingDays,
) -> list[JudgedDuty]:
    """Every duty that opened by the last day and was not due before the first, as it stands.

    Each is judged by the version that orders it: what fulfils it and for which period is read there.
    `now` is the instant of judging: what was handed in later is not known yet.
    """
    owed = [each for each in _owed(versions, last, working) if each.opens <= last]
    numbers = {each.version.number for each in owed}
    handed_in: dict[tuple[int, str, str, str], list[Delivery]] = defaultdict(list)
    for said in filed:
        if said.order[0] <= now:
            for number in numbers:
                for one in _handed_in(versions, number, said):
                    handed_in[number, one.obligation, one.unit, one.period].append(one)
    found = []
    for each in owed:
        if each.day >= first:
            duty, number = each.duty, each.version.number
            mine = handed_in.get((number, duty.obligation, duty.unit, duty.period), ())
            found.append(JudgedDuty(duty, judge(duty, mine, now), each.version))
    return found


class _Owed(NamedTuple):
    """A duty, the version that orders it, the day on which it opens, and its own."""

    duty: Duty
    version: PlanVersion
    opens: date
    day: date


def _owed(versions: Versions[PlanVersion], last: date, working: WorkingDays) -> tuple[_Owed, ...]:
    """The duties that open up to a day, and maybe some that open later in its month.

    Where only one version judges, what opens later changes nothing about the others, so a whole
    month is found at once; several versions look at each other's duties up to the very day.
    """
    if len(versions.windows) == 1 and last < date(9999, 12, 1):
        last = (last.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    return _all_owed(versions, last, working)


@lru_cache(maxsize=64)
def _all_owed(
    versions: Versions[PlanVersion], last: date, working: WorkingDays
) -> tuple[_Owed, ...]:
    found = []
    for each in owed_duties(versions, last, working):
        opens = local_day(each.duty.opens)
        found.append(_Owed(each.duty, each.version, opens, each.duty.day or opens))
    return tuple(found)


@lru_cache(maxsize=50_000)
def _handed_in(versions: Versions[PlanVersion], number: int, said: Filed) -> tuple[Delivery, ...]:
    """What a filing hands in by one version of a plan."""
    plan = next(each.plan for each in versions.versions if each.number == number)
    return tuple(deliveries(plan, said.type, said.data, said.order[0]))


def timeliness_row(duty: Duty, judgement: Judgement) -> dict[str, Any]:
    """How a duty stands, without its unit. `due` is the day that the document names, null while it
    is undecided; `due_at` is the first instant that is too late, `makeup_at` the same for making up
    what was missed, which stays late.

    One whose day is undecided is `not_due` even when it was handed in: nothing says that it was in
    time, and it is in no rate.
    """
    return {
        "obligation": duty.obligation,
        "period": duty.period,
        "due": None if duty.day is None else duty.day.isoformat(),
        "due_at": _local(duty.due),
        "fulfilled_at": _local(judgement.fulfilled_at),
        "rows": judgement.rows,
        "expected_rows": judgement.expected_rows,
        "state": judgement.state,
        "undecided": duty.undecided,
        "makeup_at": _local(duty.makeup),
        "made_up": _made_up(duty, judgement),
    }


def _made_up(duty: Duty, judgement: Judgement) -> bool | None:
    """Whether what was missed was handed in before its make-up day; null where there is none, or
    nothing was missed."""
    if duty.makeup is None or judgement.state not in ("late", "incomplete", "missing"):
        return None
    return judgement.fulfilled_at is not None and judgement.fulfilled_at < duty.makeup


def timeliness_total(rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """How many duties stand how, and the rate with both its numbers: on time of all judged.

    `undecided` are those without a day, which `not_due` holds, too; never those judged.
    """
    counts = dict.fromkeys((*STATES, "undecided"), 0)
    for row in rows:
        counts[row["state"]] += 1
        counts["undecided"] += row["undecided"]
    judged = sum(counts[state] for state in JUDGED)
    return counts | {"judged": judged} | rate("rate", counts["on_time"], judged)


def timeliness_summary(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """How many duties stand how per plan and obligation, with the rate of each."""
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["plan"], row["obligation"]), []).append(row)
    return [
        {"plan": plan, "obligation": obligation} | timeliness_total(found)
        for (plan, obligation), found in groups.items()
    ]


def _local(instant: datetime | None) -> str | None:
    return None if instant is None else instant.astimezone(VN).isoformat()
