"""Releasing what was held once its unit is mapped."""

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from services.intake import store
from services.intake.handlers.lgsp.items import Call, Item
from services.intake.rules.mapping import mapping_key
from shared.keys import Key
from shared.messaging.batches import is_outage

if TYPE_CHECKING:
    from services.intake.handlers.lgsp.calls import SyncCalls

logger = structlog.get_logger()

ROUND = 200
"""Held rows that are taken in in one transaction."""
SWEEP_SECONDS = 30.0


class Releases:
    """Takes in what is held through the same door as what comes."""

    def __init__(self, calls: "SyncCalls") -> None:
        self.calls, self.database = calls, calls.database

    async def map_unit(self, source: str, theirs: str, unit: str, key: Key) -> int:
        """Map a source's name to a unit and release what was held for it; returns how many items
        were released."""
        theirs_key = mapping_key(theirs)
        async with self.calls.turn(source) as session:
            await store.put_mapping(session, source, theirs, theirs_key, unit, key.id)
        return await self.release(source, theirs_key)

    async def release(self, source: str, theirs_key: str) -> int:
        """Take in what was held for a name, in the order received; returns how many items."""
        released = 0
        async with self.database.transaction() as session:
            last = await store.last_held(session, source, theirs_key)
        while last is not None:
            async with self.calls.turn(source) as session:
                rows = await store.take_held(session, source, theirs_key, last, ROUND)
                released += await self._take_held(session, source, rows, (theirs_key, last))
            if not rows:
                break
            self.calls.admission.announce()
        return released

    async def _take_held(
        self, session: AsyncSession, source: str, rows: Sequence[Any], releasing: tuple[str, int]
    ) -> int:
        """Take in held rows, oldest first; what one key sent as one unit goes together."""
        opened = [(row, self.calls.vault.open(row)) for row in rows]
        released = 0
        for (key_id, madonvi), run in itertools.groupby(
            opened, key=lambda each: (each[0].key_id, each[1]["madonvi"])
        ):
            call = Call(source, madonvi, await self._key(session, key_id))
            items = [
                Item(number, content["service"], raw, row.received_at, turn)
                for turn, (row, content) in enumerate(run)
                for number, raw in enumerate(content["items"])
            ]
            items = [replace(item, index=index) for index, item in enumerate(items)]
            outcomes = await self.calls.apply(session, call, items, releasing)
            released += sum(outcome.status != "held" for outcome in outcomes)
        return released

    async def _key(self, session: AsyncSession, key_id: str) -> Key:
        """The key that sent something, with the bounds that it had."""
        kept = await store.load_key(session, key_id)
        if kept is None:  # the first key, which every service is given
            return Key(key_id, key_id, frozenset())
        return Key(
            kept.id,
            kept.name,
            frozenset(kept.scopes),
            frozenset(kept.units),
            frozenset(kept.sources),
        )

    async def run(self) -> None:
        """Release what a crash left held although it is mapped, now and then, for ever."""
        while True:
            try:
                async with self.database.transaction() as session:
                    names = await store.releasable(session)
                for source, theirs_key in names:
                    await self.release(source, theirs_key)
            except Exception as fault:
                if not is_outage(fault):
                    logger.error("release_failed", error=type(fault).__name__)
            await asyncio.sleep(SWEEP_SECONDS)
