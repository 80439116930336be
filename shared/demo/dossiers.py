"""Invented dossiers: early, on time, late, waiting, withdrawn, refused, never finished."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.demo.days import OFFICE_MINUTES, Days, at, in_office
from shared.demo.envelope import Event, between, chance, event, taken
from shared.demo.people import PEOPLE, applicant
from shared.demo.scenario import Offices, Procedure, Scenario

MISSING = "Thiếu bản sao giấy tờ kèm theo"
POSTPONED = "Hẹn lại ngày trả: cần xác minh thêm"
UNPAID = "Chờ nộp phí, lệ phí"
HALTED = "Dừng giải quyết theo đề nghị của cơ quan phối hợp"
REFUSED = "Không thuộc thẩm quyền tiếp nhận"
WITHDRAWN = "Người nộp đề nghị rút hồ sơ"


@dataclass(frozen=True, slots=True)
class Office:
    """One office: its dossiers' numbers, and how it works."""

    offices: Offices
    unit: str
    first: int
    count: int
    online: float
    late: float


def offices_of(offices: Offices) -> list[Office]:
    """Every office of a kind, each with its own share of online and of late dossiers."""
    found = []
    first = offices.first
    for unit, count in offices.dossiers.items():
        rng = chance("office", unit)
        online = between(offices.online, rng.random())
        late = between(offices.late, rng.random())
        found.append(Office(offices, unit, first, count, online, late))
        first += count
    return found


def tell_dossiers(scenario: Scenario, scale: float) -> Iterator[Event]:
    """Every dossier's events, dossier by dossier."""
    told = 0
    for offices in scenario.offices:
        days = Days(offices.runs.from_, offices.runs.to)
        for office in offices_of(offices):
            for number in range(office.count):
                told += 1
                if taken(told - 1, scale):
                    yield from Dossier(scenario, office, days, number).events


