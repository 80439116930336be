"""Where citizens ask: each office's phone, short name and address, read from files.

``deploy/offices/*.csv`` has a line for each office: ``unit,phone,short,address,hours``; the phone as
it is to be read, the others may be empty. A unit without a line has the phone of what is above it.
"""

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from shared.settings import FolderFaults
from shared.units import UnitRegistry

COLUMNS = ("unit", "phone", "short", "address", "hours")
PHONE = re.compile(r"[0-9+][0-9 .-]{2,18}[0-9]")
SAMPLE = re.compile(r"09000000\d\d")
"""Numbers of nobody, with which the files of this program are filled."""
LONGEST = 200


class OfficeFaults(FolderFaults):
    """Files of offices that cannot be used: one line for each fault."""


@dataclass(frozen=True, slots=True)
class Office:
    """How an office is reached; what is not known is null."""

    unit: str
    phone: str
    short: str | None = None
    address: str | None = None
    hours: str | None = None


class Offices:
    """The offices by unit. Unchanging once made."""

    def __init__(self, registry: UnitRegistry, offices: Mapping[str, Office]) -> None:
        self.registry, self._offices = registry, dict(offices)

    @classmethod
    def load(cls, folder: Path, registry: UnitRegistry) -> "Offices":
        """Read every ``*.csv`` of a folder; one that does not exist holds no offices.

        Raises:
            OfficeFaults: naming every fault of every file.
        """
        found: dict[str, Office] = {}
        faults: list[str] = []
        for path in sorted(folder.glob("*.csv")):
            _read(path, registry, found, faults)
        if faults:
            raise OfficeFaults("\n".join(faults))
        return cls(registry, found)

    def find(self, unit: str, at: date | datetime) -> Office | None:
        """The office to ask about a unit: its own, else the nearest one above it."""
        for code in (unit, *self.registry.ancestors(unit, at)[1:]):
            if code in self._offices:
                return self._offices[code]
        return None

    def phone(self, unit: str, at: date | datetime) -> str | None:
        """The number to call about a unit."""
        office = self.find(unit, at)
        return office.phone if office else None

    def short(self, unit: str) -> str | None:
        """A unit's own short name, for texts that must be short."""
        office = self._offices.get(unit)
        return office.short if office else None

    def samples(self) -> list[str]:
        """The units whose number is one of nobody."""
        return sorted(u for u, office in self._offices.items() if SAMPLE.fullmatch(office.phone))


def _read(path: Path, registry: UnitRegistry, found: dict[str, Office], faults: list[str]) -> None:
    try:
        lines = path.read_bytes().decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as fault:
        faults.append(f"{path.name}: {type(fault).__name__}")
        return
    reader = csv.DictReader(lines)
    if tuple(reader.fieldnames or ()) != COLUMNS:
        faults.append(f"{path.name}:1: the columns are {', '.join(COLUMNS)}")
        return
    for cells in reader:
        where = f"{path.name}:{reader.line_num}"
        values = {name: (cells.get(name) or "").strip() for name in COLUMNS}
        unit, phone = values["unit"], values["phone"]
        if None in cells:
            faults.append(f"{where}: more than {len(COLUMNS)} cells")
        if not registry.known(unit):
            faults.append(f"{where}: no unit has the code {unit!r}")
        if not PHONE.fullmatch(phone):
            faults.append(f"{where}: a phone has 4 to 20 digits, spaces, dots, dashes")
        if unit in found:
            faults.append(f"{where}: {unit} is listed twice")
        if any(len(value) > LONGEST for value in values.values()):
            faults.append(f"{where}: longer than {LONGEST} characters")
        found[unit] = Office(
            unit, phone, values["short"] or None, values["address"] or None, values["hours"] or None
        )
