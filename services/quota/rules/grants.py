"""Extensions and waivers: what an official grants, as part of the plan's document."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

import orjson

from shared.plans import Plan, duties

_LATER = timedelta(days=400)
"""How far past the plan's end its last duties may still open."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A new day for what some units owe for some periods, or nothing owed at all."""

    obligation: str
    units: Sequence[str]
    periods: Sequence[str]
    kind: Literal["extension", "waiver"]
    document: str
    before: date | None = None
    by: date | None = None

    def entry(self) -> dict[str, Any]:
        """As the document of a plan has it."""
        made: dict[str, Any] = {
            "units": list(self.units),
            "periods": list(self.periods),
            "document": self.document,
        }
        if self.before:
            made["before"] = self.before.isoformat()
        if self.by:
            made["by"] = self.by.isoformat()
        return made


def grant_faults(plan: Plan, grant: Grant) -> list[dict[str, str]]:
    """Everything that is wrong with a grant under a plan: {pointer, code, message}."""
    obligation = plan.obligations.get(grant.obligation)
    faults: list[dict[str, str]] = []

    def fault(pointer: str, code: str, message: str) -> None:
        faults.append({"pointer": pointer, "code": code, "message": message})

    if obligation is None:
        fault("/obligation", "unknown_obligation", "kế hoạch không có việc phải nộp này")
    else:
        owing = set(plan.members(obligation.owed_by))
        for number, unit in enumerate(grant.units):
            if not set(plan.members([unit])) <= owing:
                fault(f"/units/{number}", "not_owing", "đơn vị này không phải nộp việc này")
        owed = {
            duty.period
            for duty in duties(plan, plan.runs.to + _LATER)
            if duty.obligation == grant.obligation
        }
        for number, period in enumerate(grant.periods):
            if period not in owed:
                fault(f"/periods/{number}", "unknown_period", "không có kỳ này")
    days = [day for day in (grant.before, grant.by) if day]
    if grant.kind == "extension" and len(days) != 1:
        fault("/before", "one_day", "gia hạn cần đúng một trong before, by")
    if grant.kind == "waiver" and days:
        fault("/before", "no_day", "miễn thì không ghi ngày")
    return faults


def with_grant(plan: Plan, grant: Grant) -> dict[str, Any] | None:
    """The plan's document with a grant in it; None where it is there already."""
    document: dict[str, Any] = orjson.loads(plan.canonical())
    granted = document["obligations"][grant.obligation].setdefault(f"{grant.kind}s", [])
    if any(_same(each, grant.entry()) for each in granted):
        return None
    granted.append(grant.entry())
    return document


def _same(left: dict[str, Any], right: dict[str, Any]) -> bool:
    def known(entry: dict[str, Any]) -> dict[str, Any]:
        return entry | {name: sorted(entry[name]) for name in ("units", "periods")}

    return known(left) == known(right)


def grants(plan: Plan) -> list[dict[str, Any]]:
    """Every extension and waiver of a plan."""
    document: dict[str, Any] = orjson.loads(plan.canonical())
    return [
        {"obligation": name, "kind": kind, "before": None, "by": None} | entry
        for name, obligation in document.get("obligations", {}).items()
        for kind in ("extension", "waiver")
        for entry in obligation.get(f"{kind}s", [])
    ]
