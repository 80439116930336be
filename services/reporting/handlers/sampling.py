"""Samples to ask people from: drawn by dossier codes alone; phone numbers are handed out elsewhere."""

import asyncio
import secrets
from collections.abc import Mapping
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting import rules
from services.reporting.handlers.answering import Reports
from services.reporting.handlers.asking import Asked, ask
from services.reporting.store import figures, interviews
from services.reporting.store import samples as store
from services.reporting.store.samples import Drawn, NewSample
from shared import clock
from shared.clock import local_day
from shared.keys import Key
from shared.listed import references
from shared.problems import Problem

DOSSIERS, LISTS = "dossiers", ("patients", "clients")
"""What can be drawn: dossiers, or people on one of these lists."""
LONGEST_LIST = 500_000
"""People of one list: more than any office hands in."""
REPORT = "interview-list"


Pool = dict[tuple[str, date], dict[str, tuple[str, date]]]
"""(unit, a day of it) -> code of each who can be asked -> (field or list, day)."""


def _draw(pool: Pool, seed: str, size: int) -> tuple[list[Drawn], list[tuple[str, date, int, int]]]:
    """What is drawn of each unit, and how many could have been and were."""
    found: list[Drawn] = []
    counts = []
    for (unit, era), codes in sorted(pool.items()):
        chosen = rules.drawn(codes, seed, size)
        counts.append((unit, era, len(codes), len(chosen)))
        for code in chosen:
            found.append(Drawn(len(found) + 1, code, unit, era, *codes[code]))
    return found, counts


class Sampling:
    """Draws samples of one store's dossiers and lists."""

    def __init__(self, reports: Reports) -> None:
        self.reports = reports

    async def draw(
        self,
        typed: Mapping[str, str],
        size: int,
        seed: str | None,
        title: str,
        key: Key,
        of: str = DOSSIERS,
    ) -> str:
        """Draw `size` of each unit's dossiers that qualify for an interview, or of the people on its
        lists of patients or clients; returns the sample's id. The same seed draws the same ones from
        the same ones.

        Raises:
            Problem: 403, 422 as for the list of dossiers that qualify.
        """
        now = clock.now()
        asked = ask(REPORT, typed, key, self.reports.registry, now)
        seed = seed or secrets.token_hex(8)
        pool = await (self._dossiers(asked) if of == DOSSIERS else self._people(asked, of))
        drawn, counts = await asyncio.to_thread(_draw, pool, seed, size)
        units = asked.question.units
        new = NewSample(
            secrets.token_hex(6),
            {**typed, "to": asked.last.isoformat(), **({} if of == DOSSIERS else {"of": of})},
            seed,
            size,
            title,
            None if units is None else sorted(units),
            now,
            key.name,
            counts,
            drawn,
        )
        async with self.reports.database.transaction() as session:
            await store.add(session, new)
        return new.id

    async def _dossiers(self, asked: Asked) -> Pool:
        """Whose applicants can be asked, by unit."""
        pool: Pool = {}
        async with self.reports.database.transaction() as session:
            await figures.hold_still(session)
            async for found in interviews.pages(session, asked.question.scope):
                for one in found:
                    pool.setdefault((one.unit, one.era), {})[one.code] = (one.field, one.returned)
        return pool

    async def _people(self, asked: Asked, of: str) -> Pool:
        """The references of those on lists who can be asked, by unit: of each unit's month the list
        that came last, since a mended one names everybody again."""
        question = asked.question
        latest: dict[tuple[str, str | None], tuple[date, Mapping[str, Any]]] = {}
        async with self.reports.database.transaction() as session:
            for filed in await figures.filings(session, question.known):
                told, day = filed.data, local_day(filed.order[0])
                if told.get("list") != of:
                    continue
                about = rules.listed_day(told.get("period"), day)
                if not question.first <= about <= question.last:
                    continue
                if question.territory.place(filed.unit, day) is not None:
                    latest[filed.unit, told.get("period")] = (day, told)
        pool: Pool = {}
        for (unit, period), (day, told) in latest.items():
            if told.get("mark") and told.get("eligible"):
                about = rules.listed_day(period, day)
                found = pool.setdefault((unit, self.reports.registry.era(day)), {})
                for one in references(unit, told["mark"], min(told["eligible"], LONGEST_LIST)):
                    found[one] = (of, about)
        return pool

    async def find(self, session: AsyncSession, id: str, key: Key) -> sa.Row:
        """A sample. Raises `Problem` 404, also outside the key's units."""
        row = await store.find(session, id)
        if row is None or not self.reaches(key, row):
            raise Problem(404, "There is no such sample.")
        return row

    async def responses(self, session: AsyncSession, id: str) -> list[dict[str, Any]]:
        """Per unit how many dossiers were drawn, and of how many a survey came back; by mode too,
        for the modes are not to be pooled."""
        answered = await store.responses(session, id)
        rows = []
        for one in await store.units(session, id):
            place = (one.unit, one.era)
            modes = {
                mode: count
                for (unit, era, mode), count in answered.items()
                if (unit, era) == place and mode is not None
            }
            count = answered.get((*place, None), 0)
            rows.append(
                self.named(one.unit, one.era)
                | {
                    "eligible": one.eligible,
                    "drawn": one.drawn,
                    "answered": count,
                    "by_mode": modes,
                    "rate": rules.share(count, one.drawn),
                }
            )
        return rows

    def named(self, unit: str, day: date) -> dict[str, Any]:
        """A unit as rows show it."""
        return {"unit": unit, "unit_name": self.reports.registry.name(unit, day)}

    def reaches(self, key: Key, row: sa.Row) -> bool:
        """Whether a key reaches all units of a sample."""
        if not key.units:
            return True
        try:
            asked = ask(REPORT, row.parameters, key, self.reports.registry, row.created_at)
        except Problem:
            return False
        units = asked.question.units
        return units is None or (row.units is not None and units >= set(row.units))
