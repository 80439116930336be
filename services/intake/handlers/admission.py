"""Admitting events: check, store with their messages in one commit that requests share."""

import asyncio
import contextlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from services.intake import store
from services.intake.handlers.refusals import count_refusals
from services.intake.rules import Status, judge_caller, judge_units
from shared import clock, events
from shared.db import Database
from shared.events import Fault, IncomingEvent
from shared.keys import Key
from shared.messaging.batches import is_outage
from shared.outbox import Message, enqueue
from shared.redaction import looks_personal, scrub
from shared.units import UnitRegistry

VOID = "motcua.record.voided.v1"
GROUP_LIMIT = 1000


@dataclass(slots=True)
class Result:
    """What became of one event of a request."""

    index: int
    source: str | None
    id: str | None
    status: Status
    errors: list[Fault] = field(default_factory=list)
    code: int = 422

    def as_dict(self) -> dict[str, Any]:
        return {
            "index": self.index,
            "source": self.source,
            "id": self.id,
            "status": self.status,
            "errors": [
                {"pointer": f.pointer, "code": f.code, "message": f.message} for f in self.errors
            ],
        }


@dataclass(slots=True)
class Candidate:
    """An event that may be admitted: checked, not yet stored."""

    result: Result
    event: IncomingEvent
    uid: bytes
    digest: bytes
    key: Key


@dataclass(slots=True)
class Submission:
    """One request's candidates and refusals, waiting for the group's commit."""

    candidates: list[Candidate]
    refusals: list[dict[str, Any]]
    done: asyncio.Future[None]


