"""Before a month is locked each unit confirms its figures, or contests them, dossier by dossier."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from services.reporting import rules
from services.reporting.handlers.answering import Reports
from services.reporting.handlers.asking import Asked, ask
from services.reporting.handlers.reports import GROUPINGS
from services.reporting.store import confirmations as store
from services.reporting.store import publications
from shared import clock
from shared.keys import Key
from shared.problems import Problem

CONFIRMED = (
    "bieu-06",
    "on-time",
    "online-share",
    "data-quality",
    "installs",
    "activity",
    "timeliness",
)
"""Reports of whose figures a unit may be asked: those that are published by unit and month."""


class Confirming:
    """What units say of one store's figures."""

    def __init__(self, reports: Reports) -> None:
        self.reports = reports

    async def say(
        self,
        report: str,
        month: str,
        unit: str,
        state: str,
        about: Sequence[tuple[str | None, str | None]],
        key: Key,
    ) -> None:
        """Keep what a unit says of a month's figures, with the figures as they are now.

        Raises:
            Problem: 403 outside the key's units, 409 once the month is locked, 422 for another
                report, or a month that is none or has not begun.
        """
        first, last = _days(month)
        asked = self._ask(report, first, last, unit, key)
        figures = (await self.reports.answer(asked.question)).total
        async with self.reports.database.transaction() as session:
            locked = await publications.lock_of(session, report, month, unit)
            if locked is not None:
                raise Problem(409, f"The month is locked as published under /p/{locked}.")
            now = clock.now()
            await store.add(session, report, month, unit, state, about, now, key.name, figures)

    async def states(
        self, report: str, month: str, unit: str | None, key: Key
    ) -> list[dict[str, Any]]:
        """How each unit stands that has figures in a month or said something of them.

        Raises:
            Problem: as `say`.
        """
        first, last = _days(month)
        return await beside(self.reports, self._ask(report, first, last, unit, key), month)

    async def noted(self, asked: Asked) -> dict[str, Any]:
        """What is to be said beside an answer about a whole month: how the units stand that said
        something, and under which address the month is locked; nothing for other answers."""
        question = asked.question
        month = rules.month_of(asked.first, asked.last)
        if month is None or question.report not in CONFIRMED:
            return {}
        async with self.reports.database.transaction() as session:
            said = await store.load(session, question.report, month, question.units)
            locked = await publications.lock_of(session, question.report, month, asked.unit)
        states = {unit: rules.answer_of(every).state for unit, every in sorted(said.items())}
        return {"confirmations": states, "locked_as": f"/p/{locked}" if locked else None}

    def _ask(self, report: str, first: date, last: date, unit: str | None, key: Key) -> Asked:
        if report not in CONFIRMED:
            raise _fault("report", "unknown", f"Ask for one of: {', '.join(CONFIRMED)}.")
        typed = {"from": first.isoformat(), "to": last.isoformat()}
        if unit is not None:
            typed["unit"] = unit
        now = clock.now()
        if first > clock.local_day(now):
            raise _fault("period", "not_begun", "The month has not begun.")
        return ask(report, typed, key, self.reports.registry, now)


async def beside(reports: Reports, asked: Asked, month: str) -> list[dict[str, Any]]:
    """How the units stand whose figures of a month an answer shows, or that said something."""
    question = asked.question
    grouped = "unit" if "unit" in GROUPINGS.get(question.report, ()) else None
    by_unit = question.regrouped(grouped) if grouped else question
    answer = await reports.answer(by_unit)
    names = {str(row["unit"]): str(row["unit_name"]) for row in answer.rows}
    registry = reports.registry
    async with reports.database.transaction() as session:
        said = await store.load(session, question.report, month, question.units)
        seen = await store.figures(session, question.report, month)
    for unit in said:
        names.setdefault(unit, registry.name(unit, question.last))
    rows = []
    for unit in sorted(names):
        one = rules.answer_of(said.get(unit, ()))
        rows.append(
            {
                "unit": unit,
                "unit_name": names[unit],
                "state": one.state,
                "at": one.last.at.astimezone(clock.VN).isoformat() if one.last else None,
                "by": one.last.by if one.last else None,
                "confirmed_figures": seen.get(unit),
                "contested": [
                    {
                        "dossier": each.dossier,
                        "remark": each.remark,
                        "at": each.at.astimezone(clock.VN).isoformat(),
                    }
                    for each in one.contested
                ],
            }
        )
    return rows


def _days(month: str) -> tuple[date, date]:
    try:
        if len(month) != 7:
            raise ValueError
        first = date.fromisoformat(f"{month}-01")
    except ValueError:
        raise _fault("period", "not_a_month", "Write a month as YYYY-MM.") from None
    after = (first.replace(day=28) + timedelta(days=4)).replace(day=1)
    return first, after - timedelta(days=1)


def _fault(name: str, code: str, message: str) -> Problem:
    return Problem(422, errors=[{"pointer": f"/{name}", "code": code, "message": message}])
