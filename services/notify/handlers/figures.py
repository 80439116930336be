"""Figures for operators: what is still to be sent, and what became of the rest."""

from typing import Any

from prometheus_client import Counter, Gauge

from services.notify.handlers.lanes import Lane, Lanes
from services.notify.rules.notices import STATES, UNSENT
from services.notify.store import notices as store
from shared import clock
from shared.db import Database

COUNT_SECONDS = 30.0
NOTICES = Gauge("motcua_notices", "Notices by state", ["state"])
ATTEMPTS = Counter(
    "motcua_notice_attempts", "Notices handed to a provider", ["channel", "provider", "verdict"]
)
SEGMENTS = Counter("motcua_notice_segments", "SMS segments that a provider took", ["provider"])
RECEIPTS = Counter("motcua_notice_receipts", "Delivery receipts", ["provider", "receipt"])
CIRCUIT = Gauge(
    "motcua_provider_circuit", "0 in use, 1 on trial after a failure, 2 left alone", ["provider"]
)
ON_WAY = Gauge("motcua_provider_on_way", "Messages being handed over now", ["provider"])
CIRCUITS = {"closed": 0, "half_open": 1, "open": 2}


def count_attempt(channel: str, provider: str, verdict: str, segments: int) -> None:
    """Count an attempt, and the segments that it will cost."""
    ATTEMPTS.labels(channel, provider, verdict).inc()
    if verdict == "accepted" and segments:
        SEGMENTS.labels(provider).inc(segments)


def show_circuit(lane: Lane) -> None:
    """Show whether a provider is in use, and what it has on its way."""
    CIRCUIT.labels(lane.name).set(CIRCUITS[lane.state(clock.monotonic())])
    ON_WAY.labels(lane.name).set(lane.on_way)


class Figures:
    """Counts notices. The unsent are counted each time, by an index; all of them, which takes
    longer the more there are, twice a minute at most."""

    def __init__(self, database: Database, lanes: Lanes) -> None:
        self.database, self.lanes = database, lanes
        self.counted = float("-inf")

    async def measure(self) -> dict[str, Any]:
        """``unsent``: how many notices are still to be sent."""
        async with self.database.transaction() as session:
            unsent = await store.count_unsent(session)
            if clock.monotonic() - self.counted >= COUNT_SECONDS:
                counts = await store.count_states(session, None)
                for state in STATES:
                    NOTICES.labels(state).set(counts.get(state, 0))
                self.counted = clock.monotonic()
        for state in UNSENT:
            NOTICES.labels(state).set(unsent.get(state, 0))
        for lane in self.lanes:
            show_circuit(lane)
        return {"unsent": sum(unsent.values())}
