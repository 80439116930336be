"""Whether somebody still wants to be told."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.rules.notices import channels_of
from services.notify.store import story


async def wanted(session: AsyncSession, row: Any) -> bool:
    """Whether the reader of a notice still wants to be told through its channel; officers do."""
    if row.audience != "citizen":
        return True
    contact = (await story.load_contacts(session, {row.subject})).get(row.subject)
    ways = channels_of(contact) if contact else None
    return row.channel in {channel for channel, _ in ways or ()}
