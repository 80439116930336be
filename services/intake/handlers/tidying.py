"""Forgetting what has been kept long enough."""

import asyncio
from datetime import datetime, timedelta

from services.intake import store
from services.intake.settings import IntakeSettings
from shared import clock
from shared.db import Database

PAUSE_SECONDS = 3600.0


class Tidying:
    """Deletes answers, the sandbox's log and what is in quarantine, each after its time."""

    def __init__(self, database: Database, settings: IntakeSettings) -> None:
        self.database, self.settings = database, settings

    async def run(self) -> None:
        """Tidy every hour, for ever."""
        while True:
            await self.tidy(clock.now())
            await asyncio.sleep(PAUSE_SECONDS)

    async def tidy(self, now: datetime) -> None:
        """Forget what is too old at an instant."""

        def ago(days: int) -> datetime:
            return now - timedelta(days=days)

        settings = self.settings
        async with self.database.transaction() as session:
            await store.tidy_answers(session, ago(settings.answer_days))
            await store.tidy_sandbox(session, ago(settings.sandbox_days))
            await store.tidy_quarantine(
                session, ago(settings.sealed_days), ago(settings.quarantine_days)
            )
