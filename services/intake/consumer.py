"""`motcua.inbox.<name>`: sources inside the network publish their events, and are answered there.

A source's credentials at the broker let it publish to its own inbox and hear its own answers, and
nothing else; so the name in the subject says who speaks, and its events must bear the source that
is agreed under that name. The answer, after the commit, is the only promise: a message that is
published without asking for one, or whose answer does not come, may be lost and is to be sent
again.
"""

import asyncio
import contextlib
import gzip
from typing import Any

import structlog
from nats.aio.msg import Msg

from services.intake import store
from services.intake.handlers import Agreements, Reception, Reply
from services.intake.settings import IntakeSettings
from shared.http import unpack
from shared.keys import Key
from shared.messaging.batches import is_outage
from shared.problems import Problem, answer

logger = structlog.get_logger()

SUBJECT = "motcua.inbox.*"
GROUP = "intake"
AT_ONCE = 32
"""Messages that one replica works on at a time; the others wait in its bounded buffer."""
ROOM_FOR_HEADERS = 4096
WAITING_MESSAGES, WAITING_BYTES = 4096, 32 << 20


class Inboxes:
    """Listens to all inboxes, with the other replicas in one group."""

    def __init__(
        self, reception: Reception, agreements: Agreements, settings: IntakeSettings
    ) -> None:
        self.reception, self.agreements, self.settings = reception, agreements, settings
        self.free = asyncio.Semaphore(AT_ONCE)
        self.working: set[asyncio.Task[None]] = set()
        self.client: Any = None

    async def listen(self, client: Any) -> None:
        """Take messages, for ever; the client listens again by itself after a broken connection."""
        self.client = client
        subscription = await client.subscribe(
            SUBJECT,
            queue=GROUP,
            cb=self.take,
            pending_msgs_limit=WAITING_MESSAGES,
            pending_bytes_limit=WAITING_BYTES,
        )
        try:
            await asyncio.Event().wait()
        finally:
            with contextlib.suppress(Exception):
                await subscription.unsubscribe()
            for task in list(self.working):
                task.cancel()

    async def take(self, message: Msg) -> None:
        """Begin to work on a message as soon as one of the places is free."""
        await self.free.acquire()
        task = asyncio.create_task(self._work(message))
        self.working.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self.working.discard(task)
        self.free.release()

    async def _work(self, message: Msg) -> None:
        name = message.subject.rsplit(".", 1)[-1]
        answered = _may_answer(message.reply, name)
        try:
            reply = await self._receive(name, message, answered)
        except Exception as fault:
            logger.warning("inbox_failed", source=name, error=type(fault).__name__)
            later = Problem(503, headers={"Retry-After": "2"})
            reply = _refusal(later if is_outage(fault) else Problem(500))
        if not answered:
            if reply.status >= 400:
                logger.warning("inbox_refused", source=name, status=reply.status)
            return
        headers = {"motcua-status": str(reply.status), "content-type": reply.media_type}
        if len(reply.body) > self.client.max_payload - ROOM_FOR_HEADERS:
            reply.body = gzip.compress(reply.body, 5)
            headers["content-encoding"] = "gzip"
        with contextlib.suppress(Exception):  # who asked may be gone
            await self.client.publish(message.reply, reply.body, headers=headers | reply.headers)

    async def _receive(self, name: str, message: Msg, answered: bool) -> Reply:
        agreed = await self.agreements.named(name)
        if agreed is None:
            return _refusal(Problem(403, "No source bears the name of this inbox."))
        key = speaker(agreed)
        try:
            return await self._read(message, key)
        except Problem as problem:
            if problem.status < 500 and problem.status != 429 and not answered:
                await self.reception.keep_refused(agreed.source, message.data, key, problem)
            return _refusal(problem)

    async def _read(self, message: Msg, key: Key) -> Reply:
        headers = {name.lower(): value for name, value in (message.headers or {}).items()}
        limit = self.settings.max_request_bytes
        body = unpack(headers.get("content-encoding", ""), message.data, limit)
        headers.setdefault("content-type", "application/json")
        return await self.reception.receive(headers, body, key, message.data)


def speaker(agreed: store.Source) -> Key:
    """Who speaks in a source's inbox: for that source alone, and for its units."""
    return Key(
        f"inbox:{agreed.name}",
        str(agreed.name),
        frozenset({"events:write"}),
        frozenset(agreed.units),
        frozenset({agreed.source}),
    )


def _may_answer(reply: str, name: str) -> bool:
    """Whether a reply subject is an inbox: to no other may a source have us publish for it."""
    return reply.startswith(("_INBOX.", f"_INBOX_{name}."))


def _refusal(problem: Problem) -> Reply:
    made = answer(problem)
    retry = (problem.headers or {}).get("Retry-After")
    return Reply(problem.status, bytes(made.body), {"Retry-After": retry} if retry else {})
