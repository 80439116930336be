"""Admitting events: check, store with their messages in one commit that requests share."""

import asyncio
import hashlib
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from services.intake import store
from services.intake.handlers.quarantining import Quarantining, encode, text_of
from services.intake.handlers.refusals import count_refusals
from services.intake.rules import Hints, Status, judge_caller, judge_units
from services.intake.rules.mapping import mapping_key
from shared import clock, events
from shared.db import Database
from shared.events import Fault, IncomingEvent
from shared.keys import Key
from shared.listed import references
from shared.messaging.batches import is_outage
from shared.outbox import Message, enqueue
from shared.problems import Problem
from shared.units import UnitRegistry

VOID = "motcua.record.voided.v1"
GROUP_LIMIT = 1000
NOBODY: Mapping[int, list[Fault]] = {}
MOST_WAITING = 20_000
"""Events that may wait for their commit; what comes beyond is sent away for a moment."""


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
    """An event that may be admitted: checked, not yet stored.

    ``hidden`` is published data that whoever sent it never saw: of the event that it stands in for.
    ``people`` are (name, phone) of those on a list who can be asked: contacts of their own.
    """

    result: Result
    event: IncomingEvent
    uid: bytes
    digest: bytes
    key: Key
    hidden: Mapping[str, Any] | None = None
    people: Sequence[tuple[str, str]] = ()

    @property
    def references(self) -> list[str]:
        """How each of the people is called where nobody may know who they are."""
        told = self.event.data
        mark = getattr(told, "mark", None)
        if not mark or not self.people:
            return []
        return list(references(str(self.event.unit), mark, len(self.people)))


@dataclass(slots=True)
class Memo:
    """A request whose answer is given again to its repeats.

    ``render`` makes the answer (status, body) of its results. ``lost`` says that another request
    had the key first: then nothing of this one was stored.
    """

    caller: str
    key: str
    digest: bytes
    render: Callable[[list[Result]], tuple[int, bytes]]
    lost: bool = False

    @property
    def place(self) -> tuple[str, str]:
        return self.caller, self.key


@dataclass(slots=True, eq=False)
class Submission:
    """One request's candidates and refusals, waiting for the group's commit."""

    results: list[Result]
    candidates: list[Candidate]
    refusals: list[dict[str, Any]]
    memo: Memo | None
    done: asyncio.Future[None]

    def __len__(self) -> int:
        return len(self.candidates) + len(self.refusals)


