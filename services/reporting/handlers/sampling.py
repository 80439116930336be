"""Samples to ask people from: drawn by dossier codes alone; phone numbers are handed out elsewhere."""

import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting import rules
from services.reporting.handlers import cases
from services.reporting.handlers.answering import Reports
from services.reporting.handlers.asking import ask
from services.reporting.handlers.cases import Case
from services.reporting.store import figures
from services.reporting.store import samples as store
from services.reporting.store.samples import Drawn, NewSample
from shared import clock
from shared.keys import Key
from shared.problems import Problem

PAGE = 1000
REPORT = "interview-list"


class Sampling:
    """Draws samples of one store's dossiers."""

    def __init__(self, reports: Reports) -> None:
        self.reports = reports

    async def draw(
        self, typed: Mapping[str, str], size: int, seed: str | None, title: str, key: Key
    ) -> str:
        """Draw `size` of each unit's dossiers that qualify for an interview; returns the sample's
        id. The same seed draws the same dossiers from the same ones.

        Raises:
            Problem: 403, 422 as for the list of dossiers that qualify.
        """
        now = clock.now()
        asked = ask(REPORT, typed, key, self.reports.registry, now)
        seed = seed or secrets.token_hex(8)
        by_unit: dict[tuple[str, date], list[Case]] = {}
        async with self.reports.database.transaction() as session:
            await figures.hold_still(session)
            question, more = asked.question, True
            while more:
                page = await cases.interviewees(session, question, self.reports.registry, PAGE)
                for one in page.found:
                    by_unit.setdefault((one.story.unit, one.era), []).append(one)
                more = page.next is not None
                question = replace(question, after=page.next or "")
        dossiers: list[Drawn] = []
        counts = []
        for (unit, era), found in sorted(by_unit.items()):
            by_code = {one.code: one for one in found}
            chosen = rules.drawn(by_code, seed, size)
            counts.append((unit, era, len(found), len(chosen)))
            for code in chosen:
                one = by_code[code]
                place = (one.story.unit, one.era, one.story.field, one.returned)  # type: ignore[union-attr]
                dossiers.append(Drawn(len(dossiers) + 1, code, *place))
        units = asked.question.units
        new = NewSample(
            secrets.token_hex(6),
            {**typed, "to": asked.last.isoformat()},
            seed,
            size,
            title,
            None if units is None else sorted(units),
            now,
            key.name,
            counts,
            dossiers,
        )
        async with self.reports.database.transaction() as session:
            await store.add(session, new)
        return new.id

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
        asked = ask(REPORT, {}, key, self.reports.registry, row.created_at)
        units = asked.question.units
        return units is None or (row.units is not None and units >= set(row.units))
