"""What a form offers to choose from: units of the caller's key, plans and what they ask for."""

import asyncio
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import orjson

from services.intake.clients import Neighbours
from shared import clock
from shared.keys import Key
from shared.plans import PlanFaults, duties, read_plan
from shared.questionnaires import Questionnaire
from shared.units import Unit, UnitRegistry
from shared.working_days import WorkingDays

PERIODS = 62
"""Newest periods offered of one obligation: two months of days."""
PLANS = 64
"""Plans whose duties are remembered for the day."""
REPORT = "report.filed"


@dataclass(frozen=True, slots=True)
class Wanted:
    """An obligation that a report fulfils, and who owes it for which period."""

    obligation: str
    title: str
    units: dict[str, set[str]]


class Helping:
    """Helps to fill in forms.

    Args:
        registry: all units.
        questionnaires: what surveys ask.
        neighbours: the services beside this one, where they answer.
        working: the calendar that dates what is owed.
    """

    def __init__(
        self,
        registry: UnitRegistry,
        questionnaires: list[Questionnaire],
        neighbours: Neighbours,
        working: WorkingDays,
    ) -> None:
        self.registry, self.questionnaires = registry, questionnaires
        self.neighbours, self.working = neighbours, working
        self.dated: dict[tuple[bytes, date], list[Wanted]] = {}

    def units(self, key: Key) -> list[dict[str, Any]]:
        """The units that a key may speak for, each with the days of its validity, by name."""
        found = [unit for unit in self.registry if self._within(unit, key)]
        found.sort(key=lambda unit: (unit.name, unit.code, unit.valid_from))
        return [
            {
                "code": unit.code,
                "name": unit.name,
                "aliases": unit.aliases,
                "parent": self.registry.name(unit.parent, unit.valid_from) if unit.parent else None,
                "from": unit.valid_from.isoformat(),
                "to": unit.valid_to.isoformat() if unit.valid_to else None,
            }
            for unit in found
        ]

    def _within(self, unit: Unit, key: Key) -> bool:
        if not key.units:
            return True
        days = {unit.valid_from, unit.end - timedelta(days=1)}
        return any(self.registry.within(unit.code, key.units, day) for day in days)

    def name_of(self, unit: str | None, at: datetime) -> str:
        """What a person reads for a unit's code at a time; empty where there is no unit."""
        return self.registry.name(unit, at) if unit else ""

    async def plans(self, key: Key, shown: str) -> list[dict[str, Any]]:
        """The plans that want reports of the key's units: what, from whom, for which periods."""
        found = []
        for document in await self.neighbours.plans(shown):
            wanted = await self._wanted(orjson.dumps(document))
            obligations = [offered for each in wanted if (offered := self._offer(each, key))]
            if obligations:
                names = {"plan": document["plan"], "title": document["title"]}
                found.append({**names, "obligations": obligations})
        return found

    async def _wanted(self, document: bytes) -> list[Wanted]:
        """What a plan wants reports of; dated anew once a day, beside the loop: it may take long."""
        today = clock.local_day(clock.now())
        if (document, today) not in self.dated:
            if len(self.dated) >= PLANS:
                self.dated.clear()
            self.dated[document, today] = await asyncio.to_thread(self._date, document, today)
        return self.dated[document, today]

    def _date(self, document: bytes, today: date) -> list[Wanted]:
        try:
            plan = read_plan(document, registry=self.registry)
        except PlanFaults:  # of a newer version than this service knows
            return []
        wanted = {
            name: Wanted(name, obligation.title, {})
            for name, obligation in plan.obligations.items()
            if obligation.fulfilled_by.event == REPORT
        }
        for duty in duties(plan, today, self.working) if wanted else []:
            if duty.obligation in wanted:
                wanted[duty.obligation].units.setdefault(duty.period, set()).add(duty.unit)
        return [each for each in wanted.values() if each.units]

    def _offer(self, wanted: Wanted, key: Key) -> dict[str, Any] | None:
        """An obligation as the key's holder may choose it; None where it owes nothing of it."""
        units = {
            unit
            for unit in set().union(*wanted.units.values())
            if any(self._within(version, key) for version in self.registry.versions(unit))
        }
        periods = sorted((each for each, owe in wanted.units.items() if owe & units), reverse=True)
        if not periods:
            return None
        return {
            "obligation": wanted.obligation,
            "title": wanted.title,
            "periods": periods[:PERIODS],
            "units": sorted(units),
        }

    async def figures(self, shown: str, plan: str, unit: str) -> dict[str, Any]:
        """What the system holds of a unit, and of the territory it serves, under a plan.

        Null or empty where nobody answers.
        """
        versions = self.registry.versions(unit)
        seat = versions[-1].seat if versions else None
        units = [unit, seat] if seat and seat != unit else [unit]
        document, owed, *told = await asyncio.gather(
            self.neighbours.plan(shown, plan),
            self.neighbours.timeliness(shown, plan, unit),
            *(self.neighbours.progress(shown, plan, each) for each in units),
            *(self.neighbours.difficulties(shown, each) for each in units),
        )
        progress, met = told[: len(units)], told[len(units) :]

        def titled(parts: str, name: str) -> str:
            return document.get(parts, {}).get(name, {}).get("title", name)

        return {
            "progress": [
                {
                    "title": titled("indicators", row["indicator"]),
                    "period": row["period"],
                    "actual": row["actual"],
                    "numerator": row["numerator"],
                    "denominator": row["denominator"],
                    "target": row["target"],
                }
                for each, rows in zip(units, progress, strict=True)
                for row in rows
                if row["unit"] == each
            ],
            "owed": [
                {
                    "title": titled("obligations", row["obligation"]),
                    "period": row["period"],
                    "state": row["state"],
                }
                for row in owed
                if row["unit"] == unit
            ],
            "difficulties": None
            if None in met
            else [
                {name: row[name] for name in ("raised_at", "resolved_at")}
                for rows in met
                for row in rows
            ],
        }

    async def difficulties(
        self, shown: str, own: list[dict[str, str | None]]
    ) -> list[dict[str, str | None]]:
        """Open difficulties of the caller's units, the key's ``own`` first; without their texts."""
        told = await self.neighbours.difficulties(shown, None) or []
        resolved = {row["difficulty"] for row in told if row["resolved_at"]}
        found = {row["difficulty"]: row for row in own if row["difficulty"] not in resolved}
        for row in told:
            if not row["resolved_at"]:
                names = ("difficulty", "unit", "category")
                at = {"at": row["raised_at"]}
                found.setdefault(row["difficulty"], {name: row[name] for name in names} | at)
        return list(found.values())
