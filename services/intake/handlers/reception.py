"""Receiving a request of events, by whatever road it came: read, judge, admit, answer."""

import asyncio
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from email.utils import format_datetime
from hashlib import sha256
from typing import Any

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from services.intake import envelopes, store
from services.intake.handlers.admission import Admission, Memo, Result, uid_in_log
from services.intake.handlers.agreements import Agreements
from services.intake.handlers.quarantining import text_of
from services.intake.rules import Status
from services.intake.settings import Ageing, IntakeSettings
from shared import clock
from shared.keys import Key
from shared.problems import Problem, answer

LONGEST_KEY = 255
JSON = "application/json"
PROBLEM = "application/problem+json"


@dataclass(slots=True)
class Reply:
    """An answer, ready to be sent."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def media_type(self) -> str:
        return JSON if self.status < 400 else PROBLEM


class Reception:
    """Receives events; the same checks and answers for HTTP and the broker's inboxes."""

    def __init__(
        self, admission: Admission, agreements: Agreements, settings: IntakeSettings
    ) -> None:
        self.admission, self.agreements, self.settings = admission, agreements, settings

    async def receive(
        self, headers: Mapping[str, str], body: bytes, key: Key, packed: bytes = b""
    ) -> Reply:
        """Take one event or a batch; when this returns, what is accepted is committed.

        Args:
            headers: with lower-case names.
            packed: the body as it was sent, where that differs from ``body``.

        Raises:
            Problem: where nothing of it was looked at.
        """
        raws, batch = self._read(headers, body)
        memo = self._memo(headers, raws, batch, key, body)
        async with asyncio.timeout(self.settings.answer_seconds):
            barred = await self.agreements.check_signatures(raws, headers, [body, packed])
            if barred and len(barred) == len(raws):
                faults = {fault.code: fault.as_dict() for each in barred.values() for fault in each}
                text = "The signature is missing or wrong."
                raise Problem(401, text, errors=list(faults.values()))
            if memo and (known := await self._known_answer(memo)):
                return self._finish(known, raws)
            await self.agreements.take(raws, key)
        results = await self.admission.admit(raws, key, memo, barred)
        if memo and memo.lost:
            known = await self._known_answer(memo)
            if known is None:  # it was forgotten at this very moment
                raise Problem(503, headers={"Retry-After": "1"})
            return self._finish(known, raws)
        return self._finish(Reply(*render(results, batch)), raws)

    async def find_in_sandbox(
        self, session: AsyncSession, key: Key, source: str, id: str
    ) -> dict[str, Any] | None:
        """Where an event is that a key of the sandbox has sent."""
        found = await store.find_sandbox_event(session, uid_in_log(source, id, key))
        return found and {**found, "state": "sandboxed", "refusals": []}

    async def keep_refused(self, source: str, body: bytes, key: Key, problem: Problem) -> None:
        """Keep in quarantine what could not be read at all, and whose sender hears no answer."""
        raw = {"source": source, "body": body[: 32 << 10].decode("utf-8", "replace")}
        faults = problem.errors or [
            {"pointer": "", "code": f"http_{problem.status}", "message": str(problem)}
        ]
        row = self.admission.quarantining.row("refused", raw, key, clock.now(), faults)
        async with self.admission.database.transaction() as session:
            await store.quarantine(session, [row])

    def _read(self, headers: Mapping[str, str], body: bytes) -> tuple[list[Any], bool]:
        try:
            raws, batch = envelopes.read(headers, body)
        except envelopes.Unreadable as fault:
            error = {"pointer": "", "code": fault.code, "message": fault.message}
            raise Problem(fault.status, errors=[error]) from None
        if len(raws) > self.settings.max_events:
            raise Problem(413, f"Send at most {self.settings.max_events} events a request.")
        return raws, batch

    def _memo(
        self, headers: Mapping[str, str], raws: list[Any], batch: bool, key: Key, body: bytes
    ) -> Memo | None:
        name = _request_key(headers)
        if name is None or not raws:
            return None
        try:
            asked = json.dumps([batch, raws], sort_keys=True).encode()
        except RecursionError:  # nested deeper than any event may be: then the letter counts
            asked = body
        digest = hmac.new(self.admission.hash_key, asked, sha256).digest()
        return Memo(key.id, name, digest, lambda results: render(results, batch))

    async def _known_answer(self, memo: Memo) -> Reply | None:
        async with self.admission.database.transaction() as session:
            found = await store.find_answer(session, memo.caller, memo.key)
        if found is None:
            return None
        if not hmac.compare_digest(found.digest, memo.digest):
            error = {
                "pointer": "",
                "code": "key_reused",
                "message": "This key came with another body before; take a new key.",
            }
            raise Problem(422, errors=[error])
        return Reply(found.status, found.body, {"Idempotent-Replayed": "true"})

    def _finish(self, reply: Reply, raws: list[Any]) -> Reply:
        kinds = {text_of(raw, "type") for raw in raws}
        ageing = [a for kind, a in self.settings.ageing_types.items() if kind in kinds]
        reply.headers |= ageing_headers(ageing)
        return reply


def render(results: list[Result], batch: bool) -> tuple[int, bytes]:
    """The answer to a request, once it is known what became of its events."""
    shown = [result.as_dict() for result in results]
    if not batch and results[0].status in (Status.REFUSED, Status.CONFLICT):
        problem = Problem(results[0].code, errors=shown[0]["errors"], results=shown)
        return results[0].code, bytes(answer(problem).body)
    return 202, orjson.dumps({"results": shown})


def ageing_headers(ageing: Sequence[Ageing]) -> dict[str, str]:
    """`Deprecation` (RFC 9745), `Sunset` (RFC 8594) and `Link` of versions that go out of use."""
    if not ageing:
        return {}
    since = _midnight(min(each.since for each in ageing))
    headers = {"Deprecation": f"@{int(since.timestamp())}"}
    sunsets = [each.sunset for each in ageing if each.sunset]
    if sunsets:
        headers["Sunset"] = format_datetime(_midnight(min(sunsets)).astimezone(UTC), usegmt=True)
    links = sorted({each.link for each in ageing if each.link})
    if links:
        headers["Link"] = ", ".join(f'<{link}>; rel="deprecation"' for link in links)
    return headers


def _midnight(day: Any) -> datetime:
    return datetime.combine(day, time(), clock.VN)


def _request_key(headers: Mapping[str, str]) -> str | None:
    """What a sender calls a request, so that it can repeat it: a key of its own, or a webhook's id."""
    for name, prefix in (("idempotency-key", "key"), ("webhook-id", "webhook")):
        value = headers.get(name)
        if value is None:
            continue
        value = value.strip()
        if len(value) > 1 and value[0] == value[-1] == '"':
            value = value[1:-1].replace('\\"', '"').replace("\\\\", "\\")
        if not value or len(value) > LONGEST_KEY or not value.isprintable():
            error = {
                "pointer": "",
                "code": "invalid_key",
                "message": f"Fill in {name}: 1 to {LONGEST_KEY} printable characters.",
            }
            raise Problem(400, errors=[error])
        return f"{prefix}:{value}"
    return None
