"""Looks each morning who has fallen behind."""

import asyncio
from collections.abc import Callable
from datetime import date, time

from services.quota.handlers.milestones import check_morning
from services.quota.handlers.versions import Plans
from shared import clock
from shared.db import Database, take_turn

PAUSE_SECONDS = 30


async def watch_mornings(
    database: Database, plans: Plans, at: time, announce: Callable[[], None]
) -> None:
    """Check every day once, as soon as it is ``at`` in Viet Nam; replicas share the work."""
    checked: date | None = None
    while True:
        now = clock.now().astimezone(clock.VN)
        if now.date() != checked and now.time() >= at:
            async with database.transaction() as session:
                await take_turn(session, "store")
                await check_morning(session, await plans.load(session, idle=False), now.date())
            checked = now.date()
            announce()
        await asyncio.sleep(PAUSE_SECONDS)
