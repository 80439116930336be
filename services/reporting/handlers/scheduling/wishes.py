"""Orders as people give them, and all that is wrong with one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from services.reporting.handlers.answering import Reports
from services.reporting.handlers.asking import ask
from services.reporting.handlers.reports import REPORTS
from services.reporting.rules import schedules as rules
from shared import clock, nearest
from shared.keys import Key
from shared.problems import Problem
from shared.units import UnitRegistry

FORMATS = ("xlsx", "pdf", "csv")
MOVING = ("from", "to", "as_of", "format", "limit", "offset", "lang", "after")
"""Parameters that an order takes from its time, or has no use for."""
LEVELS = ("officer", "head", "district", "province")
"""Whom of a unit a file may go to."""


@dataclass(frozen=True, slots=True)
class Wish:
    """An order as somebody gives it."""

    title: str
    report: str
    parameters: Mapping[str, str]
    period: str
    format: str
    every: str
    before: str
    days: Sequence[int]
    days_off: str
    lead_minutes: int | None
    recipients: Sequence[tuple[str, str | None]]


async def checked(
    wish: Wish, key: Key, now: datetime, reports: Reports, lead: int
) -> tuple[dict[str, Any], frozenset[str] | None]:
    """An order as it is kept, and the units that it shows.

    Args:
        lead: minutes before its time in which it is built, where the order does not say.

    Raises:
        Problem: 403, 422 naming every fault.
    """
    faults: list[dict[str, str]] = []
    for name, value, known in (
        ("report", wish.report, tuple(REPORTS)),
        ("period", wish.period, rules.PERIODS),
        ("format", wish.format, FORMATS),
        ("when/every", wish.every, rules.EVERY),
        ("when/days_off", wish.days_off, rules.DAYS_OFF),
    ):
        if value not in known:
            faults.append(fault(name, "unknown", f"Give one of: {', '.join(known)}."))
    if not wish.title.strip():
        faults.append(fault("title", "missing", "Give it a name."))
    faults += _faults_of_time(wish)
    for name in wish.parameters:
        if name in MOVING:
            message = "A schedule says this by its period, format and time."
            faults.append(fault(f"parameters/{name}", "not_here", message))
    faults += _faults_of_recipients(wish, key, reports.registry)
    asked = None
    if wish.report in REPORTS:
        try:
            names = await reports.names()
            asked = ask(wish.report, wish.parameters, key, reports.registry, now, names)
        except Problem as problem:
            if problem.status != 422:
                raise
            faults += [
                {**each, "pointer": f"/parameters{each['pointer']}"} for each in problem.errors
            ]
    if asked is not None:  # what is mailed every month had better not name a plan that is not
        faults += [{**each, "pointer": f"/parameters{each['pointer']}"} for each in asked.warnings]
    if faults or asked is None:
        raise Problem(422, errors=faults)
    ahead = lead if wish.lead_minutes is None else wish.lead_minutes
    return {
        "title": wish.title,
        "report": wish.report,
        "parameters": dict(wish.parameters),
        "period": wish.period,
        "format": wish.format,
        "when": {
            "every": wish.every,
            "days": sorted(set(wish.days)) if wish.every != "day" else [],
            "before": wish.before,
            "days_off": wish.days_off,
            "lead_minutes": ahead,
        },
        "recipients": [
            {"unit": unit, "level": level} for unit, level in dict.fromkeys(wish.recipients)
        ],
    }, asked.question.units


def _faults_of_recipients(wish: Wish, key: Key, registry: UnitRegistry) -> list[dict[str, str]]:
    today, faults = clock.today(), []
    if not wish.recipients:
        faults.append(fault("recipients", "missing", "Say who is to have it."))
    for number, (unit, level) in enumerate(wish.recipients):
        where = f"recipients/{number}"
        if not registry.known(unit):
            message = "There is no such unit."
            named = nearest.fault("unit", message, registry.nearest(unit))
            faults.append({**named, "pointer": f"/{where}/unit"})
        elif key.units and not (
            registry.within(unit, key.units, today)
            or any(unit in registry.ancestors(own, today) for own in key.units)
        ):
            message = "Give one of your units, or of those above or below them."
            faults.append(fault(f"{where}/unit", "beyond_key", message))
        if level not in (None, *LEVELS):
            message = f"Give one of: {', '.join(LEVELS)}."
            faults.append(fault(f"{where}/level", "unknown", message))
    return faults


def _faults_of_time(wish: Wish) -> list[dict[str, str]]:
    faults = []
    try:
        time.fromisoformat(wish.before)
        fits = len(wish.before) == 5
    except ValueError:
        fits = False
    if not fits:
        faults.append(fault("when/before", "not_a_time", "Write a time as HH:MM, such as 17:00."))
    most = {"week": 7, "month": 31}.get(wish.every)
    if most and not wish.days:
        faults.append(fault("when/days", "missing", f"Give days from 1 to {most}."))
    if most and any(not 1 <= day <= most for day in wish.days):
        faults.append(fault("when/days", "out_of_range", f"Give days from 1 to {most}."))
    if wish.lead_minutes is not None and not 0 <= wish.lead_minutes <= 10_080:
        message = "Give minutes from 0 to 10080, a week."
        faults.append(fault("when/lead_minutes", "out_of_range", message))
    return faults


def fault(name: str, code: str, message: str) -> dict[str, str]:
    """What is wrong with a part of an order."""
    return {"pointer": f"/{name}", "code": code, "message": message}
