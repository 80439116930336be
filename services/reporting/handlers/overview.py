"""What is slipping, where, since when: a territory at a glance, out of its reports."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from services.reporting.handlers.answering import Reports
from services.reporting.handlers.asking import ask
from services.reporting.handlers.reports import Answer, Question, Row
from services.reporting.store.trends import Late, Month
from shared.keys import Key

OWED = ("missing", "incomplete")
"""States of duties that can still be done."""
SECTIONS = (
    ("bieu-06", "unit"),
    ("on-time", None),
    ("online-share", None),
    ("timeliness", None),
    ("notices", None),
    ("difficulties", None),
    ("data-quality", None),
)


@dataclass(frozen=True, slots=True)
class Owed:
    """A duty of a plan that units have not done in time: how many, and the oldest one's day."""

    plan: str
    obligation: str
    units: int
    times: int
    since: date
    where: tuple[str, ...]
    """Names of the units that owe most."""


@dataclass(frozen=True, slots=True)
class Glance:
    """Everything that the first page shows."""

    answers: Mapping[str, Answer]
    late: list[Late]
    owed: list[Owed]
    months: list[Month]
    question: Question

    @property
    def data_as_of(self) -> datetime | None:
        return self.answers["bieu-06"].data_as_of

    @property
    def empty(self) -> bool:
        """Whether nothing was told at all."""
        return not any(answer.rows for answer in self.answers.values())


async def glance(reports: Reports, filters: Mapping[str, str], key: Key, now: datetime) -> Glance:
    """Look at the units of a key; raises `Problem` 403, 422 as `ask` does."""
    questions = []
    for name, by in SECTIONS:
        typed = {**filters, **({"by": by} if by else {})}
        if name == "timeliness":  # what is owed is owed, since whatever year
            typed.pop("from", None)
        questions.append(ask(name, typed, key, reports.registry, now).question)
    answers, late, months = await reports.with_pictures(questions)
    by_name = {name: answer for (name, _), answer in zip(SECTIONS, answers, strict=True)}
    return Glance(
        answers=by_name,
        late=late,
        owed=_owed(by_name["timeliness"].rows),
        months=months,
        question=questions[0],
    )


def _owed(rows: list[Row]) -> list[Owed]:
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row["state"] in OWED and row["due"]:
            groups.setdefault((row["plan"], row["obligation"]), []).append(row)
    found = []
    for (plan, obligation), owed in groups.items():
        times: dict[str, int] = {}
        for row in owed:
            times[row["unit_name"]] = times.get(row["unit_name"], 0) + 1
        most = sorted(times, key=lambda name: (-times[name], name))
        since = min(date.fromisoformat(row["due"]) for row in owed)
        found.append(Owed(plan, obligation, len(times), len(owed), since, tuple(most[:3])))
    return sorted(found, key=lambda one: (one.since, one.plan, one.obligation))
