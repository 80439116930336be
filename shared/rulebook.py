"""The rules about due dates that a store was derived with, and how it changes over to others.

Every service keeps, in a store of its own, each rules that ever held with the first recorded day
on which they did. What it derives of a dossier follows from the dossier's events and from this
timeline alone. Files that say something new are only *proposed* at a start; a changeover then goes
through the dossiers that they concern, in the order of their codes, one transaction a slice, and
notes how far it came in the same transaction. So it goes on after a kill, replicas share it, and
events that come in meanwhile are read by the rules that their dossier was last derived with.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

import orjson
import sqlalchemy as sa
import structlog
from prometheus_client import Gauge
from sqlalchemy.ext.asyncio import AsyncSession

from shared import clock
from shared.db import Database, take_turn
from shared.due_dates import NO_TIMELINE, DueRules, Timeline, concerned
from shared.undated import Undated

log = structlog.get_logger()

SLICE = 300
"""Dossiers that are derived anew in one transaction."""
READY_SECONDS = 0.5
"""After so long it is asked again whether the service is ready."""
PAUSE_SECONDS = 10.0
"""After so long it is looked again whether another replica left something undone."""

PENDING = Gauge(
    "motcua_due_rules_pending", "Dossiers to be derived anew by changed rules", ["service"]
)
ENTRIES = sa.text(
    "SELECT digest, since, state, cursor FROM due_rules WHERE state <> 'waiting' ORDER BY seq"
)
BODY = sa.text("SELECT body FROM due_rules WHERE digest = :digest ORDER BY seq LIMIT 1")
FORGET_WAITING = sa.text("DELETE FROM due_rules WHERE state = 'waiting'")
NEWEST = sa.text("SELECT seq, digest FROM due_rules ORDER BY seq DESC LIMIT 1")
PROPOSE = sa.text(
    "INSERT INTO due_rules (seq, digest, body, state, cursor, done, total, proposed_at)"
    " VALUES (:seq, :digest, CAST(:body AS jsonb), 'waiting', '', 0, 0, :now)"
)
NEXT = sa.text(
    "SELECT seq, digest, state, cursor, (SELECT max(since) FROM due_rules) AS last FROM due_rules"
    " WHERE state <> 'held' ORDER BY seq LIMIT 1"
)
START = sa.text(
    "UPDATE due_rules SET state = 'running', since = :since, total = :total WHERE seq = :seq"
)
ADVANCE = sa.text("UPDATE due_rules SET cursor = :cursor, done = done + :done WHERE seq = :seq")
HOLD = sa.text(
    "UPDATE due_rules SET state = 'held', finished_at = :now, since = :since WHERE seq = :seq"
)
PROGRESS = sa.text("SELECT digest, state, done, total FROM due_rules ORDER BY seq DESC LIMIT 1")


@dataclass(frozen=True, slots=True)
class InUse:
    """The timelines by which a store's dossiers were derived last.

    While a changeover runs, `coming` is that of the dossiers up to and with the code `cursor`.
    """

    held: Timeline = NO_TIMELINE
    coming: Timeline | None = None
    cursor: str = ""

    def of(self, code: str) -> Timeline:
        """The timeline of one dossier."""
        return self.coming if self.coming is not None and code <= self.cursor else self.held


_KEPT: dict[str, DueRules] = {}
"""Rules that were read, by their digest: which is all that they depend on."""


async def _rules(session: AsyncSession, digest: str) -> DueRules:
    found = _KEPT.get(digest)
    if found is None:
        body = await session.scalar(BODY, {"digest": digest})
        found = DueRules(body if isinstance(body, dict) else orjson.loads(body))
        _KEPT[digest] = found
    return found


async def load(session: AsyncSession) -> InUse:
    """What a store is derived with; inside a transaction that has its turn."""
    held, coming, cursor = NO_TIMELINE, None, ""
    for row in (await session.execute(ENTRIES)).all():
        rules = await _rules(session, row.digest)
        if row.state == "held":
            held = held.then(row.since, rules)
        else:
            coming, cursor = held.then(row.since, rules), row.cursor
    return InUse(held, coming, cursor)


async def propose(session: AsyncSession, rules: DueRules) -> bool:
    """Have these rules hold, whatever had been proposed before; whether they are others."""
    await session.execute(FORGET_WAITING)
    newest = (await session.execute(NEWEST)).first()
    if newest is None and not rules.procedures:
        return False
    if newest is not None and newest.digest == rules.digest:
        return False
    body = orjson.dumps(rules.body, option=orjson.OPT_SORT_KEYS).decode()
    given = {"seq": newest.seq + 1 if newest else 1, "digest": rules.digest, "body": body}
    await session.execute(PROPOSE, given | {"now": clock.now()})
    return True


class Dossiers(Protocol):
    """What a changeover needs to know of a service's dossiers."""

    codes: Undated
    """Those of which no submission states a due date."""

    async def derive(
        self, session: AsyncSession, codes: Sequence[str], before: Timeline, after: Timeline
    ) -> None:
        """Derive them anew: by `after` what had been derived by `before`."""


