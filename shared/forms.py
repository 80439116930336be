"""Official forms of reports, as data: which columns under which headings, who signs.

The law changes forms; a form keeps each of its versions with the day from which it holds.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Annotated, NamedTuple

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from shared.settings import FolderFaults

HEADING_LINES = 4
"""Group, under-group, heading, the line of column numbers."""


class FormFaults(FolderFaults):
    """Form files that cannot be used: one line for each fault, saying where it is."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Column(_Part):
    """A column with figures: `key` is the report's, `note` its number and how it is summed."""

    key: str = Field(min_length=1)
    group: str = Field(min_length=1)
    under: str | None = None
    heading: str = Field(min_length=1)
    note: str


class Signature(_Part):
    """Who signs, and how."""

    role: str = Field(min_length=1)
    hint: str = ""


class Cell(NamedTuple):
    """A heading and the cells that it spans; lines and columns count from 0."""

    line: int
    column: int
    lines: int
    columns: int
    text: str


class Form(_Part):
    """One version of a form. `numbers` and `names` go by what the rows are grouped by."""

    regime: str = Field(min_length=1)
    valid_from: date | None = None
    numbers: Mapping[str, str]
    title: str = Field(min_length=1)
    measure: str = ""
    serial: str = Field(min_length=1)
    names: Mapping[str, str]
    total: str = Field(min_length=1)
    columns: Annotated[list[Column], Field(min_length=1, max_length=100)]
    place_and_day: str = ""
    signatures: list[Signature] = []

    def headings(self, by: str) -> list[Cell]:
        """The headings above the serial number, the rows' names and the figures."""
        cells = [
            Cell(0, 0, 3, 1, self.serial),
            Cell(0, 1, 3, 1, self.names[by]),
            Cell(3, 0, 1, 1, "(1)"),
            Cell(3, 1, 1, 1, "(2)"),
        ]
        first = 2
        for start, end in _runs([column.group for column in self.columns]):
            cells.append(Cell(0, first + start, 1, end - start, self.columns[start].group))
        for start, end in _runs([(column.group, column.under) for column in self.columns]):
            under = self.columns[start].under
            if under is not None:
                cells.append(Cell(1, first + start, 1, end - start, under))
        for place, column in enumerate(self.columns, first):
            line = 1 if column.under is None else 2
            cells.append(Cell(line, place, 3 - line, 1, column.heading))
            cells.append(Cell(3, place, 1, 1, column.note))
        return cells


class _File(_Part):
    form: str = Field(min_length=1)
    versions: Annotated[list[Form], Field(min_length=1)]

    @model_validator(mode="after")
    def _in_order(self) -> "_File":
        days = [version.valid_from or date.min for version in self.versions]
        if any(later <= earlier for earlier, later in pairwise(days)):
            raise ValueError("versions go by valid_from, the oldest first")
        return self


class Forms:
    """The official forms of a folder."""

    def __init__(self, versions: Mapping[str, list[Form]]) -> None:
        self._versions = dict(versions)

    @classmethod
    def load(cls, folder: Path) -> "Forms":
        """Read every form of a folder's YAML files; none where there is no folder.

        Raises:
            FormFaults: naming every fault of every file at once.
        """
        found: dict[str, list[Form]] = {}
        faults: list[str] = []
        for path in sorted(folder.glob("*.yaml")):
            try:
                made = _File.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
            except (OSError, UnicodeDecodeError, yaml.YAMLError) as fault:
                faults.append(f"{path}: cannot be read ({type(fault).__name__})")
                continue
            except ValidationError as fault:
                for error in fault.errors(include_url=False, include_input=False):
                    where = ".".join(map(str, error["loc"])) or "the file"
                    faults.append(f"{path}: {where}: {error['msg']}")
                continue
            if found.setdefault(made.form, made.versions) is not made.versions:
                faults.append(f"{path}: {made.form} is in another file too")
        if faults:
            raise FormFaults("\n".join(faults))
        return cls(found)

    def find(self, report: str, by: str, day: date) -> Form | None:
        """The form that a report has on a day, with rows grouped so; None where it has none."""
        held = [
            form
            for form in self._versions.get(report, ())
            if (form.valid_from or date.min) <= day and by in form.numbers and by in form.names
        ]
        return held[-1] if held else None


def _runs(values: Iterable[object]) -> list[tuple[int, int]]:
    """(first, end) of each run of equal neighbours."""
    found: list[tuple[int, int]] = []
    before: object = object()
    for place, value in enumerate(values):
        if found and value == before:
            found[-1] = (found[-1][0], place + 1)
        else:
            found.append((place, place + 1))
        before = value
    return found
