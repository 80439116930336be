"""The last look at a notice, in the transaction that claims it: may it leave now?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.handlers.relevance import pointless
from services.notify.rules.leaving import Leaving, has_waited, spread_key
from services.notify.store import holding

log = structlog.get_logger()


@dataclass(slots=True)
class Gate:
    """Lets picked notices through, has them wait, or withdraws them."""

    leaving: Leaving
    agency_words: Sequence[str] = ()

    async def let_through(
        self, session: AsyncSession, rows: Sequence[Any], now: datetime
    ) -> list[Any]:
        """Those of some locked notices that may leave now; of the others it is recorded why not."""
        rows, held = self._awake(rows, now)
        waited = [row for row in rows if has_waited(row.reason, row.created_at, now)]
        gone = await pointless(session, waited, now, self.agency_words)
        await holding.hold(session, held, now)
        await holding.withdraw(session, gone, now)
        if gone:
            log.info("notices_withdrawn", count=len(gone))
        return [row for row in rows if row.id not in gone]

    def _awake(
        self, rows: Sequence[Any], now: datetime
    ) -> tuple[list[Any], list[tuple[UUID, str, datetime]]]:
        """Those whose readers may be disturbed now, and until when the others wait."""
        passed: list[Any] = []
        held: list[tuple[UUID, str, datetime]] = []
        for row in rows:
            key = spread_key(row.id, row.audience, row.recipient, row.channel)
            at, why = self.leaving.leaves_at(key, row.kind, now, row.stale_at)
            if why is None:
                passed.append(row)
            else:
                held.append((row.id, why, at))
        return passed, held