class Admission:
    """Takes events in. Requests that arrive together share one transaction.

    What a key of the sandbox sends is checked and answered alike, in a log of that key's own.

    Args:
        hash_key: turns devices and citizens into keyed hashes, guards digests and contents.
        max_event_bytes: largest event taken.
        answer_seconds: how long a request may wait for its commit.
    """

    def __init__(
        self,
        database: Database,
        registry: UnitRegistry,
        hash_key: bytes,
        max_event_bytes: int,
        answer_seconds: float = 15.0,
    ) -> None:
        self.database, self.registry = database, registry
        self.hash_key, self.max_event_bytes = hash_key, max_event_bytes
        self.answer_seconds = answer_seconds
        self.quarantining = Quarantining(hash_key)
        self.announce = lambda: None
        self.waiting: deque[Submission] = deque()
        self.wake = asyncio.Event()

    async def admit(
        self,
        raws: Sequence[Any],
        key: Key,
        memo: Memo | None = None,
        barred: Mapping[int, list[Fault]] = NOBODY,
    ) -> list[Result]:
        """Check and store events; when this returns, what is accepted is committed.

        ``barred``: what is wrong, by an event's index, with who sent it.

        Raises:
            Problem: 503 where too much waits already, or the store does not answer in time.
        """
        if sum(map(len, self.waiting)) + len(raws) > MOST_WAITING:
            raise Problem(503, "Too many events are waiting.", headers={"Retry-After": "2"})
        try:
            async with asyncio.timeout(self.answer_seconds):
                results, candidates, refusals = await self.examine(raws, key, barred)
        except TimeoutError:
            raise Problem(503, headers={"Retry-After": "5"}) from None
        if candidates or refusals or memo:
            done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            await self._wait(Submission(results, candidates, refusals, memo, done))
        return results

    async def _wait(self, submission: Submission) -> None:
        """Wait for the commit. Whose time is up before it has begun is not stored at all; what
        has begun is waited for, so that the answer says what became of it."""
        self.waiting.append(submission)
        self.wake.set()
        try:
            await asyncio.wait([submission.done], timeout=self.answer_seconds)
            if submission in self.waiting:
                raise Problem(503, headers={"Retry-After": "5"})
            await submission.done
        finally:
            if submission in self.waiting:
                self.waiting.remove(submission)

    async def examine(
        self, raws: Sequence[Any], key: Key, barred: Mapping[int, list[Fault]] = NOBODY
    ) -> tuple[list[Result], list[Candidate], list[dict[str, Any]]]:
        """Check events without storing any: a result for each, what ``save`` may admit of them,
        and what is to be kept of those that are refused."""
        now = clock.now()
        results: list[Result] = []
        candidates: list[Candidate] = []
        checked = [events.check(raw) for raw in raws]
        mapped = await self._mapped_units([event for event, _ in checked if event])
        hints = Hints(self.registry.nearest)
        for index, raw in enumerate(raws):
            result, event = self._check(index, raw, key, *checked[index], mapped, hints)
            if index in barred:
                result.status, result.code, event = Status.REFUSED, 401, None
                result.errors = [*barred[index], *result.errors]
            results.append(result)
            if event is not None:
                digest = events.canonical_digest(event.raw, self.hash_key)
                uid = uid_in_log(event.source, event.id, key)
                candidates.append(Candidate(result, event, uid, digest, key))
        await self._check_voids(candidates, key)
        candidates = [c for c in candidates if c.result.status != Status.REFUSED]
        refusals = [
            self._refusal(result, raws[result.index], key, now)
            for result in results
            if result.status == Status.REFUSED and not key.sandbox
        ]
        return results, candidates, refusals

    async def _mapped_units(self, given: Sequence[IncomingEvent]) -> Mapping[tuple[str, str], str]:
        """What sources mean, by (source, compared code), where they name units of no register."""
        unknown = {
            (event.source, mapping_key(code))
            for event in given
            for _, code in _named_units(event)
            if self.registry.find(code, event.time) is None
        }
        if not unknown:
            return {}
        async with self.database.transaction() as session:
            return await store.mapped_units(session, unknown)

    def _as_mapped(
        self, event: IncomingEvent, mapped: Mapping[tuple[str, str], str]
    ) -> IncomingEvent:
        """The event with the units that its source means."""
        meant = {
            name: unit
            for name, code in _named_units(event)
            if self.registry.find(code, event.time) is None
            and (unit := mapped.get((event.source, mapping_key(code)))) is not None
            and self.registry.find(unit, event.time) is not None
        }
        return replace(event, data=event.data.model_copy(update=meant)) if meant else event

    def _check(
        self,
        index: int,
        raw: Any,
        key: Key,
        event: IncomingEvent | None,
        faults: list[Fault],
        mapped: Mapping[tuple[str, str], str],
        hints: Hints,
    ) -> tuple[Result, IncomingEvent | None]:
        source, event_id = text_of(raw, "source"), text_of(raw, "id")
        result = Result(index, source, event_id, Status.REFUSED)
        if not faults and len(encode(raw)) > self.max_event_bytes:
            message = f"Send at most {self.max_event_bytes} bytes an event."
            faults, result.code = [Fault("", "too_large", message)], 413
        elif any(fault.is_envelope for fault in faults):
            result.code = 400
        if event is None or faults:
            result.errors = faults + self._check_named_units(raw, faults, hints)
            return result, None
        event = self._as_mapped(event, mapped)
        named = [(f"/data/{name}", code) for name, code in _named_units(event)]
        registry = self.registry
        faults = judge_units(named, event.time, registry.find, registry.known, hints)
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

    def _check_named_units(self, raw: Any, faults: list[Fault], hints: Hints) -> list[Fault]:
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
        return judge_units(named, clock.now(), registry.find, registry.known, hints)

    async def _check_voids(self, candidates: list[Candidate], key: Key) -> None:
        """A key bound to units voids only what these units have sent, or its own source did."""
        voids = [c for c in candidates if c.event.type == VOID] if key.units else []
        if not voids:
            return
        targets = {id(c): _target(c) for c in voids}
        async with self.database.transaction() as session:
            known = await store.units_of(session, targets.values(), _log_of(key))
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
            submission = self.waiting.popleft()
            group.append(submission)
            size += len(submission)
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
        async with self.database.transaction() as session:
            group = await self._claim(session, group, clock.now())
            candidates = [c for submission in group for c in submission.candidates]
            refusals = [r for submission in group for r in submission.refusals]
            await self.save(session, candidates, refusals)
            for submission in group:
                if memo := submission.memo:
                    status, body = memo.render(submission.results)
                    await store.fill_answer(session, memo.caller, memo.key, status, body)

    async def save(
        self,
        session: AsyncSession,
        candidates: Sequence[Candidate],
        refusals: list[dict[str, Any]],
    ) -> None:
        """Store what was examined, in the caller's transaction; the results take on what became
        of each event. The caller wakes the relay by ``announce`` after the commit."""
        now = clock.now()
        await self._log(session, [c for c in candidates if c.key.sandbox], now)
        candidates = [c for c in candidates if not c.key.sandbox]
        accepted = await self._log(session, candidates, now)
        await enqueue(session, await self._messages(session, accepted, now))
        for candidate in candidates:
            if candidate.result.status == Status.CONFLICT:
                raw = candidate.event.raw
                refusals.append(self._refusal(candidate.result, raw, candidate.key, now))
        fresh = await store.quarantine(session, refusals)
        new = {row["fingerprint"]: row for row in refusals if row["fingerprint"] in fresh}
        await enqueue(session, count_refusals(new.values(), self.registry.known, now))
        refused = {row["uid"] for row in refusals if row["uid"]}
        await store.correct(session, refused | {c.uid for c in accepted})
        voided = [_target(c) for c in accepted if c.event.type == VOID]
        await store.settle_conflicts(session, voided)
        await store.note_arrivals(session, _count(candidates), clock.local_day(now), now)

    async def _claim(
        self, session: AsyncSession, group: list[Submission], now: datetime
    ) -> list[Submission]:
        """The submissions that are to be stored: a key whose answer exists stores nothing."""
        first: dict[tuple[str, str], Memo] = {}
        for submission in group:
            if memo := submission.memo:
                first.setdefault(memo.place, memo)
        asked = [(memo.caller, memo.key, memo.digest) for memo in first.values()]
        free = await store.claim_answers(session, asked, now)
        for submission in group:
            if memo := submission.memo:
                memo.lost = first[memo.place] is not memo or memo.place not in free
        return [s for s in group if s.memo is None or not s.memo.lost]

    async def _log(
        self, session: AsyncSession, candidates: list[Candidate], now: datetime
    ) -> list[Candidate]:
        """Log candidates and say of each what became of it; returns those that are new."""
        if not candidates:
            return []
        log = _log_of(candidates[0].key)
        statuses: dict[int, Status] = {}
        first: dict[bytes, Candidate] = {}
        for candidate in candidates:
            earlier = first.setdefault(candidate.uid, candidate)
            if earlier is not candidate:
                statuses[id(candidate)] = _repeat(earlier.digest, candidate.digest)
        rows = [_log_row(candidate, now) for candidate in first.values()]
        fresh = await store.log_events(session, rows, log)
        digests = await store.digests_of(session, [uid for uid in first if uid not in fresh], log)
        for candidate in candidates:
            if candidate.uid in digests:
                statuses[id(candidate)] = _repeat(digests[candidate.uid], candidate.digest)
            result = candidate.result
            result.status = statuses.get(id(candidate), Status.ACCEPTED)
            conflict = result.status == Status.CONFLICT
            result.code, result.errors = (409, [CONFLICT]) if conflict else (202, [])
        return [first[uid] for uid in first if uid in fresh]

    def _refusal(self, result: Result, raw: Any, key: Key, now: datetime) -> dict[str, Any]:
        return self.quarantining.row(str(result.status), raw, key, now, result.as_dict()["errors"])

    async def _messages(
        self, session: AsyncSession, accepted: list[Candidate], now: datetime
    ) -> list[Message]:
        codes = [
            c.event.data.code
            for c in accepted
            if getattr(c.event.data, "applicant", None) is not None
        ]
        codes += [each for c in accepted for each in c.references]
        tokens = await store.tokens_of(session, codes)
        contacts: list[Message] = []
        published: list[Message] = []
        for candidate in accepted:
            event = candidate.event
            known = tokens.get(getattr(event.data, "code", None) or "")
            token = known.token if known else None
            parts = events.publish(
                event, receivedat=now, hash_key=self.hash_key, contact_token=token
            )
            message_id = events.message_id(event.source, event.id)
            if parts.contact_json is not None and known and not known.erased:
                subject = f"motcua.contacts.{token}"
                contacts.append(Message("CONTACTS", subject, message_id, parts.contact_json))
            for code, (name, phone) in zip(candidate.references, candidate.people, strict=False):
                if not tokens[code].erased:
                    contacts.append(_listed(event, code, tokens[code].token, name, phone, now))
            subject = events.subject(event.type, event.unit)
            unmarked = getattr(event.data, "mark", None) is not None and not candidate.people
            payload = _with_hidden(parts.event_json, candidate.hidden, unmarked)
            published.append(Message("EVENTS", subject, message_id, payload))
        return contacts + published


