"""The official reminder: who is late or short, by how much, until when to make up for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from services.reporting import rules
from services.reporting.handlers.answering import Reports
from services.reporting.handlers.asking import Asked, ask
from services.reporting.handlers.standing import standing
from services.reporting.rules import Short
from services.reporting.store.trends import Late
from shared import clock
from shared.keys import Key
from shared.plans import Plan
from shared.problems import Problem

PARTS = ("targets", "duties", "overdue")
"""What a reminder may be about."""
LONGEST_TERM = 366
"""Days until the latest new date that may be set."""


@dataclass(frozen=True, slots=True)
class Letter:
    """What a reminder says; `told` are the units it goes to, the late and the short."""

    asked: Asked
    written: date
    new_date: date
    office: str | None
    plans: Sequence[Plan]
    short: Sequence[Short]
    duties: Sequence[Mapping[str, Any]]
    overdue: Sequence[Late]
    told: Sequence[str]

    @property
    def empty(self) -> bool:
        """Whether nobody is late or short."""
        return not (self.short or self.duties or self.overdue)


async def letter(reports: Reports, typed: Mapping[str, str], key: Key, now: datetime) -> Letter:
    """Draft a reminder about what a plan orders, or without a `plan` about all of them and the
    dossiers that are overdue; `about` narrows it, `new_date` is by when to make up for it.

    Raises:
        Problem: 403 outside the key's units, 422 naming every fault.
    """
    today = clock.local_day(now)
    faults: list[dict[str, str]] = []
    about = _about(typed, faults)
    new_date = _new_date(typed, today, reports, faults)
    try:
        asked = ask("timeliness", typed, key, reports.registry, now, await reports.names())
    except Problem as problem:
        if problem.status != 422:
            raise
        raise Problem(422, errors=[*problem.errors, *faults]) from None
    if asked.warnings:  # a figure of an unknown plan is empty; a letter about it is a mistake
        faults += [dict(each) for each in asked.warnings]
    if faults:
        raise Problem(422, errors=faults)
    question = asked.question
    plans = [one for one in await reports.plans() if question.plan in (None, one.plan)]
    short: list[Short] = []
    duties: list[Mapping[str, Any]] = []
    overdue: list[Late] = []
    if "targets" in about:
        named = {plan.plan: plan for plan in plans}
        stands = await standing(reports, question, today)
        drawn = (rules.short_of(named[one.result.plan], one) for one in stands)
        short = [one for one in drawn if one is not None]
    if "duties" in about:
        duties = rules.owed((await reports.answer(question)).rows)
    if "overdue" in about:
        overdue = await reports.late(replace(question, report="overdue"))
    concerned = {one.plan for one in short} | {row["plan"] for row in duties}
    return Letter(
        asked,
        today,
        new_date,
        _office(reports, key, asked, [one for one in plans if one.plan in concerned]),
        [one for one in plans if one.plan in concerned],
        short,
        duties,
        overdue,
        sorted(
            {one.unit for one in short}
            | {row["unit"] for row in duties}
            | {one.unit for one in overdue}
        ),
    )


def _about(typed: Mapping[str, str], faults: list[dict[str, str]]) -> tuple[str, ...]:
    text = typed.get("about") or ""
    if not text:
        return PARTS[:2] if typed.get("plan") else PARTS
    parts = tuple(part.strip() for part in text.split(","))
    if not set(parts) <= set(PARTS):
        message = f"Ask for one or more of: {', '.join(PARTS)}, with commas between."
        faults.append({"pointer": "/about", "code": "unknown", "message": message})
    return parts


def _new_date(
    typed: Mapping[str, str], today: date, reports: Reports, faults: list[dict[str, str]]
) -> date:
    text = typed.get("new_date") or ""
    usual = reports.working.shift(today, rules.WORKING_DAYS)
    if not text:
        return usual
    try:
        day = date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        day = None
    if day is None:
        message = "Write a day as YYYY-MM-DD."
        faults.append({"pointer": "/new_date", "code": "not_a_date", "message": message})
    elif not today < day <= today + timedelta(days=LONGEST_TERM):
        message = "The new date lies after today, at most a year ahead."
        faults.append({"pointer": "/new_date", "code": "range", "message": message})
    return day or usual


def _office(reports: Reports, key: Key, asked: Asked, plans: Sequence[Plan]) -> str | None:
    """Who writes: the one unit that the reader works for, else who issued the one plan."""
    if len(key.units) == 1:
        return reports.registry.name(next(iter(key.units)), asked.last)
    issuers = {plan.issued[0].by for plan in plans if plan.issued[0].by}
    return issuers.pop() if len(issuers) == 1 else None
