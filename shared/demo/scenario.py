"""What a demo file says: how many dossiers, installs, surveys and lists, of whom, and when."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError


class ScenarioFault(ValueError):
    """A demo file that cannot be used; says where in it."""


def _month(text: str) -> str:
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", text):
        raise ValueError("a month is written YYYY-MM")
    return text


def _demo_source(text: str) -> str:
    if not re.fullmatch(r"/demo[a-z0-9/-]*", text):
        raise ValueError("a demo source begins with /demo")
    return text


Month = Annotated[str, AfterValidator(_month)]
Share = Annotated[float, Field(ge=0, le=1)]
Span = tuple[Share, Share]
Range = tuple[int, int]
Texts = Annotated[list[str], Field(min_length=1)]
Days = Annotated[list[date], Field(min_length=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)


class Runs(_Part):
    """The first and the last day of something."""

    from_: date = Field(alias="from")
    to: date


class Months(_Part):
    """The first and the last month of something."""

    from_: Month = Field(alias="from")
    to: Month

    def all(self) -> list[str]:
        """Every month of it."""
        year, month = map(int, self.from_.split("-"))
        found = []
        while (text := f"{year:04}-{month:02}") <= self.to:
            found.append(text)
            year, month = (year + 1, 1) if month == 12 else (year, month + 1)
        return found


class Procedure(_Part):
    """An administrative procedure; `days` are working days."""

    code: str
    field: str
    days: int = Field(ge=1)
    weight: int = Field(ge=1)


class Assistance(_Part):
    """The team that files online for people, and for which share of the online dossiers."""

    share: Share
    team: str


class Offices(_Part):
    """Offices of one kind that receive dossiers; `online` and `late` bound each one's shares."""

    name: str
    codes: str
    first: int
    runs: Runs
    authority: Literal["province", "district", "commune"]
    online: Span
    late: Span
    levels: Texts
    departments: Texts
    dossiers: dict[str, int]
    credited: dict[str, int] = {}
    assisted: Assistance | None = None


class Installs(_Part):
    """Attempts to install an app, by unit."""

    app: str
    runs: Runs
    attempts: dict[str, int]
    failures: Texts


class Surveys(_Part):
    """Surveys of one domain: items of 10 points, of yes or no, and of five levels."""

    domain: Literal["public_administration", "health"]
    questionnaire: str
    runs: Runs
    counts: dict[Literal["phone", "tablet"], int]
    units: Texts
    scored: list[str] = []
    asked: list[str] = []
    levels: list[str] = []


class Lateness(_Part):
    """Which units hand in which months late, and on which days instead."""

    units: Texts
    months: list[Month]
    days: Days


class Lists(_Part):
    """A monthly list, handed in on one of some days of the following month."""

    list: Literal["patients", "clients"]
    months: Months
    handed_in: Annotated[list[int], Field(min_length=1)]
    rows: Range
    units: Texts
    late: Lateness | None = None


class Installers(_Part):
    """Lists of installers; a `short` one is followed by a whole one on the last day."""

    days: Days
    rows: int
    short: dict[str, int] = {}
    units: Texts


class Reports(_Part):
    """Reports owed under a plan's obligation; `late` and `missing` are shares."""

    plan: str
    obligation: str
    every: Literal["day", "month", "once"]
    units: Texts
    runs: Runs | None = None
    months: Months | None = None
    following: bool = False
    days: list[int] = []
    dates: list[date] = []
    late: Share = 0
    late_days: list[int] = []
    missing: Share = 0


class Gathering(_Part):
    """An activity of the whole district on one day: so many members, from the `first` on."""

    day: date
    kind: Literal["trained", "core"]
    people: int
    first: int


class Activities(_Part):
    """What youth teams do each working day, and how much of the duty roster is covered."""

    runs: Runs
    daily: dict[Literal["reached", "guided", "supported", "account_created"], Range]
    duty: Share
    gatherings: list[Gathering]
    units: Texts
    district: str


class Figure(_Part):
    """A figure that a unit states."""

    unit: str
    plan: str
    indicator: str
    period: str
    value: int
    denominator: int | None = None


class Obstacle(_Part):
    """A kind of difficulty: how it is raised, and how it is resolved."""

    category: str
    raised: str
    resolved: str


class Difficulties(_Part):
    """Difficulties, `each` for every unit."""

    runs: Runs
    each: int
    units: Texts
    kinds: Annotated[list[Obstacle], Field(min_length=1)]


class Officials(_Part):
    """What the numbered people are called, and the months closed for payment, oldest first."""

    installer: str
    member: str
    closed: dict[str, list[Month]] = {}


class Scenario(_Part):
    """Everything that a demo loads: plans first, then events."""

    source: Annotated[str, AfterValidator(_demo_source)]
    plans: Texts
    procedures: dict[Literal["province", "district", "commune"], list[Procedure]]
    offices: list[Offices]
    installs: Installs
    surveys: list[Surveys]
    lists: list[Lists]
    installers: Installers
    reports: list[Reports]
    activities: Activities
    totals: list[Figure]
    difficulties: Difficulties
    officials: Officials


def read_scenario(path: Path) -> Scenario:
    """The scenario in a file. ScenarioFault: it cannot be read, or it says something else."""
    try:
        return Scenario.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ScenarioFault(f"{path}: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise ScenarioFault(f"{path}: not YAML") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise ScenarioFault(f"{path}: {where}: {first['msg']}") from error
