"""Invented surveys. People tell a tablet what they would not tell a voice: modes differ."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from random import Random
from typing import Any

from shared.demo.days import Days, in_office
from shared.demo.dossiers import Dossier, Office, offices_of
from shared.demo.envelope import Event, chance, event, taken
from shared.demo.scenario import Scenario, Surveys

LEVELS = ("very_dissatisfied", "dissatisfied", "neutral", "satisfied", "very_satisfied")
_WEIGHTS = {"phone": (2, 4, 14, 52, 28), "tablet": (11, 13, 24, 36, 16)}
_MEANS = {"phone": 8.2, "tablet": 6.9}
_BRIBES = {"phone": 0.02, "tablet": 0.08}
_TRIES = 4


def tell_surveys(scenario: Scenario, scale: float) -> Iterator[Event]:
    """Every survey; those about a dossier name one of the office that was returned before."""
    offices = {
        office.unit: (office, Days(offices.runs.from_, offices.runs.to))
        for offices in scenario.offices
        for office in offices_of(offices)
    }
    told = 0
    for surveys in scenario.surveys:
        days = Days(surveys.runs.from_, surveys.runs.to)
        for mode, count in surveys.counts.items():
            for number in range(count):
                told += 1
                if not taken(told - 1, scale):
                    continue
                unit = surveys.units[number % len(surveys.units)]
                rng = chance("survey", surveys.questionnaire, mode, number)
                at = in_office(days[int(rng.random() * days.count)], rng.random() * 480)
                data: dict[str, Any] = {
                    "unit": unit,
                    "domain": surveys.domain,
                    "mode": mode,
                    "questionnaire": surveys.questionnaire,
                    "answers": _answers(surveys, unit, mode, rng),
                }
                if unit in offices:
                    data["dossier"] = _dossier(scenario, *offices[unit], at, rng)
                id = f"{surveys.questionnaire}-{mode}-{number + 1:04}"
                yield event("survey.completed", f"{scenario.source}/survey", id, at, data)


def _answers(surveys: Surveys, unit: str, mode: str, rng: Random) -> dict[str, Any]:
    liking = chance("liked", unit).uniform(-0.8, 0.8)
    found: dict[str, Any] = {}
    for item in surveys.scored:
        found[item] = min(max(round(rng.gauss(_MEANS[mode] + liking, 1.4)), 1), 10)
    for item in surveys.asked:
        found[item] = "yes" if rng.random() < _BRIBES[mode] else "no"
    for item in surveys.levels:
        if rng.random() < 0.95:
            found[item] = rng.choices(LEVELS, _WEIGHTS[mode])[0]
    return found or {surveys.levels[0]: LEVELS[3]}


def _dossier(
    scenario: Scenario, office: Office, days: Days, before: datetime, rng: Random
) -> str | None:
    for _ in range(_TRIES):
        dossier = Dossier(scenario, office, days, int(rng.random() * office.count))
        if dossier.returned is not None and dossier.returned < before:
            return dossier.code
    return None
