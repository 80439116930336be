"""Publishing: an answer is frozen with its files, told to its units, later revised in plain sight."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting import rules
from services.reporting.handlers.answering import Reports
from services.reporting.handlers.asking import Asked, ask
from services.reporting.handlers.confirming import CONFIRMED, beside
from services.reporting.handlers.documents import document
from services.reporting.handlers.reports import GROUPINGS
from services.reporting.store import publications as store
from services.reporting.store.publications import NewPublication, Revision
from shared import clock, events
from shared.events.outcomes import Publication
from shared.keys import Key
from shared.outbox import Message, enqueue
from shared.problems import Problem

SOURCE = "/motcua/reporting"
FILES = ("csv", "xlsx", "pdf")
"""The formats that are kept as bytes, beside the JSON document."""

Render = Callable[[Mapping[str, Any], str, str], bytes]
"""(document, format, title) to a file."""

PARAMETERS = ("from", "to", "unit", "level", "field", "by", "domain", "plan")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A publication that somebody asks for; `typed` are the report's parameters as they came."""

    report: str
    typed: Mapping[str, str]
    title: str
    slug: str | None = None
    lock: bool = False
    plan: str | None = None


class Publishing:
    """Publishes answers of one store.

    Args:
        reports: what answers.
        render: makes the files of a document.
        announce: called once there is something to publish to the broker.
        base: where people reach this service, without a slash at its end; empty: unknown.
    """

    def __init__(
        self, reports: Reports, render: Render, announce: Callable[[], None], base: str = ""
    ) -> None:
        self.reports, self.render, self.announce, self.base = reports, render, announce, base

    async def publish(self, wanted: Wanted, key: Key) -> tuple[str, bool]:
        """Freeze an answer. Returns its address, and whether it is new: the same publication asked
        for again is the one that is there.

        Raises:
            Problem: 409 where the address shows something else or the month is locked already,
                422 for what is not for publication.
        """
        now = clock.now()
        asked = self._ask(wanted, key, now)
        faults = _not_public(wanted, asked)
        month = rules.month_of(asked.first, asked.last) if wanted.lock else None
        if wanted.lock and month is None:
            faults.append(_fault("lock", "whole_month", "Only a whole month can be locked."))
        elif wanted.lock and asked.last >= clock.local_day(now):
            faults.append(_fault("lock", "not_over", "The month is not over."))
        if faults:
            raise Problem(422, errors=faults)
        parameters = _parameters(wanted, asked)
        slug = wanted.slug or rules.slug_of([wanted.report, *map(parameters.get, PARAMETERS)])
        answer = await self.reports.answer(asked.question)
        made = document(asked, answer)
        told = await self._units(asked, made)
        files = await self._files(made, wanted.title)
        said = await self._said(asked)
        new = NewPublication(
            slug,
            wanted.report,
            parameters,
            wanted.title,
            wanted.plan,
            None if asked.question.units is None else sorted(asked.question.units),
            told,
            month,
            now,
            key.name,
        )
        async with self.reports.database.transaction() as session:
            if not await store.add(session, new):
                return await self._known(session, new), False
            first = _revision(1, made, None, [], said, key, now)
            await store.add_revision(session, slug, first, files)
            await self._tell(session, "issued", new.slug, new.title, wanted.report, 1, told, now)
        self.announce()
        return slug, True

    async def revise(self, slug: str, reason: str, key: Key) -> bool:
        """Answer a publication's question anew and show what changed, cell by cell.

        Returns whether there is a new revision: without a difference there is none.

        Raises:
            Problem: 404, 403 outside the key's units, 409 for one that was withdrawn.
        """
        now = clock.now()
        async with self.reports.database.transaction() as session:
            row = await self._standing(session, slug, key)
        asked = ask(row.report, _typed(row), key, self.reports.registry, now)
        made = document(asked, await self.reports.answer(asked.question))
        files, units = await self._files(made, row.title), await self._units(asked, made)
        said = await self._said(asked)
        async with self.reports.database.transaction() as session:
            row = await self._standing(session, slug, key, lock=True)
            last = (await store.revisions(session, slug))[-1]
            changes = rules.differences(row.report, asked.question.by, last.content, made)
            if not changes:
                return False
            number = last.number + 1
            revision = _revision(number, made, reason, changes, said, key, now)
            await store.add_revision(session, slug, revision, files)
            told = sorted({*row.told, *units})
            await self._tell(
                session, "revised", slug, row.title, row.report, number, told, now, reason
            )
        self.announce()
        return True

    async def compare(self, slug: str, key: Key) -> list[dict[str, Any]]:
        """What a revision of now would change, cell by cell, without making one; raises `Problem`
        as `revise` does."""
        async with self.reports.database.transaction() as session:
            row = await self._standing(session, slug, key)
            last = (await store.revisions(session, slug))[-1]
        asked = ask(row.report, _typed(row), key, self.reports.registry, clock.now())
        made = document(asked, await self.reports.answer(asked.question))
        plain = orjson.loads(orjson.dumps(made))
        return rules.differences(row.report, asked.question.by, last.content, plain)

    async def withdraw(self, slug: str, reason: str, key: Key) -> bool:
        """Withdraw a publication: it stays readable, with the reason above it. Returns whether it
        stood before.

        Raises:
            Problem: 404, 403 outside the key's units.
        """
        now = clock.now()
        async with self.reports.database.transaction() as session:
            row = await self._visible(session, slug, key, lock=True)
            if row.withdrawn_at is not None:
                return False
            await store.withdraw(session, slug, now, key.name, reason)
            number = (await store.revisions(session, slug))[-1].number
            await self._tell(
                session, "withdrawn", slug, row.title, row.report, number, row.told, now, reason
            )
        self.announce()
        return True

    def parameters(self, row: sa.Row) -> dict[str, str]:
        """The parameters of a publication's report."""
        return _typed(row)

    def _ask(self, wanted: Wanted, key: Key, now: datetime) -> Asked:
        return ask(wanted.report, wanted.typed, key, self.reports.registry, now)

    async def _known(self, session: AsyncSession, new: NewPublication) -> str:
        """The publication at an address that is taken, if it shows the same."""
        row = await store.find(session, new.slug)
        assert row is not None
        same = row.report == new.report and _plain(row.parameters) == new.parameters
        if not same or row.withdrawn_at is not None or row.month != new.month:
            raise Problem(
                409,
                f"/p/{new.slug} is taken: give another slug, or revise what is there.",
                address=f"{self.base}/p/{new.slug}",
            )
        return new.slug

    async def _visible(
        self, session: AsyncSession, slug: str, key: Key, *, lock: bool = False
    ) -> sa.Row:
        row = await store.find(session, slug, lock=lock)
        if row is None:
            raise Problem(404, "There is no such publication.")
        asked = ask(row.report, _typed(row), key, self.reports.registry, row.created_at)
        units = asked.question.units
        if units is not None and (row.units is None or not units >= set(row.units)):
            raise Problem(403, "The key does not reach all units of this publication.")
        return row

    async def _standing(
        self, session: AsyncSession, slug: str, key: Key, *, lock: bool = False
    ) -> sa.Row:
        row = await self._visible(session, slug, key, lock=lock)
        if row.withdrawn_at is not None:
            raise Problem(409, "This publication was withdrawn.")
        return row

    async def _files(self, made: Mapping[str, Any], title: str) -> dict[str, bytes]:
        def render() -> dict[str, bytes]:
            return {form: self.render(made, form, title) for form in FILES}

        return await asyncio.to_thread(render)

    async def _said(self, asked: Asked) -> list[dict[str, Any]]:
        """How the units stand to the figures of a month, without what they say of dossiers."""
        month = rules.month_of(asked.first, asked.last)
        if month is None or asked.question.report not in CONFIRMED:
            return []
        rows = await beside(self.reports, asked, month)
        return [
            {name: row[name] for name in ("unit", "unit_name", "state")}
            | {"contested": len(row["contested"])}
            for row in rows
        ]

    async def _tell(
        self,
        session: AsyncSession,
        what: str,
        slug: str,
        title: str,
        report: str,
        number: int,
        units: list[str],
        now: datetime,
        reason: str | None = None,
    ) -> None:
        """Announce it once to each unit."""
        kind = f"motcua.publication.{what}.v1"
        messages = []
        for unit in units:
            told = Publication(
                publication=slug,
                revision=number,
                report=report,
                title=title,
                unit=unit,
                address=f"{self.base}/p/{slug}",
                reason=reason,
                at=now,
            )
            mark = f"publication:{slug}:{number}:{what}:{unit}"
            payload = events.outcome(kind, told, source=SOURCE, id=mark, time=now)
            messages.append(
                Message(
                    "OUTCOMES",
                    events.subject(kind, unit),
                    events.message_id(SOURCE, mark),
                    payload,
                )
            )
        await enqueue(session, messages)

    async def _units(self, asked: Asked, made: Mapping[str, Any]) -> list[str]:
        """The units whose figures an answer shows, and the one that was asked for."""
        rows = made["rows"]
        if rows and "unit" not in rows[0] and "unit" in GROUPINGS.get(asked.question.report, ()):
            by_unit = asked.question.regrouped("unit")
            rows = (await self.reports.answer(by_unit)).rows
        found = {str(row["unit"]) for row in rows if "unit" in row} - {"_"}
        return sorted(found | ({asked.unit} if asked.unit else set()))


