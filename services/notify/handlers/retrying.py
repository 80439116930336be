"""A person orders another attempt."""

from typing import Any, Literal

from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.handlers.delivery import Delivery
from services.notify.handlers.wishes import wanted
from services.notify.rules.notices import RETRIABLE
from services.notify.store import notices as store
from shared import clock

Refusal = Literal["no_provider", "declined", "not_retriable"]
SAID: dict[Refusal, str] = {
    "no_provider": "No provider is configured for this channel.",
    "declined": "The person no longer wants to be told this way.",
    "not_retriable": "Only what failed or is unknown can be sent again.",
}


async def order_retry(
    session: AsyncSession, delivery: Delivery, row: Any, key_id: str
) -> Refusal | None:
    """Make a notice ready again; null if it is, else why not."""
    if row.channel not in delivery.providers:
        return "no_provider"
    if row.state not in RETRIABLE:
        return "not_retriable"
    if not await wanted(session, row):
        return "declined"
    if not await store.order_retry(session, row.id, key_id, clock.now()):
        return "not_retriable"
    delivery.wake()
    return None
