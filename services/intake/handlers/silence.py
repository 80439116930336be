"""Watching sources: an alert, once, for each that falls silent or far below its usual volume."""

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from prometheus_client import Gauge
from sqlalchemy.ext.asyncio import AsyncSession

from services.intake import store
from services.intake.rules import SilencePolicy, Verdict, judge_silence
from shared import clock
from shared.db import Database
from shared.working_days import working_days

logger = structlog.get_logger()

WATCH_SECONDS = 60.0
PAGE = 500
SOURCES = Gauge("motcua_sources", "Sources by how they send", ["state"])
ALERT = Gauge("motcua_source_alert", "1 while a source is silent or quiet", ["source", "state"])
MOST_NAMED = 200
"""Sources in alert that are named in the figures; there may be any number."""


class Silence:
    """Says how each source is, and raises alerts."""

    def __init__(self, database: Database, policy: SilencePolicy) -> None:
        self.database, self.policy = database, policy

    async def run(self) -> None:
        """Look at all sources again and again, for ever."""
        while True:
            await self.watch(clock.now())
            await asyncio.sleep(WATCH_SECONDS)

    async def watch(self, now: datetime) -> None:
        """Begin and end alerts; each beginning is said once, whichever replica sees it."""
        states: Counter[str] = Counter()
        alerts: list[tuple[str, str]] = []
        after = ""
        while True:
            async with self.database.transaction() as session:
                rows = await self._judged(session, now, after, PAGE)
                bad = [
                    (row["source"], row["state"], row["verdict"].since or row["alert_since"])
                    for row in rows
                    if row["state"] in ("silent", "quiet")
                ]
                speaking = [row["source"] for row in rows if row["state"] == "ok"]
                begun = await store.open_silences(session, bad, now)
                ended = await store.end_silences(session, speaking, now)
            for source, state, since in bad:
                if source in begun:
                    logger.warning("source_alert", source=source, state=state, since=str(since))
            for source in sorted(ended):
                logger.info("source_speaks_again", source=source)
            states.update(row["state"] for row in rows)
            alerts += [(source, state) for source, state, _ in bad]
            if len(rows) < PAGE:
                break
            after = rows[-1]["source"]
        _measure(states, alerts)

    async def show(
        self, now: datetime, after: str, limit: int, among: Collection[str] | None
    ) -> list[dict[str, Any]]:
        """Sources: what is agreed, last event, events today, what is usual, the state."""
        async with self.database.transaction() as session:
            rows = await self._judged(session, now, after, limit, among)
        for row in rows:
            verdict: Verdict = row.pop("verdict")
            row["usual"] = verdict.usual
        return rows

    async def _judged(
        self,
        session: AsyncSession,
        now: datetime,
        after: str,
        limit: int,
        among: Collection[str] | None = None,
    ) -> list[dict[str, Any]]:
        today, hour = clock.local_day(now), now.astimezone(clock.VN).hour
        history = timedelta(weeks=self.policy.weeks + 6)
        rows = await store.list_sources(session, after, limit, among)
        names = [row["source"] for row in rows]
        arrived = await store.arrivals_since(session, names, today - history)
        calendar = working_days()
        for row in rows:
            days = arrived.get(row["source"], {})
            accepted = {day: each.accepted + each.duplicate for day, each in days.items()}
            first_day = row.pop("first_day") or today
            verdict = judge_silence(
                accepted, first_day, today, hour, calendar.is_working, self.policy
            )
            of_today = days.get(today)
            silent = row["alert"] == "silent" and not _spoke_since(row)
            row |= {"state": "silent" if silent else verdict.state, "verdict": verdict}
            row |= {
                "today": of_today.accepted if of_today else 0,
                "duplicates_today": of_today.duplicate if of_today else 0,
                "conflicts_today": of_today.conflict if of_today else 0,
            }
        return rows


def _spoke_since(row: dict[str, Any]) -> bool:
    """Whether a source in alert has sent anything since; a silence never ends by its length."""
    return row["last_at"] is not None and clock.local_day(row["last_at"]) >= row["alert_since"]


def _measure(states: Mapping[str, int], alerts: Sequence[tuple[str, str]]) -> None:
    for state in ("ok", "quiet", "silent", "new"):
        SOURCES.labels(state).set(states.get(state, 0))
    ALERT.clear()
    for source, state in alerts[:MOST_NAMED]:
        ALERT.labels(source, state).set(1)
