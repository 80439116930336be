"""Invented installs: some fail, some repeat a machine or a citizen, some exceed the quota."""

from __future__ import annotations

from collections.abc import Iterator

from shared.demo.days import Days, in_office
from shared.demo.envelope import Event, chance, event, taken
from shared.demo.people import phone
from shared.demo.scenario import Scenario

PLACES = ("one_stop", "one_stop", "home", "home", "public", "other")
INSTALLERS = 8
"""People who install, in each unit."""


def tell_installs(scenario: Scenario, scale: float) -> Iterator[Event]:
    """Every attempt to install."""
    installs = scenario.installs
    days = Days(installs.runs.from_, installs.runs.to)
    told = 0
    for unit, attempts in installs.attempts.items():
        first = told
        for number in range(1, attempts + 1):
            told += 1
            if not taken(told - 1, scale):
                continue
            rng = chance("install", unit, number)
            failed = number % 12 == 0
            machine = number - 4 if number % 27 == 13 else number
            citizen = number - 3 if number % 41 == 20 else machine
            # Most were made in the first months, while the youth unions went from door to door.
            day = days[int(days.count * rng.random() ** 1.8)]
            data = {
                "unit": unit,
                "app": installs.app,
                "installer": f"{unit}-{int(rng.random() * INSTALLERS) + 1:02}",
                "device": None if machine % 17 == 7 else f"may-mau-{unit}-{machine:03}",
                "citizen": phone(first + citizen),
                "place": rng.choice(PLACES),
                "result": "failed" if failed else "succeeded",
                "reason": rng.choice(installs.failures) if failed else None,
            }
            source = f"{scenario.source}/one-stop/{unit}"
            at = in_office(day, rng.random() * 480)
            yield event("install.recorded", source, f"install-{unit}-{number:04}", at, data)
