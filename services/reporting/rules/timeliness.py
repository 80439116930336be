"""Who handed in what, and in time: duties of plans held against what was delivered."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from services.reporting.rules.forms import rate
from services.reporting.rules.handed_in import HandedIn
from services.reporting.rules.owing import owed_from
from shared.clock import VN
from shared.plans import Duty, Judgement, PlanVersion, Versions, judge
from shared.working_days import WorkingDays

STATES = ("on_time", "late", "incomplete", "missing", "excused", "not_due")
JUDGED = ("on_time", "late", "incomplete", "missing")
"""The states that make up the denominator of the rate."""


@dataclass(slots=True)
class JudgedDuty:
    """A duty, how it stands, and the version of the plan that says so."""

    duty: Duty
    judgement: Judgement
    version: PlanVersion
    _row: dict[str, Any] | None = field(default=None, compare=False, repr=False)

    @property
    def row(self) -> dict[str, Any]:
        """What `timeliness_row` makes of it; not to be changed."""
        if self._row is None:
            self._row = timeliness_row(self.duty, self.judgement)
        return self._row


def judged_duties(
    versions: Versions[PlanVersion],
    handed_in: HandedIn,
    first: date,
    last: date,
    now: datetime,
    known: date,
    working: WorkingDays,
) -> list[JudgedDuty]:
    """Every duty that opened by the last day and was not due before the first, as it stands.

    Each is judged by the version that orders it: what fulfils it and for which period is read there.
    `now` is the instant of judging: what was handed in later is not known yet, nor what had not
    been heard of, or was withdrawn, by the end of the day `known`.
    """
    found = []
    judged = handed_in.judged
    for duty, version in owed_from(versions, first, last, working):
        key = (version.number, duty.key)
        mine = handed_in.find(key, known, now)
        early = duty.due is None or now < duty.due
        before = judged.get(key)
        if before is None or before[0] != mine or before[1] != early or before[2].duty is not duty:
            one = JudgedDuty(duty, judge(duty, mine, now), version)
            handed_in.keep(key, (mine, early, one))
        else:
            one = before[2]
        found.append(one)
    return found


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
