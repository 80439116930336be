"""What people decided, what was erased, and who looked at contact data."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from shared import listed

PURPOSES = ("status", "all")
"""The purposes under which messages about a dossier are sent."""

ADD_CONSENT = sa.text(
    "INSERT INTO consents (token, code, purpose, channels, withdrawn, at, how, note, key_id,"
    " key_name, recorded_at, language, text_version) VALUES (:token, :code, :purpose,"
    " CAST(:channels AS text[]), :withdrawn, :at, :how, :note, :key_id, :key_name, :now, :language,"
    " :text_version) RETURNING id"
)
CONSENTS = sa.text(
    "SELECT id, token, code, purpose, channels, withdrawn, at, how, note, key_id, key_name,"
    " recorded_at, language, text_version FROM consents"
    " WHERE code = ANY(CAST(:codes AS text[])) OR token = ANY(CAST(:tokens AS text[]))"
    " ORDER BY at, id"
)
BY_TOKEN = sa.text(
    "SELECT code, token, name, phone, email, notify, erased, occurred_at, received_at"
    " FROM contacts WHERE token = :token ORDER BY code LIMIT 1"
)
BY_CODE = sa.text(
    "SELECT code, token, name, phone, email, notify, erased, occurred_at, received_at"
    " FROM contacts WHERE code = :code"
)
UNIT = sa.text(
    "SELECT unit FROM events WHERE subject = :code"
    " ORDER BY type = 'motcua.dossier.submitted.v1' DESC, occurred_at DESC, source, event_id"
    " LIMIT 1"
)
ERASED = sa.text("SELECT token FROM erasures WHERE token = ANY(CAST(:tokens AS text[]))")
ADD_ERASURE = sa.text(
    "INSERT INTO erasures (token, erased_at, key_id, key_name, why)"
    " VALUES (:token, :now, :key_id, :key_name, :why) ON CONFLICT (token) DO NOTHING"
)
ERASURE = sa.text("SELECT token, erased_at, purged_at FROM erasures WHERE token = :token")
BLANK = sa.text(
    "UPDATE contacts SET name = NULL, phone = NULL, email = NULL, notify = NULL, erased = true"
    " WHERE token = :token RETURNING code"
)
BLANK_NOTES = sa.text(
    "UPDATE consents SET note = NULL WHERE token = :token OR code = ANY(CAST(:codes AS text[]))"
)
DROP_LETTERS = sa.text(
    "DELETE FROM dead_letters WHERE consumer = 'notify-contacts'"
    " AND position(convert_to(:token, 'UTF8') IN payload) > 0"
)
ADD_TOLD = sa.text(
    "INSERT INTO erasures (token, erased_at, key_id, key_name, why, purged_at)"
    " VALUES (:token, :now, :key_id, :key_name, :why, :now) ON CONFLICT (token) DO NOTHING"
)
TOMBSTONES = sa.text("SELECT token FROM erasures WHERE token > :after ORDER BY token LIMIT :limit")
UNPURGED = sa.text(
    "SELECT token FROM erasures WHERE purged_at IS NULL ORDER BY erased_at LIMIT 100"
)
PURGE_AGAIN = sa.text(
    "UPDATE erasures SET purged_at = NULL WHERE token = ANY(CAST(:tokens AS text[]))"
)
PURGED = sa.text("UPDATE erasures SET purged_at = :now WHERE token = :token")
LOG = sa.text(
    "INSERT INTO contact_access (token, at, key_id, key_name, action, why)"
    " SELECT t, :now, :key_id, :key_name, :action, :why FROM unnest(CAST(:tokens AS text[])) AS t"
)
LOG_CODES = sa.text(
    "INSERT INTO contact_access (token, at, key_id, key_name, action, why)"
    " SELECT token, :now, :key_id, :key_name, :action, :why FROM contacts"
    " WHERE code = ANY(CAST(:codes AS text[])) AND NOT erased ORDER BY token"
)
ACCESS = sa.text(
    "SELECT id, at, key_id, key_name, action, why FROM contact_access"
    " WHERE token = :token AND (CAST(:before AS bigint) IS NULL OR id < :before)"
    " ORDER BY id DESC LIMIT :limit"
)


@dataclass(frozen=True, slots=True)
class Actor:
    """Whoever does something, and why they say they do."""

    key_id: str
    key_name: str
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Consent:
    """A decision about being told: null ``channels`` with ``withdrawn`` takes earlier ones back."""

    token: str | None
    code: str | None
    purpose: str
    channels: Sequence[str] | None
    withdrawn: bool
    at: datetime
    how: str
    note: str | None
    language: str | None = None
    text_version: str | None = None


async def add_consent(session: AsyncSession, consent: Consent, actor: Actor, now: datetime) -> int:
    """Keep a decision; returns its number."""
    given = {
        "token": consent.token,
        "code": consent.code,
        "purpose": consent.purpose,
        "channels": None if consent.channels is None else list(consent.channels),
        "withdrawn": consent.withdrawn,
        "at": consent.at,
        "how": consent.how,
        "note": consent.note,
        "language": consent.language,
        "text_version": consent.text_version,
        "key_id": actor.key_id,
        "key_name": actor.key_name,
        "now": now,
    }
    return int(await session.scalar(ADD_CONSENT, given) or 0)


async def consents(
    session: AsyncSession, codes: Collection[str], tokens: Collection[str]
) -> Sequence[sa.Row]:
    """The decisions about some dossiers, oldest first."""
    given = {"codes": sorted(codes), "tokens": sorted(tokens)}
    return (await session.execute(CONSENTS, given)).all()


async def find_contact(
    session: AsyncSession, token: str | None = None, code: str | None = None
) -> sa.Row | None:
    """A contact by its token or its dossier."""
    if token is not None:
        return (await session.execute(BY_TOKEN, {"token": token})).first()
    return (await session.execute(BY_CODE, {"code": code})).first()


async def unit_of(session: AsyncSession, code: str) -> str | None:
    """The unit that a dossier belongs to, as far as it is known, or whose list somebody is on."""
    return await session.scalar(UNIT, {"code": code}) or listed.unit_of(code)


async def erased(session: AsyncSession, tokens: Collection[str]) -> set[str]:
    """Those of some tokens that were erased."""
    if not tokens:
        return set()
    return set((await session.scalars(ERASED, {"tokens": sorted(tokens)})).all())


async def purge_again(session: AsyncSession, tokens: Collection[str]) -> None:
    """Erased tokens have come again, so the broker holds messages of theirs."""
    if tokens:
        await session.execute(PURGE_AGAIN, {"tokens": sorted(tokens)})


async def erase(
    session: AsyncSession, token: str, actor: Actor, now: datetime, *, purged: bool = False
) -> list[str]:
    """Set a tombstone and blank the contact; returns the codes that it belonged to.

    ``purged``: the broker has been told already.
    """
    who = {"key_id": actor.key_id, "key_name": actor.key_name, "why": actor.why}
    add = ADD_TOLD if purged else ADD_ERASURE
    await session.execute(add, {"token": token, "now": now, **who})
    codes = list((await session.scalars(BLANK, {"token": token})).all())
    await session.execute(BLANK_NOTES, {"token": token, "codes": codes})
    await session.execute(DROP_LETTERS, {"token": token})
    return codes


async def tombstones(session: AsyncSession, after: str, limit: int) -> list[str]:
    """The erased tokens that follow one, in their order."""
    found = await session.scalars(TOMBSTONES, {"after": after, "limit": limit})
    return list(found.all())


async def find_erasure(session: AsyncSession, token: str) -> sa.Row | None:
    """The tombstone of a token."""
    return (await session.execute(ERASURE, {"token": token})).first()


async def unpurged(session: AsyncSession) -> list[str]:
    """The erased tokens whose messages the broker may still hold."""
    return list((await session.scalars(UNPURGED)).all())


async def mark_purged(session: AsyncSession, token: str, now: datetime) -> None:
    """Record that the broker holds nothing of a token any more."""
    await session.execute(PURGED, {"token": token, "now": now})


async def log_access(
    session: AsyncSession,
    actor: Actor,
    action: str,
    now: datetime,
    *,
    tokens: Collection[str] = (),
    codes: Collection[str] = (),
) -> None:
    """Record who saw, or did something to, the contact data of some tokens or dossiers."""
    given = {"key_id": actor.key_id, "key_name": actor.key_name, "why": actor.why}
    given |= {"action": action, "now": now}
    if tokens:
        await session.execute(LOG, given | {"tokens": sorted(tokens)})
    if codes:
        await session.execute(LOG_CODES, given | {"codes": sorted(codes)})


async def find_access(
    session: AsyncSession, token: str, before: int | None, limit: int
) -> Sequence[sa.Row]:
    """Who saw a contact, newest first."""
    given = {"token": token, "before": before, "limit": limit}
    return (await session.execute(ACCESS, given)).all()
