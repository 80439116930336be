"""Scores of surveys: a tally per unit, domain, mode, item and day; modes are never pooled."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple

LIKERT: Mapping[str, int] = {
    "very_dissatisfied": 1,
    "dissatisfied": 2,
    "neutral": 3,
    "satisfied": 4,
    "very_satisfied": 5,
}
"""The five levels of a satisfaction question, as scores."""


@dataclass(frozen=True, slots=True)
class Survey:
    """One `survey.completed` event: scores per item, null where an answer bears none."""

    uid: bytes
    unit: str
    domain: str
    mode: str
    questionnaire: str
    scores: Mapping[str, Decimal | None]
    day: date
    rday: date
    voided_rday: date | None = None


class ScoreCell(NamedTuple):
    """Where a survey's answer is added."""

    unit: str
    domain: str
    mode: str
    item: str
    business_day: date
    recorded_day: date


@dataclass(frozen=True, slots=True)
class Tally:
    """Answers of one kind: how many, how many of them bear a score, and the sum of these."""

    n: int = 0
    scored: int = 0
    total: Decimal = Decimal(0)

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.n + other.n, self.scored + other.scored, self.total + other.total)

    def __neg__(self) -> "Tally":
        return Tally(-self.n, -self.scored, -self.total)


def answer_score(value: object) -> Decimal | None:
    """A number as it is, a level of satisfaction as 1 to 5; other words bear no score."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return Decimal(value)
    if isinstance(value, float):
        return Decimal(str(value)) if math.isfinite(value) else None
    if isinstance(value, str) and value in LIKERT:
        return Decimal(LIKERT[value])
    return None


def survey_scores(answers: Mapping[str, object]) -> dict[str, Decimal | None]:
    """What is kept of a survey: the score of each item answered, no words that people said."""
    return {item: answer_score(value) for item, value in answers.items() if value is not None}


def score_contributions(survey: Survey) -> dict[ScoreCell, Tally]:
    """What one survey adds to the daily tallies: added when it came, taken back when withdrawn."""
    cells: dict[ScoreCell, Tally] = {}
    if survey.voided_rday is not None and survey.voided_rday <= survey.rday:
        return cells
    place = (survey.unit, survey.domain, survey.mode)
    for item, score in survey.scores.items():
        tally = Tally(1, 0 if score is None else 1, score or Decimal(0))
        cells[ScoreCell(*place, item, survey.day, survey.rday)] = tally
        if survey.voided_rday is not None:
            cells[ScoreCell(*place, item, survey.day, survey.voided_rday)] = -tally
    return cells


def tally_difference(
    before: Mapping[ScoreCell, Tally], after: Mapping[ScoreCell, Tally]
) -> dict[ScoreCell, Tally]:
    """What must be added to the tallies so that `before` becomes `after`; no zeros."""
    nothing = Tally()
    change = {
        key: after.get(key, nothing) + -before.get(key, nothing)
        for key in before.keys() | after.keys()
    }
    return {key: tally for key, tally in change.items() if tally != nothing}


def quarter(day: date) -> str:
    """A day's quarter, as in 2020-Q1."""
    return f"{day.year:04d}-Q{(day.month + 2) // 3}"


def mean_score(tally: Tally) -> float | None:
    """The mean of the answers that bear a score; null where none does."""
    return float(tally.total / tally.scored) if tally.scored else None