class Admission:
    """Takes events in. Requests that arrive together share one transaction.

    Args:
        hash_key: turns devices and citizens into keyed hashes and guards digests.
        max_event_bytes: largest event taken.
    """

    def __init__(
        self,
        database: Database,
        registry: UnitRegistry,
        hash_key: bytes,
        max_event_bytes: int,
    ) -> None:
        self.database, self.registry = database, registry
        self.hash_key, self.max_event_bytes = hash_key, max_event_bytes
        self.announce = lambda: None
        self.waiting: list[Submission] = []
        self.wake = asyncio.Event()

    async def admit(self, raws: Sequence[Any], key: Key) -> list[Result]:
        """Check and store events; when this returns, what is accepted is committed."""
        results, candidates, refusals = await self.examine(raws, key)
        if candidates or refusals:
            done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self.waiting.append(Submission(candidates, refusals, done))
            self.wake.set()
            await done
        return results

    async def examine(
        self, raws: Sequence[Any], key: Key
    ) -> tuple[list[Result], list[Candidate], list[dict[str, Any]]]:
        """Check events without storing any: a result for each, what ``save`` may admit of them,
        and what is to be kept of those that are refused."""
        now = clock.now()
        results: list[Result] = []
        candidates: list[Candidate] = []
        for index, raw in enumerate(raws):
            result, event = self._check(index, raw, key)
            results.append(result)
            if event is not None:
                digest = events.canonical_digest(event.raw, self.hash_key)
                uid = events.uid(event.source, event.id)
                candidates.append(Candidate(result, event, uid, digest, key))
        await self._check_voids(candidates, key)
        candidates = [c for c in candidates if c.result.status != Status.REFUSED]
        refusals = [
            _refusal(result, raws[result.index], key, now)
            for result in results
            if result.status == Status.REFUSED
        ]
        return results, candidates, refusals

    def _check(self, index: int, raw: Any, key: Key) -> tuple[Result, IncomingEvent | None]:
        source, event_id = _text(raw, "source"), _text(raw, "id")
        result = Result(index, source, event_id, Status.REFUSED)
        event, faults = events.check(raw)
        if not faults and _size(raw) > self.max_event_bytes:
            message = f"Send at most {self.max_event_bytes} bytes an event."
            faults, result.code = [Fault("", "too_large", message)], 413
        elif any(fault.is_envelope for fault in faults):
            result.code = 400
        if event is None or faults:
            result.errors = faults + self._check_named_units(raw, faults)
            return result, None
        named = [
            (f"/data/{name}", code)
            for name in ("unit", "credited_unit")
            if (code := getattr(event.data, name, None)) is not None
        ]
        registry = self.registry
        faults = judge_units(named, event.time, registry.find, registry.known, registry.nearest)
        if not faults:
            faults = judge_caller(
                event.unit, event.source, event.time, key.units, key.sources, registry.within
            )
            result.code = 403 if faults else 422
        result.errors = faults
        if faults:
            return result, None
        result.status = Status.ACCEPTED
        return result, event

    def _check_named_units(self, raw: Any, faults: list[Fault]) -> list[Fault]:
        """Unknown units of an event that is faulty anyway: all faults are told at once."""
        data = raw.get("data") if isinstance(raw, dict) else None
        told = {fault.pointer for fault in faults}
        named = [
            (f"/data/{name}", data[name])
            for name in ("unit", "credited_unit")
            if isinstance(data, dict)
            and isinstance(data.get(name), str)
            and data[name]
            and f"/data/{name}" not in told
            and not self.registry.known(data[name])
        ]
        registry = self.registry
        return judge_units(named, clock.now(), registry.find, registry.known, registry.nearest)

    async def _check_voids(self, candidates: list[Candidate], key: Key) -> None:
        """A key bound to units voids only what these units have sent, or its own source did."""
        voids = [c for c in candidates if c.event.type == VOID] if key.units else []
        if not voids:
            return
        targets = {id(c): events.uid(c.event.data.of_source, c.event.data.of_id) for c in voids}
        async with self.database.transaction() as session:
            known = await store.units_of(session, targets.values())
        for void in voids:
            unit, at = known.get(targets[id(void)], (None, void.event.time))
            if unit is None:
                allowed = void.event.data.of_source == void.event.source
            else:
                allowed = self.registry.within(unit, key.units, at)
            if not allowed:
                message = "The key is bound to other units than the voided event's."
                void.result.status, void.result.code = Status.REFUSED, 403
                void.result.errors = [Fault("/data/of_id", "unit_not_allowed", message)]

    # -- group commit ------------------------------------------------------------------------

    async def run(self) -> None:
        """Store what is waiting, group by group, for ever."""
        while True:
            await self.wake.wait()
            self.wake.clear()
            while self.waiting:
                await self._commit(self._take())

    def _take(self) -> list[Submission]:
        group: list[Submission] = []
        size = 0
        while self.waiting and (not group or size < GROUP_LIMIT):
            submission = self.waiting.pop(0)
            group.append(submission)
            size += len(submission.candidates)
        return group

    async def _commit(self, group: list[Submission]) -> None:
        try:
            await self._store(group)
        except asyncio.CancelledError:
            for submission in group:
                submission.done.cancel()
            raise
        except Exception as fault:
            if len(group) > 1 and not is_outage(fault):
                for submission in group:  # one bad request must not fail its neighbours
                    await self._commit([submission])
                return
            for submission in group:
                if not submission.done.done():
                    submission.done.set_exception(fault)
            return
        for submission in group:
            if not submission.done.done():
                submission.done.set_result(None)
        self.announce()

    async def _store(self, group: list[Submission]) -> None:
        candidates = [c for submission in group for c in submission.candidates]
        refusals = [r for submission in group for r in submission.refusals]
        async with self.database.transaction() as session:
            await self.save(session, candidates, refusals)

    async def save(
        self,
        session: AsyncSession,
        candidates: Sequence[Candidate],
        refusals: list[dict[str, Any]],
    ) -> None:
        """Store what was examined, in the caller's transaction; the results take on what became
        of each event. The caller wakes the relay by ``announce`` after the commit."""
        now = clock.now()
        statuses: dict[int, Status] = {}
        first: dict[bytes, Candidate] = {}
        for candidate in candidates:
            earlier = first.setdefault(candidate.uid, candidate)
            if earlier is not candidate:
                statuses[id(candidate)] = _repeat(earlier.digest, candidate.digest)
        if first:
            rows = [_log_row(candidate, now) for candidate in first.values()]
            fresh = await store.log_events(session, rows)
            seen = [uid for uid in first if uid not in fresh]
            digests = await store.digests_of(session, seen) if seen else {}
            for candidate in candidates:
                if candidate.uid in digests:
                    statuses[id(candidate)] = _repeat(digests[candidate.uid], candidate.digest)
            accepted = [first[uid] for uid in first if uid in fresh]
            await enqueue(session, await self._messages(session, accepted, now))
        for candidate in candidates:
            status = statuses.get(id(candidate), Status.ACCEPTED)
            candidate.result.status = status
            candidate.result.errors = []
            if status == Status.CONFLICT:
                candidate.result.code = 409
                candidate.result.errors = [CONFLICT]
                raw = candidate.event.raw
                refusals.append(_refusal(candidate.result, raw, candidate.key, now))
        await store.quarantine(session, refusals)
        await enqueue(session, count_refusals(refusals, self.registry.known, now))

    async def _messages(
        self, session: Any, accepted: list[Candidate], now: datetime
    ) -> list[Message]:
        codes = [
            c.event.data.code
            for c in accepted
            if getattr(c.event.data, "applicant", None) is not None
        ]
        tokens = await store.tokens_of(session, codes)
        contacts: list[Message] = []
        published: list[Message] = []
        for candidate in accepted:
            event = candidate.event
            token = tokens.get(getattr(event.data, "code", None) or "")
            parts = events.publish(
                event, receivedat=now, hash_key=self.hash_key, contact_token=token
            )
            message_id = events.message_id(event.source, event.id)
            if parts.contact_json is not None:
                subject = f"motcua.contacts.{token}"
                contacts.append(Message("CONTACTS", subject, message_id, parts.contact_json))
            subject = events.subject(event.type, event.unit)
            published.append(Message("EVENTS", subject, message_id, parts.event_json))
        return contacts + published


