"""From a row's values to the events that it tells of, with ids that follow from what it says."""

import hmac
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from typing import Any

import orjson

from services.intake.rules.lists.dates import end_of_period
from services.intake.rules.lists.kinds import Kind
from services.intake.rules.lists.notes import FAULTS, Note
from services.intake.rules.lists.rows import RowReading, Units
from shared.clock import start_of
from shared.events import Fault
from shared.listed import mark_of

SUBMITTED = "motcua.dossier.submitted.v1"
STATUS = "motcua.dossier.status_changed.v1"
DELIVERED = "motcua.list.delivered.v1"
ASKED = frozenset({"patients", "clients"})
"""Lists of people who are to be asked how they were served."""
_NOT_DATA = frozenset({"at", "response"})
_SUBMISSION = (
    "code", "procedure", "field", "unit", "credited_unit", "authority", "channel",
    "service_level", "submitted_at", "received_at", "due_at", "return_by", "assisted_by",
)  # fmt: skip
_ENDINGS = frozenset({"refused", "withdrawn", "stopped"})


class Teller:
    """Tells the events of the rows of one list.

    Args:
        key: what ids are made with: without it nobody can try out which phone number an id hides.
        source_of: the source that a unit's rows are sent under.
    """

    def __init__(
        self, kind: Kind, units: Units, key: bytes, source_of: Callable[[str], str]
    ) -> None:
        self.kind, self.units, self.key, self.source_of = kind, units, key, source_of

    def tell(self, row: RowReading) -> list[dict[str, Any]]:
        """The row's events, as complete as its values are; faults and repairs go to the row."""
        if self.kind.name == "dossiers":
            return self._dossier(row)
        data = {name: _plain(value) for name, value in row.values.items() if name not in _NOT_DATA}
        if self.kind.answers:
            data["answers"] = row.answers
        at = row.values.get("at")
        if self.kind.name == "totals" and at is None and not row.at_fault("at"):
            at = self._end(row)
        assert self.kind.event is not None
        return [self._event(self.kind.event, at, data, row.values.get("response"))]

    def _end(self, row: RowReading) -> datetime | None:
        period = row.values.get("period")
        last = end_of_period(period) if period else None
        if last is None:
            if period:
                row.faults.append(Note("at", "missing"))
            return None
        return start_of(last)

    def _dossier(self, row: RowReading) -> list[dict[str, Any]]:
        found = row.values
        status = found.get("status")
        self._assume(row)
        data = {name: _plain(found[name]) for name in _SUBMISSION if name in found}
        applicant = {
            name: found[given]
            for name, given in (
                ("name", "name"),
                ("phone", "phone"),
                ("email", "email"),
                ("kind", "applicant_kind"),
            )
            if given in found
        }
        if applicant:
            data["applicant"] = applicant
        known = [found[name] for name in ("submitted_at", "received_at") if name in found]
        told = [self._event(SUBMITTED, max(known, default=None), data)]
        for name, at in self._statuses(row, status):
            told.append(self._status(row, name, at, final=name == status))
        return told

    def _assume(self, row: RowReading) -> None:
        """What offices leave out because to them it goes without saying."""
        found = row.values
        received = found.get("received_at")
        if received and "submitted_at" not in found and not row.at_fault("submitted_at"):
            found["submitted_at"] = received
        if found.get("status") == "received" and "received_at" not in found:
            at = found.get("status_at") or found.get("submitted_at")
            if at is not None and not row.at_fault("received_at"):
                found["received_at"] = at
                row.repairs.append(Note("received_at", "date_assumed"))
        if "channel" not in found and not row.at_fault("channel"):
            found["channel"] = "counter"
            row.repairs.append(Note("channel", "channel_assumed"))
        unit = found.get("unit")
        if "authority" not in found and unit and not row.at_fault("authority"):
            at = found.get("received_at") or found.get("submitted_at")
            level = self.units.level(unit, at) if at else None
            if level:
                found["authority"] = level
                row.repairs.append(Note("authority", "authority_assumed"))
            elif at:
                row.faults.append(Note("authority", "missing"))

    def _statuses(self, row: RowReading, status: str | None) -> list[tuple[str, datetime]]:
        found = row.values
        result, returned = found.get("result_at"), found.get("returned_at")
        at = found.get("status_at")
        ended = status in _ENDINGS
        told: list[tuple[str, datetime]] = []
        if result and not ended:
            told.append(("result_ready", result))
        if returned and not ended:
            told.append(("returned", returned))
        if status in (None, "registered", "received") or status in dict(told):
            return told
        assert status is not None
        if status == "returned":
            row.remarks.append(Note("returned_at", "no_return_date"))
        fallbacks = {
            "in_process": (at, found.get("received_at"), found.get("submitted_at")),
            "result_ready": (at,),
            "returned": (at, result),
        }
        endings = (at, result, returned) if ended else (at,)
        when = next((each for each in fallbacks.get(status, endings) if each), None)
        if when is None:
            places = {"result_ready": "result_at", "returned": "returned_at"}
            column = places.get(status, "status_at")
            if not row.at_fault(column) and not row.at_fault("status_at"):
                heading = self.kind.columns[column].heading
                row.faults.append(Note(column, "no_status_date", heading))
            return told
        told.append((status, when))
        return told

    def _status(self, row: RowReading, name: str, at: datetime, final: bool) -> dict[str, Any]:
        found = row.values
        data = {
            "code": found.get("code"),
            "unit": found.get("unit"),
            "status": name,
            "at": _plain(at),
        }
        if name == "returned" and "returned_at" in found:
            data["returned_at"] = _plain(found["returned_at"])
        if final:
            data |= {key: found[key] for key in ("department", "reason") if key in found}
        return self._event(STATUS, at, {k: v for k, v in data.items() if v is not None})

    def _event(
        self, type: str, at: datetime | None, data: dict[str, Any], apart: Any = None
    ) -> dict[str, Any]:
        source = self.source_of(str(data.get("unit") or "_"))
        time = _plain(at) if at is not None else None
        event = {
            "specversion": "1.0",
            "id": self.id_of([type, source, time, data, apart]),
            "source": source,
            "type": type,
            "datacontenttype": "application/json",
            "data": data,
        }
        if time is not None:
            event["time"] = time
        return event

    def id_of(self, content: Any, nth: int = 0) -> str:
        """The id of what a row says; ``nth`` tells rows apart that say the same and both count."""
        body = orjson.dumps([content, nth], option=orjson.OPT_SORT_KEYS, default=str)
        return "row-" + hmac.new(self.key, b"list\0" + body, sha256).hexdigest()[:32]

    def delivery(
        self,
        unit: str,
        period: str | None,
        content: list[bytes],
        rows: int,
        eligible: int,
        at: datetime,
    ) -> dict[str, Any]:
        """The delivery of a list of people: how many they are, and a mark that says nothing of them.

        The id follows from who is on the list, not from when it came: the same list is one event.
        """
        data: dict[str, Any] = {"unit": unit, "list": self.kind.list}
        if period:
            data["period"] = period
        people = sha256(b"".join(sorted(content))).hexdigest()
        event = self._event(DELIVERED, at, data | {"rows": rows, "eligible": eligible})
        event["id"] = self.id_of([DELIVERED, event["source"], data, people])
        if eligible and self.kind.list in ASKED:
            mark = hmac.new(self.key, b"mark\0" + event["id"].encode(), sha256)
            event["data"]["mark"] = mark_of(mark.hexdigest())
        return event


