"""An event behind a figure, its withdrawal by who may, and a correction in its place."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import structlog

from services.reporting.clients import Intake, Unreachable
from services.reporting.handlers.answering import Reports
from services.reporting.handlers.asking import ask
from services.reporting.handlers.dossier import dossier
from services.reporting.store import withdrawals as store
from shared import clock, events
from shared.clock import start_of
from shared.keys import Key
from shared.problems import Problem

log = structlog.get_logger()

SOURCE = "/motcua/reporting"
VOID = "motcua.record.voided.v1"
STATUS = "motcua.dossier.status_changed.v1"
PASSED_ON = (401, 403, 404, 409, 422, 429, 503)
"""Answers of intake that the caller is given as they are."""


@dataclass(frozen=True, slots=True)
class Told:
    """An event that was told of; `told` is what is kept of it, `voided` the day of its withdrawal."""

    type: str
    source: str
    id: str
    time: datetime
    known_since: date
    unit: str
    told: Mapping[str, Any]
    voided: date | None
    by: str | None = None
    reason: str | None = None
    replaced_by: str | None = None

    @property
    def code(self) -> str | None:
        """The dossier that it is about."""
        return self.told.get("code") or self.told.get("dossier")


class Withdrawing:
    """Events of one store, and how they are withdrawn: intake is told, everything follows.

    Args:
        own: the key with which intake is told what users ask for who logged in by password; without
            it they cannot withdraw anything.
    """

    def __init__(self, reports: Reports, intake: Intake, own: str | None) -> None:
        self.reports, self.intake, self.own = reports, intake, own

    async def find(self, source: str, id: str, key: Key, shown: str | None = None) -> Told:
        """An event within the units of a key; one of which nothing is kept here, such as an opening
        figure, is asked of intake. Raises `Problem` 404."""
        uid = events.uid(source, id)
        async with self.reports.database.transaction() as session:
            row = await store.find(session, uid)
            done = (await store.of(session, [uid])).get(uid)
            voided = row.voided if row else await store.voided(session, uid)
        more = (done.by, done.reason, done.replaced_by) if done and voided else ()
        if row is None:
            asked = await self._asked(source, id, key, shown)
            if asked is None:
                raise Problem(404, "There is no such event.")
            found = replace(asked, voided=voided, **dict(zip(_DONE, more, strict=False)))
        else:
            kept = (row.type, row.source, row.id, row.time, row.rday, row.unit, row.told)
            found = Told(*kept, voided, *more)
        if not await self._visible(found, key):
            raise Problem(404, "There is no such event.")
        return found

    async def original(self, found: Told, key: Key, shown: str | None) -> Mapping[str, Any] | None:
        """All that an event says, as intake holds it, without what is personal; null where intake
        does not answer, or the caller may not correct it."""
        asked = await self._asked(found.source, found.id, key, shown)
        return asked.told if asked is not None else None

    async def _asked(self, source: str, id: str, key: Key, shown: str | None) -> Told | None:
        sender = self.own if is_user(key) else shown
        if not sender or not self.may(key):
            return None
        try:
            status, one = await self.intake.event(source, id, sender.strip())
        except Unreachable:
            return None
        if status != 200 or not isinstance(one, dict) or not one.get("data") or one["type"] == VOID:
            return None
        received = datetime.fromisoformat(one["receivedat"])
        time = datetime.fromisoformat(one["time"])
        unit = one["unit"] or "_"
        return Told(
            one["type"], source, id, time, clock.local_day(received), unit, one["data"], None
        )

    async def _visible(self, found: Told, key: Key) -> bool:
        if self._within(found, key):
            return True
        if found.code is None:
            return False
        asked = ask("overdue", {}, key, self.reports.registry, clock.now())
        return await dossier(self.reports, asked.question, found.code) is not None

    def _within(self, found: Told, key: Key) -> bool:
        registry = self.reports.registry
        return not key.units or registry.within(found.unit, key.units, found.time)

    def may(self, key: Key, found: Told | None = None) -> bool:
        """Whether somebody may withdraw events, or this one: a key that may write events, or a user
        who may write, of the event's own unit or one above it."""
        if is_user(key):
            able = key.may("reports:write") and self.own is not None
        else:
            able = key.may("events:write")
        return able and (found is None or self._within(found, key))

    async def withdraw(
        self,
        found: Told,
        reason: str,
        key: Key,
        shown: str | None,
        instead: Mapping[str, Any] | None = None,
    ) -> str:
        """Withdraw an event; returns the id of the withdrawal.

        Args:
            shown: the caller's own key, where it came with one.
            instead: data of a status that stands in for this one: it is sent first, so that nothing
                is lost where only one of the two gets through.

        Raises:
            Problem: 403, 409 for one that is withdrawn already, 422 for what intake refuses, 503.
        """
        if not self.may(key, found):
            raise Problem(403, "This needs the scope events:write, or a user who may write.")
        if found.voided is not None:
            raise Problem(409, "This event is withdrawn already.")
        sender = self.own if is_user(key) else shown
        if not sender:
            raise Problem(403, "Only who came with a key can withdraw an event here.")
        void, now = uuid.uuid4(), clock.now()
        mark = f"correction-{void}" if instead is not None else None
        target = events.uid(found.source, found.id)
        async with self.reports.database.transaction() as session:
            await store.add(session, void, target, now, key.name, reason, mark)
        if mark is not None:
            await self._send(mark, STATUS, found.time, dict(instead or {}), sender)
        data = {"of_source": found.source, "of_id": found.id, "reason": reason}
        await self._send(str(void), VOID, now, data, sender)
        async with self.reports.database.transaction() as session:
            await store.mark_sent(session, void)
        log.info("event_withdrawn", by=key.id, void=str(void), corrected=mark is not None)
        return str(void)

    async def correct(
        self,
        found: Told,
        reason: str,
        changes: Mapping[str, Any],
        time: str | None,
        key: Key,
        shown: str | None,
    ) -> str:
        """Have another event stand in for one; returns its id. Intake takes both the withdrawal and
        the new event, or neither, and checks it as any event.

        Raises:
            Problem: as `withdraw`; 403 also for a unit outside the caller's.
        """
        if not self.may(key, found):
            raise Problem(403, "This needs the scope events:write, or a user who may write.")
        if found.voided is not None:
            raise Problem(409, "This event is withdrawn already.")
        unit, registry = changes.get("unit"), self.reports.registry
        if unit and key.units and not registry.within(str(unit), key.units, found.time):
            raise Problem(403, "The key does not reach this unit.")
        sender = self.own if is_user(key) else shown
        if not sender:
            raise Problem(403, "Only who came with a key can correct an event here.")
        target = events.uid(found.source, found.id)
        row, mark = uuid.uuid4(), f"correction-{target.hex()}"
        async with self.reports.database.transaction() as session:
            await store.add(session, row, target, clock.now(), key.name, reason, mark)
        asked = {
            "of_source": found.source,
            "of_id": found.id,
            "reason": reason,
            "data": dict(changes),
            "source": SOURCE,
        }
        if time is not None:
            asked["time"] = time
        try:
            answered = await self.intake.correct(asked, sender.strip())
        except Unreachable:
            raise Problem(503, "Intake does not answer.", headers={"Retry-After": "5"}) from None
        _pass_on(*answered)
        async with self.reports.database.transaction() as session:
            await store.mark_sent(session, row)
        log.info("event_corrected", by=key.id, correction=mark)
        return mark

    async def refused(
        self, unit: str, day: date, key: Key, shown: str | None, before: str | None, limit: int
    ) -> Mapping[str, Any] | None:
        """A page of the events of a unit that intake refused on a day, without their contents:
        `quarantine` and `next`; null where intake does not answer, or its key may not look.

        Raises:
            Problem: 403 for a key that may not write events, or not for this unit.
        """
        within = not key.units or self.reports.registry.within(unit, key.units, start_of(day))
        sender = self.own if is_user(key) else shown
        if not self.may(key) or not within or not sender:
            raise Problem(403, "This needs the scope events:write, or a user who may write.")
        try:
            status, told = await self.intake.refused(unit, day, sender.strip(), before, limit)
        except Unreachable:
            return None
        return told if status == 200 and isinstance(told, dict) else None

    async def _send(
        self, id: str, type: str, time: datetime, data: dict[str, Any], sender: str
    ) -> None:
        event = {
            "specversion": "1.0",
            "id": id,
            "source": SOURCE,
            "type": type,
            "time": time.astimezone(clock.VN).isoformat(),
            "datacontenttype": "application/json",
            "data": data,
        }
        try:
            status, answer = await self.intake.send(event, sender.strip())
        except Unreachable:
            raise Problem(503, "Intake does not answer.", headers={"Retry-After": "5"}) from None
        _pass_on(status, answer)


_DONE = ("by", "reason", "replaced_by")


def _pass_on(status: int, answer: Any) -> None:
    """Raises `Problem` with what intake says, unless it took what it was sent."""
    if status != 202:
        told = answer if isinstance(answer, dict) else {}
        status = status if status in PASSED_ON else 503
        raise Problem(status, told.get("detail"), told.get("errors", []))


def is_user(key: Key) -> bool:
    """Whether a caller logged in as a user, by a password or a provider, and holds no key."""
    return key.id.startswith("user:")
