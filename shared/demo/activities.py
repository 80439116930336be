"""Invented work of youth teams, stated figures, difficulties, and what was withdrawn."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from shared.demo.days import Days, at, in_office
from shared.demo.envelope import Event, chance, event, taken
from shared.demo.scenario import Scenario

MEMBERS = 8
"""Members of a team."""
SESSIONS = (("sang", 7), ("chieu", 13))
"""The two half-day sessions of the duty roster and the hours at which they begin."""
MISTAKEN = "Nhập nhầm đơn vị"


def tell_activities(scenario: Scenario, scale: float) -> Iterator[Event]:
    """Each team's activity of the day, its sessions on duty, and the district's gatherings."""
    activities = scenario.activities
    days = Days(activities.runs.from_, activities.runs.to)
    kinds = list(activities.daily.items())
    told = 0
    for place, unit in enumerate([activities.district, *activities.units]):
        source = f"{scenario.source}/youth/{unit}"
        for number, day in enumerate(days.days[: days.count]):
            rng = chance("activity", unit, day)
            sessions = [each for each in SESSIONS if rng.random() < activities.duty]
            told += 1
            if not taken(told - 1, scale):
                continue
            member = f"{unit}-{int(rng.random() * MEMBERS) + 1:02}"
            team = {"unit": unit, "team": "doi-hinh-01", "member": member}
            for name, hour in sessions:
                begins = at(day, hour, 30)
                data = team | {"kind": "duty", "people": 1}
                yield event("activity.recorded", source, f"duty-{day}-{name}", begins, data)
            if unit != activities.district:
                kind, span = kinds[(number + place) % len(kinds)]
                data = team | {"kind": kind, "people": rng.randint(*span)}
                when = in_office(day, 60 + rng.random() * 400)
                yield event("activity.recorded", source, f"{kind}-{day}", when, data)
    for gathering in activities.gatherings:
        unit = activities.district
        source = f"{scenario.source}/youth/{unit}"
        for number in range(gathering.first, gathering.first + gathering.people):
            told += 1
            if not taken(told - 1, scale):
                continue
            member = f"{unit}-DV-{number:03}"
            data = {"unit": unit, "team": "doi-hinh-01", "member": member}
            data |= {"kind": gathering.kind, "people": 1}
            id = f"{gathering.kind}-{gathering.day}-{number:03}"
            yield event("activity.recorded", source, id, at(gathering.day, 16), data)


def tell_totals(scenario: Scenario) -> Iterator[Event]:
    """Figures that no event counts, stated on the last day of the activities."""
    when = at(scenario.activities.runs.to, 10)
    for figure in scenario.totals:
        source, id = f"{scenario.source}/youth/{figure.unit}", f"total-{figure.indicator}"
        yield event("total.recorded", source, id, when, figure.model_dump())


def tell_difficulties(scenario: Scenario) -> Iterator[Event]:
    """Difficulties raised; most are resolved some weeks later."""
    difficulties = scenario.difficulties
    days = Days(difficulties.runs.from_, difficulties.runs.to)
    for place, unit in enumerate(difficulties.units):
        source = f"{scenario.source}/youth/{unit}"
        for number in range(difficulties.each):
            rng = chance("difficulty", unit, number)
            kind = difficulties.kinds[(number + place) % len(difficulties.kinds)]
            day = days[int(days.count * rng.random())]
            raised = in_office(day, rng.random() * 480)
            id = f"kho-khan-{unit}-{number + 1:02}"
            data = {"difficulty": id, "unit": unit, "category": kind.category}
            yield event("difficulty.raised", source, id, raised, data | {"text": kind.raised})
            resolved = raised + timedelta(days=int(7 + rng.random() * 40))
            if rng.random() < 0.75 and resolved < days.end:
                data = data | {"text": kind.resolved}
                yield event("difficulty.resolved", source, f"{id}-xong", resolved, data)


def tell_voids(scenario: Scenario) -> Iterator[Event]:
    """One mistaken install of each unit, withdrawn when the year ended."""
    installs = scenario.installs
    for unit in installs.attempts:
        source = f"{scenario.source}/one-stop/{unit}"
        data = {"of_source": source, "of_id": f"install-{unit}-0002", "reason": MISTAKEN}
        yield event("record.voided", source, f"void-{unit}", at(installs.runs.to, 16), data)
