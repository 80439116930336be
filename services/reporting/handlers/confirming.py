"""Before a month is locked each unit confirms its figures, or contests them, row by row."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting import rules
from services.reporting.handlers.answering import Reports
from services.reporting.handlers.asking import Asked, ask
from services.reporting.handlers.reports import GROUPINGS, Answer
from services.reporting.rules import About, Statement
from services.reporting.store import confirmations as store
from services.reporting.store import publications
from shared import clock
from shared.keys import Key
from shared.problems import Problem
from shared.units import UnitRegistry

CONFIRMED = (
    "bieu-06",
    "on-time",
    "online-share",
    "data-quality",
    "installs",
    "activity",
    "timeliness",
    "scorecard",
    "emulation",
)
"""Reports of whose figures a unit may be asked: those that are published by unit and month."""
OF_SURVEYS = frozenset({"scorecard"})
"""Reports whose rows are made of surveys: they are contested survey by survey, too."""
KEPT_ROWS: Mapping[str, tuple[str, ...]] = {
    "scorecard": ("unit", "domain", "mode", "quarter", "item", "n", "score"),
    "emulation": ("plan", "unit", "merits", "deductions", "points", "undecided"),
}
"""Report -> what is kept of each row that a unit confirms, where no total says it: a mean of means
would say nothing, and each plan has points of its own."""


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
        about: Sequence[tuple[About, str | None]],
        key: Key,
        domain: str | None = None,
    ) -> None:
        """Keep what a unit says of a month's figures, with the figures as they are now.

        Args:
            about: of what, each with a remark.
            domain: of surveys, where only what they say of one is meant.

        Raises:
            Problem: 403 outside the key's units, 409 once the month is locked, 422 for another
                report, a month that is none or has not begun, or a survey that is not the unit's.
        """
        first, last = _days(month)
        asked = self._ask(report, first, last, unit, key, domain)
        answer = await self.reports.answer(asked.question)
        async with self.reports.database.transaction() as session:
            domains = await _domains(session, asked, about, answer)
            for each in sorted({one for of in domains for one in of}, key=str):
                locked = await publications.lock_of(session, report, month, unit, each)
                if locked is not None:
                    raise Problem(409, f"The month is locked as published under /p/{locked}.")
            now = clock.now()
            said = [
                Statement(state, one, remark, now, key.name, each)
                for (one, remark), of in zip(about, domains, strict=True)
                for each in of
            ]
            await store.add(session, report, month, unit, said, _figures(report, answer))

    async def states(
        self, report: str, month: str, unit: str | None, key: Key, domain: str | None = None
    ) -> list[dict[str, Any]]:
        """How each unit stands that has figures in a month or said something of them; where these
        are told by domain, in one of them, or in all.

        Raises:
            Problem: as `say`.
        """
        first, last = _days(month)
        return await beside(self.reports, self._ask(report, first, last, unit, key, domain), month)

    async def noted(self, asked: Asked) -> dict[str, Any]:
        """What is to be said beside an answer about a whole month: how the units stand that said
        something, and under which address the month is locked (scores are locked by domain: of all
        of them it says none); nothing for other answers."""
        question = asked.question
        month = rules.month_of(asked.first, asked.last)
        if month is None or question.report not in CONFIRMED:
            return {}
        async with self.reports.database.transaction() as session:
            said = await store.load(session, question.report, month, question.units)
            locked = None
            several = question.report in rules.BY_DOMAIN and question.domain is None
            if not several:
                locked = await publications.lock_of(
                    session, question.report, month, asked.unit, question.domain
                )
        if several and said:
            rows = await beside(self.reports, asked, month)
            states = {row["unit"]: row["state"] for row in rows if row["at"]}
        else:
            stands = {unit: rules.answer_over(said[unit], (question.domain,)) for unit in said}
            states = {unit: stands[unit].state for unit in sorted(stands) if stands[unit].last}
        return {"confirmations": states, "locked_as": f"/p/{locked}" if locked else None}

    def _ask(
        self,
        report: str,
        first: date,
        last: date,
        unit: str | None,
        key: Key,
        domain: str | None = None,
    ) -> Asked:
        if report not in CONFIRMED:
            raise _fault("report", "unknown", f"Ask for one of: {', '.join(CONFIRMED)}.")
        typed = {"from": first.isoformat(), "to": last.isoformat()}
        if unit is not None:
            typed["unit"] = unit
        if domain is not None:
            if report not in rules.BY_DOMAIN:
                raise _fault("domain", "not_here", "The report tells no domains apart.")
            typed["domain"] = domain
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
    registry = reports.registry
    told = of_last_bearers(answer.rows, registry, question.last)
    names = {str(row["unit"]): str(row["unit_name"]) for row in told}
    domains: dict[str, set[str | None]] = {}
    for row in told:
        domains.setdefault(row["unit"], set()).add(row.get("domain"))
    async with reports.database.transaction() as session:
        said = await store.load(session, question.report, month, question.units)
        seen = await store.figures(session, question.report, month, question.domain)
    for unit, every in said.items():
        if question.domain is None or any(one.domain in (None, question.domain) for one in every):
            names.setdefault(unit, registry.name(unit, question.last))
    rows = []
    for unit in sorted(names):
        every = said.get(unit, ())
        spoken = {each.domain for each in every if each.domain is not None}
        of = {question.domain} if question.domain else domains.get(unit, set()) | spoken
        one = rules.answer_over(every, of)
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
                        "dossier": each.about.dossier,
                        "event": _event(each.about),
                        "domain": each.domain,
                        "remark": each.remark,
                        "at": each.at.astimezone(clock.VN).isoformat(),
                    }
                    for each in one.contested
                ],
            }
        )
    return rows


def of_last_bearers(
    rows: Sequence[Mapping[str, Any]], registry: UnitRegistry, last: date
) -> list[Mapping[str, Any]]:
    """The rows of the units that bear their codes on a month's last day: what an earlier bearer
    left open is nothing that the unit of today can confirm, and is not its figure."""
    found = []
    for row in rows:
        since = row.get("unit_valid_from")
        borne = registry.bearer(row["unit"], last)
        if since is None or borne is None or since == borne.isoformat():
            found.append(row)
    return found


async def _domains(
    session: AsyncSession,
    asked: Asked,
    about: Sequence[tuple[About, str | None]],
    answer: Answer,
) -> list[list[str | None]]:
    """Of which domains each thing is that a unit speaks of: a survey knows its own; else it is the
    one that was named, or all in which the unit has figures."""
    question = asked.question
    every = sorted({row["domain"] for row in answer.rows if "domain" in row}) or [None]
    named = {one.event for one, _ in about if one.event is not None}
    if named and question.report not in OF_SURVEYS:
        raise _fault("event", "not_here", "Its rows are made of no surveys.")
    surveys = await store.surveys(session, named) if named else {}
    found = []
    for one, _ in about:
        domains = [question.domain] if question.domain else every
        if one.event is not None:
            survey = surveys.get(one.event)
            if survey is None or not (
                question.first <= survey.day <= question.last
                and question.territory.place(survey.unit, survey.day) is not None
                and question.domain in (None, survey.domain)
            ):
                message = "The unit's figures are made of no such survey."
                raise _fault("event", "unknown_event", message)
            domains = [survey.domain]
        found.append(domains)
    return found


def _figures(report: str, answer: Answer) -> dict[str, Any]:
    """What a unit sees when it says something: the total, and the rows that no total says."""
    if report not in KEPT_ROWS:
        return answer.total
    rows = [{name: row[name] for name in KEPT_ROWS[report]} for row in answer.rows]
    return answer.total | {"rows": rows}


def _event(about: About) -> dict[str, str] | None:
    if about.event is None:
        return None
    source, id = about.event
    return {"source": source, "id": id}


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
