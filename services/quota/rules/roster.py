"""Half days on duty: which are planned, due, covered."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, Literal

from shared.clock import VN
from shared.redaction import looks_personal
from shared.units import UnitRegistry

ROSTER_COLUMNS = ("unit", "day", "session", "member")
ENDS = {"am": time(12, 0), "pm": time(18, 0)}
"""When a half day is over; what happens before noon belongs to the morning."""

_MEMBER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")

Slot = tuple[str, date, str]
"""(unit, day, half day)."""


@dataclass(frozen=True, slots=True)
class Planned:
    """Somebody who is planned to be on duty for half a day."""

    unit: str
    day: date
    session: str
    member: str

    @property
    def slot(self) -> Slot:
        return (self.unit, self.day, self.session)


@dataclass(frozen=True, slots=True)
class OnDuty:
    """Somebody who was on duty."""

    unit: str
    member: str
    at: datetime

    @property
    def half(self) -> tuple[date, str]:
        local = self.at.astimezone(VN)
        return local.date(), "am" if local.time() < ENDS["am"] else "pm"


def read_roster(
    rows: Sequence[Mapping[str, Any]], registry: UnitRegistry, first_line: int | None = None
) -> tuple[list[Planned], list[dict[str, Any]]]:
    """Planned half days, or every fault of every row: {pointer, code, message, line?}."""
    found: list[Planned] = []
    faults: list[dict[str, Any]] = []
    for number, row in enumerate(rows):
        mine: list[dict[str, Any]] = []
        planned = _read(row, registry, f"/sessions/{number}", mine)
        if planned is not None:
            found.append(planned)
        line = {} if first_line is None else {"line": first_line + number}
        faults += [fault | line for fault in mine]
    return list(dict.fromkeys(found)), faults


def _read(
    row: Mapping[str, Any], registry: UnitRegistry, path: str, faults: list[dict[str, Any]]
) -> Planned | None:
    def fault(name: str, code: str, message: str) -> None:
        faults.append({"pointer": f"{path}/{name}", "code": code, "message": message})

    for key in row:
        if key not in ROSTER_COLUMNS:
            fault(key, "unknown_key", "khoá lạ")
    text = {name: row.get(name) for name in ROSTER_COLUMNS}
    unit, day, session, member = (
        value.strip() if isinstance(value, str) else "" for value in text.values()
    )
    on = _day(day)
    if on is None:
        fault("day", "date", "cần một ngày dạng YYYY-MM-DD")
    if not registry.known(unit):
        fault("unit", "unknown_unit", "không có đơn vị này")
    elif on and not registry.find(unit, on):
        fault("unit", "unit_not_valid", "đơn vị không tồn tại ngày đó")
    if session not in ENDS:
        fault("session", "session", "buổi là am (sáng) hoặc pm (chiều)")
    if not _MEMBER.fullmatch(member) or looks_personal(member):
        fault("member", "code", "mã trong danh sách người, không phải số điện thoại")
    return None if faults or on is None else Planned(unit, on, session, member)


def _day(text: str) -> date | None:
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
        try:
            return date.fromisoformat(text)
        except ValueError:
            return None
    return None


SlotState = Literal["covered", "uncovered", "planned"]


@dataclass(frozen=True, slots=True)
class Session:
    """One planned half day of a unit: who is planned, who came, how it stands."""

    slot: Slot
    planned: tuple[str, ...]
    covered_by: tuple[str, ...]
    state: SlotState


def judge_roster(
    planned: Iterable[Planned],
    on_duty: Iterable[OnDuty],
    registry: UnitRegistry,
    now: datetime,
) -> list[Session]:
    """Each planned half day by (day, half, unit).

    Somebody of the unit who was on duty in that half covers it, whoever was planned; so does
    somebody of a unit below that has nobody planned for that half itself: who is on duty covers the
    nearest planned place only. One that nobody covered is `uncovered` once it is over.
    """
    members: dict[Slot, list[str]] = {}
    for one in planned:
        members.setdefault(one.slot, []).append(one.member)
    covered: dict[Slot, set[str]] = {}
    for each in on_duty:
        day, half = each.half
        chain = registry.ancestors(each.unit, day) or (each.unit,)
        nearest = next(((unit, day, half) for unit in chain if (unit, day, half) in members), None)
        if nearest is not None:
            covered.setdefault(nearest, set()).add(each.member)
    found = []
    for slot in sorted(members, key=lambda each: (each[1], each[2], each[0])):
        _, day, half = slot
        came = covered.get(slot, set())
        over = now >= datetime.combine(day, ENDS[half], tzinfo=VN)
        state: SlotState = "covered" if came else "uncovered" if over else "planned"
        found.append(Session(slot, tuple(sorted(members[slot])), tuple(sorted(came)), state))
    return found


def roster_period(by: str, day: date) -> str:
    """How the day, week (ISO) or month of a half day is written."""
    if by == "week":
        year, week, _ = day.isocalendar()
        return f"{year}-W{week:02}"
    return day.isoformat() if by == "day" else f"{day.year}-{day.month:02}"


def add_roster(sessions: Iterable[Session], by: str) -> list[dict[str, Any]]:
    """Half days per unit and day, week or month: planned, due, covered, uncovered."""
    sums: dict[tuple[str, str], Counter[str]] = {}
    for each in sessions:
        unit, day, _ = each.slot
        count = sums.setdefault((roster_period(by, day), unit), Counter())
        count["planned"] += 1
        count["due"] += each.state != "planned"
        count["covered"] += each.state == "covered"
        count["uncovered"] += each.state == "uncovered"
    return [
        {"period": period, "unit": unit}
        | {name: count[name] for name in ("planned", "due", "covered", "uncovered")}
        for (period, unit), count in sorted(sums.items())
    ]