CONFLICT = Fault(
    "/id",
    "conflict",
    "This source and id are known with another body; send a new id, and void the old.",
)


def _listed(
    event: IncomingEvent, code: str, token: str, name: str, phone: str, now: datetime
) -> Message:
    """The contact of somebody on a list, for surveys alone: they are sent nothing."""
    made = events.listed_contact(event, code, token, name, phone, receivedat=now)
    mark = events.message_id(event.source, f"{event.id}/{code}")
    return Message("CONTACTS", f"motcua.contacts.{token}", mark, made)


def _with_hidden(payload: bytes, hidden: Mapping[str, Any] | None, unmarked: bool) -> bytes:
    """What is published, with what whoever sent it never saw; a list that was not imported here
    bears no mark, whatever its source says."""
    if not hidden and not unmarked:
        return payload
    whole = orjson.loads(payload)
    if unmarked:
        del whole["data"]["mark"]
    whole["data"] |= hidden or {}
    return orjson.dumps(whole)


def _named_units(event: IncomingEvent) -> list[tuple[str, str]]:
    """(field, code) of each unit that an event names."""
    return [
        (name, code)
        for name in ("unit", "credited_unit")
        if (code := getattr(event.data, name, None)) is not None
    ]


def _repeat(known: bytes, given: bytes) -> Status:
    return Status.DUPLICATE if known == given else Status.CONFLICT


def _log_of(key: Key) -> store.Log:
    return "sandbox_events" if key.sandbox else "events"


def uid_in_log(source: str, id: str, key: Key) -> bytes:
    """16 bytes that stand for an event in its log; in the sandbox each key has its own."""
    uid = events.uid(source, id)
    return hashlib.sha256(key.id.encode() + b"\0" + uid).digest()[:16] if key.sandbox else uid


def _target(void: Candidate) -> bytes:
    return uid_in_log(void.event.data.of_source, void.event.data.of_id, void.key)


def _count(candidates: list[Candidate]) -> dict[str, store.Arrived]:
    counts: dict[str, dict[str, int]] = {}
    for candidate in candidates:
        per = counts.setdefault(candidate.event.source, dict.fromkeys(store.Arrived._fields, 0))
        per[str(candidate.result.status)] += 1
    return {source: store.Arrived(**per) for source, per in counts.items()}


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
