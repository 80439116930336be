"""Who is who in the invented year: installers, teams, and which half days are planned for whom."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from shared.demo.activities import MEMBERS
from shared.demo.days import Days
from shared.demo.installs import INSTALLERS
from shared.demo.scenario import Scenario

HALVES = ("am", "pm")


def people(scenario: Scenario) -> list[dict[str, Any]]:
    """Entries of the people register: numbered roles, no names that anybody could bear.

    The installers belong to the youth union of their district; those of a place without one are
    staff, so that its quota stays without anybody assigned.
    """
    officials, runs = scenario.officials, scenario.installs.runs
    found = []
    for unit in scenario.installs.attempts:
        office = next((u for u in scenario.installers.units if u.endswith(f"-{unit}")), unit)
        role = "staff" if office == unit else "installer"
        for number in range(1, INSTALLERS + 1):
            name = f"{officials.installer} {number:02}"
            found.append(_entry(f"{unit}-{number:02}", name, role, office, runs.from_.isoformat()))
    activities = scenario.activities
    for unit in (activities.district, *activities.units):
        for number in range(1, MEMBERS + 1):
            name, since = f"{officials.member} {number:02}", activities.runs.from_.isoformat()
            found.append(_entry(f"{unit}-{number:02}", name, "member", unit, since))
    return found


def _entry(code: str, name: str, role: str, unit: str, since: str) -> dict[str, Any]:
    return {"code": code, "name": name, "role": role, "unit": unit, "valid_from": since}


def roster(scenario: Scenario) -> Iterator[list[dict[str, Any]]]:
    """The half days planned for each unit: every working day morning and afternoon, by turns."""
    activities = scenario.activities
    days = Days(activities.runs.from_, activities.runs.to)
    for unit in (activities.district, *activities.units):
        yield [
            {
                "unit": unit,
                "day": day.isoformat(),
                "session": half,
                "member": f"{unit}-{(number * len(HALVES) + place) % MEMBERS + 1:02}",
            }
            for number, day in enumerate(days.days[: days.count])
            for place, half in enumerate(HALVES)
        ]
