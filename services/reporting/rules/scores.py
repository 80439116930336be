"""Scores of surveys: a tally per unit, domain, mode, item and day; modes are never pooled."""

import math
from collections import Counter
from collections.abc import Collection, Mapping, Set
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

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
    """One `survey.completed` event: scores per item, null where an answer bears none; `outside`
    are the items whose answer lies outside their scale."""

    uid: bytes
    unit: str
    domain: str
    mode: str
    questionnaire: str
    scores: Mapping[str, Decimal | None]
    day: date
    rday: date
    voided_rday: date | None = None
    reasons: Mapping[str, str] = field(default_factory=dict)
    """Of items that are coded reasons, the code that was chosen."""
    dossier: str | None = None
    outside: frozenset[str] = frozenset()


class ScoreCell(NamedTuple):
    """Where a survey's answer is added."""

    unit: str
    domain: str
    mode: str
    questionnaire: str
    item: str
    business_day: date
    recorded_day: date


class ReasonCell(NamedTuple):
    """Where a reason that somebody chose is added."""

    unit: str
    domain: str
    mode: str
    item: str
    reason: str
    business_day: date
    recorded_day: date


class Tally(NamedTuple):
    """Answers of one kind: how many, how many of them bear a score, the sum of these, and how many
    lie outside the scale of their item."""

    n: int = 0
    scored: int = 0
    total: Decimal = Decimal(0)
    outside: int = 0

    @property
    def answers(self) -> int:
        """How many answers the mean is of; without a score, how many were given on the scale."""
        return self.scored or self.n - self.outside

    def __add__(self, other: "Tally") -> "Tally":  # type: ignore[override]
        return Tally(
            self.n + other.n,
            self.scored + other.scored,
            self.total + other.total,
            self.outside + other.outside,
        )

    def __neg__(self) -> "Tally":
        return Tally(-self.n, -self.scored, -self.total, -self.outside)


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


def survey_scores(
    answers: Mapping[str, object], outside: Collection[str] = ()
) -> dict[str, Decimal | None]:
    """What is kept of a survey: the score of each item answered, no words that people said.

    Of the items `outside` their scale there is none: they are counted and not averaged.
    """
    return {
        item: None if item in outside else answer_score(value)
        for item, value in answers.items()
        if value is not None
    }


def survey_reasons(
    questionnaire: str, answers: Mapping[str, object], known: Mapping[tuple[str, str], Set[str]]
) -> dict[str, str]:
    """The coded reasons among the answers; what a questionnaire does not list is nobody's code."""
    return {
        item: value
        for item, value in answers.items()
        if isinstance(value, str) and value in known.get((questionnaire, item), ())
    }


def reason_contributions(survey: Survey) -> Counter[ReasonCell]:
    """What one survey adds to the tallies of reasons, as `score_contributions` does to scores."""
    cells: Counter[ReasonCell] = Counter()
    if survey.voided_rday is not None and survey.voided_rday <= survey.rday:
        return cells
    place = (survey.unit, survey.domain, survey.mode)
    for item, reason in survey.reasons.items():
        cells[ReasonCell(*place, item, reason, survey.day, survey.rday)] += 1
        if survey.voided_rday is not None:
            cells[ReasonCell(*place, item, reason, survey.day, survey.voided_rday)] -= 1
    return cells


def score_contributions(survey: Survey) -> dict[ScoreCell, Tally]:
    """What one survey adds to the daily tallies: added when it came, taken back when withdrawn."""
    cells: dict[ScoreCell, Tally] = {}
    if survey.voided_rday is not None and survey.voided_rday <= survey.rday:
        return cells
    place = (survey.unit, survey.domain, survey.mode, survey.questionnaire)
    for item, score in survey.scores.items():
        scored = 0 if score is None else 1
        tally = Tally(1, scored, score or Decimal(0), int(item in survey.outside))
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


@lru_cache(maxsize=512)
def quarter_before(quarter: str) -> str:
    """The quarter before one, as in 2019-Q4 before 2020-Q1."""
    year, number = int(quarter[:4]), int(quarter[-1])
    return f"{year:04d}-Q{number - 1}" if number > 1 else f"{year - 1:04d}-Q4"


def start_before(day: date) -> date:
    """The first day of the quarter before a day's."""
    if day.year <= 1:
        return day
    start = 3 * ((day.month - 1) // 3) + 1
    return date(day.year, start - 3, 1) if start > 3 else date(day.year - 1, 10, 1)


def score_row(tally: Tally, before: Tally | None, threshold: int) -> dict[str, Any]:
    """What a row of the scorecard says of a score, beside that of the quarter before.

    ``n`` is how many answers the score is the mean of; without a score, how many were given.
    ``small_n`` is set where either quarter has fewer answers than the threshold, so that no more is
    read into them than they bear.
    """
    score, count = mean_score(tally), tally.answers
    earlier, earlier_count, known_before = None, 0, before is not None
    if before is not None:
        earlier, earlier_count = mean_score(before), before.answers
    both = score is not None and earlier is not None
    return {
        "n": count,
        "score": score,
        "reason": None if tally.scored else "no_scores",
        "small_n": count < threshold or (both and earlier_count < threshold),
        "previous_score": earlier,
        "previous_n": earlier_count if known_before else None,
        "change": score - earlier if score is not None and earlier is not None else None,
    }


def mean_score(tally: Tally) -> float | None:
    """The mean of the answers that bear a score; null where none does."""
    return float(tally.total / tally.scored) if tally.scored else None