class Dossier:
    """One dossier's life, told on making; what would come after the last day is left out."""

    def __init__(self, scenario: Scenario, office: Office, days: Days, number: int) -> None:
        self.office, self.days = office, days
        self.rng = rng = chance("dossier", office.unit, number)
        self.source = f"{scenario.source}/one-stop/{office.unit}"
        self.events: list[Event] = []
        self.returned: datetime | None = None
        self.resumed = 0
        procedures = scenario.procedures[office.offices.authority]
        self.procedure: Procedure = rng.choices(procedures, [each.weight for each in procedures])[0]
        day = int(rng.random() * days.count)
        self.code = f"{office.offices.codes}-{days[day].strftime('%y%m%d')}-{office.first + number}"
        self._submit(day)

    def _submit(self, day: int) -> None:
        rng, offices = self.rng, self.office.offices
        share = rng.random()
        online = share < self.office.online
        channel = "online" if online else "post" if share > 0.97 else "counter"
        filed, received, day = self._filed(day, online)
        fate = rng.random()
        taken_in = fate >= 0.03 and received < self.days.end
        self.due = day + self.procedure.days
        data: dict[str, Any] = {
            "code": self.code,
            "procedure": self.procedure.code,
            "field": self.procedure.field,
            "unit": self.office.unit,
            "authority": offices.authority,
            "channel": channel,
            "service_level": rng.choice(offices.levels),
            "submitted_at": filed.isoformat(),
            "received_at": received.isoformat() if taken_in else None,
            "due_at": self._due_at().isoformat() if taken_in else None,
            "return_by": "post" if rng.random() < 0.12 else "counter",
            "applicant": applicant(int(rng.random() * PEOPLE), rng),
        }
        if offices.credited:
            data["credited_unit"] = rng.choices(
                list(offices.credited), list(offices.credited.values())
            )[0]
        if offices.assisted and online and rng.random() < offices.assisted.share:
            data["assisted_by"] = offices.assisted.team
        self.posted = data["return_by"] == "post"
        time = received if taken_in else filed
        self.events.append(
            event("dossier.submitted", self.source, f"{self.code}-submitted", time, data)
        )
        if fate < 0.015:
            self._status("refused", in_office(self.days[day], 475), reason=REFUSED)
        elif taken_in:
            self._work(day, received, (fate - 0.03) / 0.97)

    def _filed(self, day: int, online: bool) -> tuple[datetime, datetime, int]:
        """When it was filed, when an officer took it in, and on which working day."""
        rng, date = self.rng, self.days[day]
        minute = rng.random() * (OFFICE_MINUTES - 30)
        if not online:
            filed = in_office(date, minute)
            return filed, filed + timedelta(minutes=3 + rng.random() * 12 // 1), day
        if rng.random() < 0.6:
            filed = in_office(date, minute * 0.7)
            return filed, in_office(date, minute * 0.7 + 15 + rng.random() * 100), day
        filed = at(date, 17 + int(rng.random() * 6), int(rng.random() * 60))
        return filed, in_office(self.days[day + 1], 5 + rng.random() * 90), day + 1

    def _work(self, day: int, received: datetime, fate: float) -> None:
        """The way through the office: `fate`, from 0 to 1, says where it ends."""
        rng, length = self.rng, self.procedure.days
        if rng.random() < 0.42:
            when = received + timedelta(minutes=20)
            department = rng.choice(self.office.offices.departments)
            self._status("in_process", when, department=department)
        if fate < 0.02:
            left = in_office(self.days[day + 1 + length // 3], rng.random() * 400)
            self._status("withdrawn", left, reason=WITHDRAWN)
            return
        if fate < 0.026:
            halted = in_office(self.days[day + 1], rng.random() * 400)
            self._status("stopped", halted, reason=HALTED)
            return
        if length >= 3 and fate > 0.9 and not self._pause(day + 1, "supplement_requested", MISSING):
            return
        if (
            length >= 10
            and 0.86 < fate <= 0.9
            and not self._pause(day + 2, "payment_requested", UNPAID)
        ):
            return
        if 0.026 <= fate < 0.05:
            return  # nobody got round to it: pending, and one day overdue
        self._finish(day, self._result_day(day))

    def _pause(self, day: int, status: str, reason: str) -> bool:
        """Wait for the applicant; False where the applicant never comes."""
        asked = in_office(self.days[day], self.rng.random() * 400)
        self._status(status, asked, reason=reason)
        if self.rng.random() < 0.1:
            return False
        waited = 1 + int(self.rng.random() * 7)
        self.due += waited
        self.resumed = day + waited
        again = in_office(self.days[day + waited], 30 + self.rng.random() * 300)
        self._status("in_process", again, due_at=self._due_at().isoformat())
        return True

    def _result_day(self, day: int) -> int:
        rng = self.rng
        draw = rng.random()
        if draw < self.office.late:
            late = 1 + min(int(rng.expovariate(0.35)), 25)
            if rng.random() < 0.2 and self.due - day > 2:
                # Told in time that it will take longer: kept, or missed all the same.
                told = in_office(self.days[self.due - 1], rng.random() * 400)
                self.due += 3
                due_at = self._due_at().isoformat()
                self._status("in_process", told, due_at=due_at, reason=POSTPONED)
            return self.due + late
        earliest = max(day + 1, day + (self.due - day) // 3, self.resumed + 1)
        if draw < self.office.late + 0.55 and self.due > earliest:
            return earliest + int(rng.random() * (self.due - earliest))
        return self.due

    def _finish(self, day: int, result: int) -> None:
        rng = self.rng
        ready = in_office(self.days[result], 240 + rng.random() * 230)
        straight = rng.random() < 0.12
        if not straight:
            self._status("result_ready", ready)
        draw = rng.random()
        if draw > 0.93 and not straight:
            return  # nobody came for it
        wait = 0 if straight else int(rng.random() * 3) + (2 if self.posted else 0)
        back = in_office(self.days[result + wait], 400 if wait == 0 else rng.random() * 460)
        back = max(back, ready + timedelta(minutes=10))
        noted = None if draw < 0.03 else back.isoformat()
        self._status("returned", back, returned_at=noted)
        if self.events[-1]["data"].get("status") == "returned":
            self.returned = back

    def _status(self, status: str, when: datetime, **more: Any) -> None:
        if when >= self.days.end:
            return
        data = {"code": self.code, "unit": self.office.unit, "status": status}
        data |= {"at": when.isoformat(), **more}
        id = f"{self.code}-{len(self.events)}-{status}"
        self.events.append(event("dossier.status_changed", self.source, id, when, data))

    def _due_at(self) -> datetime:
        return at(self.days[self.due], 17)