CONFLICT = Fault(
    "/id",
    "conflict",
    "This source and id are known with another body; send a new id, and void the old.",
)


def _repeat(known: bytes, given: bytes) -> Status:
    return Status.DUPLICATE if known == given else Status.CONFLICT


def _log_row(candidate: Candidate, now: datetime) -> dict[str, Any]:
    event = candidate.event
    return {
        "uid": candidate.uid,
        "message_id": events.message_id(event.source, event.id),
        "source": event.source,
        "event_id": event.id,
        "type": event.type,
        "unit": event.unit,
        "occurred_at": event.time,
        "received_at": now,
        "digest": candidate.digest,
        "key_id": candidate.key.id,
    }


def _refusal(result: Result, raw: Any, key: Key, now: datetime) -> dict[str, Any]:
    """The quarantine's row: what a careless source wrote into an id is no less personal there.

    A conflict's id and source are those of an event that was taken, so they stay as they are.
    """
    data = raw.get("data") if isinstance(raw, dict) else None
    unit = data.get("unit") if isinstance(data, dict) else None
    kind = _text(raw, "type")
    refused = result.status == Status.REFUSED
    return {
        "received_at": now,
        "key_id": key.id,
        "kind": str(result.status),
        "source": _masked(result.source) if refused else result.source,
        "event_id": _masked(result.id) if refused else result.id,
        "type": kind if kind in events.TYPES else None,
        "unit": unit if isinstance(unit, str) and _is_code(unit) else None,
        "errors": result.as_dict()["errors"],
    }


def _is_code(text: str) -> bool:
    plain = text.isascii() and text.replace("-", "").replace("_", "").isalnum()
    return len(text) <= 40 and plain and not looks_personal(text)


def _masked(text: str | None) -> str | None:
    return None if text is None else scrub(text)


def _text(raw: Any, name: str) -> str | None:
    """An attribute to name an event by, cut and cleaned of what a store cannot keep."""
    value = raw.get(name) if isinstance(raw, dict) else None
    if not isinstance(value, str):
        return None
    value = "".join(c for c in value if c.isprintable())
    return value.encode("utf-8", "replace").decode()[:200]


def _size(raw: Any) -> int:
    with contextlib.suppress(orjson.JSONEncodeError):
        return len(orjson.dumps(raw))
    return len(json.dumps(raw))  # half characters and huge numbers, which orjson does not write