def _revision(
    number: int,
    made: Mapping[str, Any],
    reason: str | None,
    changes: list[dict[str, Any]],
    said: list[dict[str, Any]],
    key: Key,
    now: datetime,
) -> Revision:
    frozen = (orjson.dumps(made), orjson.dumps(changes), orjson.dumps(said))
    return Revision(number, now, key.name, reason, *frozen)


def _parameters(wanted: Wanted, asked: Asked) -> dict[str, str]:
    """What a publication shows, with an end that no later day moves."""
    given = {name: wanted.typed[name] for name in PARAMETERS if wanted.typed.get(name)}
    return given | {"to": asked.last.isoformat()}


def _not_public(wanted: Wanted, asked: Asked) -> list[dict[str, str]]:
    faults = []
    if wanted.report in rules.KEPT_INSIDE or asked.question.by in rules.PERSONAL_GROUPS:
        message = "It names single dossiers, persons or their words: not for everybody's eyes."
        faults.append(_fault("report", "not_public", message))
    if wanted.report in rules.BY_DOMAIN and asked.question.domain is None:
        message = "It is published one domain at a time."
        faults.append(_fault("parameters/domain", "missing", message))
    if wanted.slug is not None and not rules.is_slug(wanted.slug):
        faults.append(_fault("slug", "invalid", "Use a-z, 0-9 and -, at most 100 characters."))
    return faults


def _fault(name: str, code: str, message: str) -> dict[str, str]:
    return {"pointer": f"/{name}", "code": code, "message": message}


def _plain(parameters: Any) -> dict[str, str]:
    return orjson.loads(parameters) if isinstance(parameters, str | bytes) else parameters


def _typed(row: sa.Row) -> dict[str, str]:
    return dict(_plain(row.parameters))
