"""Who a list of installers or officers names, for the registers of those who may know."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from services.intake.handlers.imports import Imports
from services.intake.handlers.lists import delivered_at
from services.intake.rules.lists.headings import DEEPEST, find
from services.intake.rules.lists.kinds import Kind
from services.intake.rules.lists.rows import RowReader, RowReading
from shared import clock
from shared.sheets.reader import Batch, Reader
from shared.units import UnitRegistry

KINDS = ("installers", "officers")
"""Lists of people in office: of patients and clients nobody is told who they are."""


async def read_people(imports: Imports, job: Mapping[str, Any], kind: Kind) -> list[dict[str, Any]]:
    """The people of a list's faultless rows, each once, as the registers take them.

    Installers without a code are left out: the register knows people by their codes.

    Raises:
        Unreadable: the file cannot be read any more.
    """
    registry = imports.admission.registry
    given = job["given"]
    delivered = given.get("delivered")
    at = datetime.fromisoformat(delivered) if delivered else job["created_at"]
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    async with Reader(imports.parts(job["id"]), given.get("sheet"), imports.limits) as reader:
        rows: Batch = []
        async for batch in reader.batches():
            rows += batch
        headings, _ = find(rows[: DEEPEST + 1], kind, given)
        if headings is None:
            return []
        reading = RowReader(kind, headings, registry, given, clock.local_day(at))
        for number, cells in rows:
            row = reading.read(number, cells) if number >= headings.first_row else None
            if row is None or row.faults:
                continue
            person = _PERSON[kind.name](row, registry, at)
            if person is not None:
                found.setdefault(tuple(person.values()), person)
    return list(found.values())


def _installer(row: RowReading, registry: UnitRegistry, at: datetime) -> dict[str, Any] | None:
    """As quota's register takes them; without a first day, since their unit exists."""
    values = row.values
    if "code" not in values:
        return None
    start: date | None = values.get("valid_from")
    if start is None:
        unit = registry.find(values["unit"], delivered_at(registry, values["unit"], at)[0])
        start = unit.valid_from if unit else clock.local_day(at)
    return {
        "code": values["code"],
        "name": values["name"],
        "role": "installer",
        "unit": values["unit"],
        "valid_from": start.isoformat(),
    }


def _officer(row: RowReading, _registry: UnitRegistry, _at: datetime) -> dict[str, Any]:
    """As notify's list takes them: the last day becomes the first day after it."""
    values = row.values
    wrong = {note.column for note in row.remarks}
    last: date | None = values.get("valid_to")
    return {
        "unit": values["unit"],
        "name": values.get("name"),
        "role": values.get("role"),
        "level": values.get("level"),
        "replaces": values.get("replaces"),
        "phone": values.get("phone") if "phone" not in wrong else None,
        "email": values.get("email") if "email" not in wrong else None,
        "valid_from": values["valid_from"].isoformat() if "valid_from" in values else None,
        "valid_to": (last + timedelta(days=1)).isoformat() if last else None,
    }


_PERSON = {"installers": _installer, "officers": _officer}