async def at_once() -> bool:
    """Nothing has to be waited for."""
    return True


class Changeover:
    """Brings one service's store to the rules of its files, in slices.

    `ready` says whether the service has read what had reached the broker: one that writes to people
    tells nobody of a new date while the result may be waiting in the queue.
    """

    def __init__(
        self,
        name: str,
        database: Database,
        rules: DueRules,
        dossiers: Dossiers,
        announce: Callable[[], None] = lambda: None,
        size: int = SLICE,
        ready: Callable[[], Awaitable[bool]] = at_once,
    ) -> None:
        self.name, self.database, self.rules = name, database, rules
        self.dossiers, self.announce, self.size = dossiers, announce, size
        self.ready = ready

    async def begin(self) -> None:
        """Propose the rules of the files; a store without dossiers takes them on at once, and so
        does one that has not to wait."""
        async with self.database.transaction() as session:
            await take_turn(session, "store")
            if await propose(session, self.rules):
                log.info("due_rules_proposed", digest=self.rules.digest)
        await self.step(first=True)

    async def run(self) -> None:
        """Go on with whatever is undone, for ever."""
        while True:
            while await self._undone():
                if not await self.ready():
                    await asyncio.sleep(READY_SECONDS)
                    continue
                start = clock.monotonic()
                await self.step()
                # Whoever waits for the turn gets it first.
                await asyncio.sleep(min(clock.monotonic() - start, 0.5) / 4)
            await asyncio.sleep(PAUSE_SECONDS)

    async def _undone(self) -> bool:
        async with self.database.transaction() as session:
            return (await session.execute(NEXT)).first() is not None

    async def step(self, first: bool = False) -> bool:
        """Derive one slice of dossiers anew; whether there is more to do.

        The `first` step of a start is left where a service has to be ready for it.
        """
        async with self.database.transaction() as session:
            await take_turn(session, "store")
            more = await self._step(session, first and self.ready is not at_once)
        self.announce()
        return more

    async def _step(self, session: AsyncSession, only_empty: bool) -> bool:
        row = (await session.execute(NEXT)).first()
        if row is None or (only_empty and row.state != "waiting"):
            return False
        held = (await load(session)).held
        new = await _rules(session, row.digest)
        procedures = sorted(concerned(held.latest, new))
        since = max(clock.today(), row.last or date.min)
        if row.state == "waiting":
            total = await self.dossiers.codes.count(session, procedures) if procedures else 0
            if total and only_empty:
                return False
            if total == 0 and row.last is None:
                since = date.min  # nothing was derived without them
            given = {"seq": row.seq, "since": since, "total": total}
            await session.execute(START, given)
            log.info("due_rules_changing", digest=row.digest, dossiers=total)
        else:
            since = row.last
        codes = await self.dossiers.codes.after(session, procedures, row.cursor, self.size)
        if codes:
            await self.dossiers.derive(session, codes, held, held.then(since, new))
            given = {"seq": row.seq, "cursor": codes[-1], "done": len(codes)}
            await session.execute(ADVANCE, given)
        if len(codes) < self.size:
            await session.execute(HOLD, {"seq": row.seq, "now": clock.now(), "since": since})
            log.info("due_rules_held", digest=row.digest, since=since.isoformat())
        return True

    async def measure(self) -> dict[str, Any]:
        """How far it is, for `/v1/status`; kept as a metric too."""
        async with self.database.transaction() as session:
            row = (await session.execute(PROGRESS)).first()
        left = 0 if row is None or row.state == "held" else max(row.total - row.done, 1)
        PENDING.labels(self.name).set(left)
        if row is None:
            return {}
        state = "held" if row.state == "held" else "changing"
        found = {"digest": row.digest, "state": state, "done": row.done, "total": row.total}
        return {"due_rules": found}


def attach(service: Any, changeover: Changeover) -> None:
    """Have a service propose its rules at the start and change over while it runs."""
    service.before_start(changeover.begin)
    service.run_always(changeover.run)
    service.show_figure(changeover.measure)