def judge_person(row: RowReading, kind: Kind, present: frozenset[str]) -> bool:
    """Whether a person may be asked: a name, and a mobile number. What is missing is remarked.

    ``present`` are the columns that the list has at all.
    """
    noted = {note.code for note in row.remarks}
    if "name" not in row.values and "name" in present and not row.at_fault("name"):
        row.remarks.append(Note("name", "no_name"))
    name = str(row.values.get("name", ""))
    named = sum(c.isalpha() for c in name) >= 2
    if name and not named:
        row.remarks.append(Note("name", "bad_name"))
    if "phone" not in row.values and "phone" in present and not row.at_fault("phone"):
        row.remarks.append(Note("phone", "no_phone"))
    reachable = "phone" in row.values and not noted & {"bad_phone", "fixed_phone"}
    return named and reachable and not row.faults


def translate(fault: Fault) -> Note:
    """A fault of the contract as a note about the row's column."""
    parts = [part for part in fault.pointer.split("/") if part and part != "data"]
    column = parts[-1] if parts else ""
    column = {"time": "at", "id": "", "kind": "kind"}.get(column, column)
    if parts and parts[0] == "applicant" and column == "kind":
        column = "applicant_kind"
    if fault.code in FAULTS and "{hint}" not in FAULTS[fault.code]:
        return Note(column, fault.code)
    if fault.code == "unknown_unit":
        return Note(column, fault.code)
    return Note(column, "refused", f" ({fault.code})")


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
