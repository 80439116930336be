"""Forgetting what is known of somebody, within a transaction."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.rules import texts
from services.notify.store import calls, links, people, story
from services.notify.store import notices as store
from services.notify.store.people import Actor


async def erase(
    session: AsyncSession, token: str, actor: Actor, now: datetime, *, purged: bool = False
) -> tuple[bool, int]:
    """Erase a contact and the personal parts of its notices; its dossier's page is no more.

    Returns whether anything was known of it, and how many notices were blanked.
    """
    codes = await people.erase(session, token, actor, now, purged=purged)
    await links.revoke(session, codes, now)
    await calls.blank(session, codes)
    rows = await store.written_to(session, codes)
    blanked = [(row.id, *blank(row)) for row in rows]
    await store.blank(session, blanked, now)
    await people.log_access(session, actor, "erased", now, tokens=[token])
    return bool(codes), len(blanked)


def blank(row) -> tuple[str | None, str]:
    """Title and text of a notice without the reader's name."""
    name = story.facts_of(row.facts).get("name")
    if not name:
        return row.title, row.body
    title = texts.without(row.title, name) if row.title else row.title
    return title, texts.without(row.body, name)
