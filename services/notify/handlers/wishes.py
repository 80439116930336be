"""Whether somebody still wants to be told."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.rules.notices import channels_of
from services.notify.store import story


async def unwanted(session: AsyncSession, rows: Sequence[Any]) -> list[UUID]:
    """The notices whose reader no longer wants to be told through their channel; officers do."""
    asked = [row for row in rows if row.audience == "citizen"]
    if not asked:
        return []
    contacts = await story.load_contacts(session, {row.subject for row in asked})
    gone = []
    for row in asked:
        contact = contacts.get(row.subject)
        ways = channels_of(contact) if contact else None
        if row.channel not in {channel for channel, _ in ways or ()}:
            gone.append(row.id)
    return gone


async def wanted(session: AsyncSession, row: Any) -> bool:
    """Whether the reader of a notice still wants to be told through its channel."""
    return not await unwanted(session, [row])
