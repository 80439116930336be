"""Users, their sessions, the log-ins that were tried, and filters they keep."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

_ADD = sa.text(
    "INSERT INTO users (name, display_name, role, units, password, created_at)"
    " VALUES (:name, :display_name, :role, :units, :password, :now)"
    " ON CONFLICT (name) DO NOTHING RETURNING name"
)
_FIND = sa.text("SELECT * FROM users WHERE name = :name")
_LIST = sa.text('SELECT * FROM users ORDER BY name COLLATE "C"')
_PASSWORD = sa.text("UPDATE users SET password = :password WHERE name = :name RETURNING name")
_DISABLE = sa.text(
    "UPDATE users SET disabled_at = coalesce(disabled_at, :now) WHERE name = :name RETURNING name"
)
_BY_SUBJECT = sa.text("SELECT * FROM users WHERE issuer = :issuer AND subject = :subject")
_BIND = sa.text(
    "UPDATE users SET issuer = :issuer, subject = :subject"
    " WHERE name = :name AND subject IS NULL AND password IS NULL RETURNING *"
)
_OPEN = sa.text(
    "INSERT INTO sessions (token, user_name, expires_at) VALUES (:token, :name, :until)"
)
_SESSION = sa.text(
    "SELECT u.* FROM sessions s JOIN users u ON u.name = s.user_name"
    " WHERE s.token = :token AND s.expires_at > :now AND u.disabled_at IS NULL"
)
_CLOSE = sa.text("DELETE FROM sessions WHERE token = :token")
_CLOSE_ALL = sa.text(
    "DELETE FROM sessions WHERE user_name = :name AND token <> coalesce(:but, ''::bytea)"
)
_TIDY = sa.text("DELETE FROM sessions WHERE expires_at <= :now")
_TRY = sa.text(
    "INSERT INTO login_attempts (account, address, at) VALUES (:account, :address, :now)"
    " RETURNING id"
)
_TRIED = sa.text(
    "SELECT count(*) FILTER (WHERE account = :account AND address = :address) AS both,"
    " count(*) FILTER (WHERE account = :account) AS account,"
    " count(*) FILTER (WHERE address = :address) AS address"
    " FROM login_attempts WHERE at > :since"
)
_FORGIVE = sa.text(
    "DELETE FROM login_attempts WHERE account = :account AND address = :address OR at <= :since"
)
_KEEP = sa.text(
    "INSERT INTO saved_filters (owner, name, address)"
    " SELECT :owner, :name, :address"
    " WHERE (SELECT count(*) FROM saved_filters WHERE owner = :owner AND name <> :name) < :most"
    " ON CONFLICT (owner, name) DO UPDATE SET address = excluded.address RETURNING name"
)
_KEPT = sa.text(
    'SELECT name, address FROM saved_filters WHERE owner = :owner ORDER BY name COLLATE "C"'
)
_DROP = sa.text("DELETE FROM saved_filters WHERE owner = :owner AND name = :name")


async def add(
    session: AsyncSession,
    name: str,
    display_name: str,
    role: str,
    units: Sequence[str],
    password: str | None,
    now: datetime,
) -> bool:
    """Keep a new user; False where the name is taken."""
    asked = {
        "name": name,
        "display_name": display_name,
        "role": role,
        "units": list(units),
        "password": password,
        "now": now,
    }
    return await session.scalar(_ADD, asked) is not None


async def find(session: AsyncSession, name: str) -> sa.Row | None:
    """A user, or None."""
    return (await session.execute(_FIND, {"name": name})).first()


async def listed(session: AsyncSession) -> list[sa.Row]:
    """Every user, by name."""
    return list((await session.execute(_LIST)).all())


async def set_password(session: AsyncSession, name: str, password: str) -> bool:
    """Put a hash in the place of a user's; False where there is no such user."""
    return await session.scalar(_PASSWORD, {"name": name, "password": password}) is not None


async def disable(session: AsyncSession, name: str, now: datetime) -> bool:
    """Take a user's access away for good; False where there is no such user."""
    return await session.scalar(_DISABLE, {"name": name, "now": now}) is not None


async def by_subject(session: AsyncSession, issuer: str, subject: str) -> sa.Row | None:
    """The user whom a provider knows as this subject, or None."""
    asked = {"issuer": issuer, "subject": subject}
    return (await session.execute(_BY_SUBJECT, asked)).first()


async def bind(session: AsyncSession, name: str, issuer: str, subject: str) -> sa.Row | None:
    """Make a user without a password the one whom a provider knows as this subject.

    None where there is no such user, or where another subject is bound to it.
    """
    asked = {"name": name, "issuer": issuer, "subject": subject}
    return (await session.execute(_BIND, asked)).first()


async def open_session(
    session: AsyncSession, token: bytes, name: str, until: datetime, now: datetime
) -> None:
    """Begin a session; those that have run out are forgotten."""
    await session.execute(_TIDY, {"now": now})
    await session.execute(_OPEN, {"token": token, "name": name, "until": until})


async def user_of(session: AsyncSession, token: bytes, now: datetime) -> sa.Row | None:
    """The user of a session, or None."""
    return (await session.execute(_SESSION, {"token": token, "now": now})).first()


async def close_session(session: AsyncSession, token: bytes) -> None:
    """End a session."""
    await session.execute(_CLOSE, {"token": token})


async def close_sessions(session: AsyncSession, name: str, but: bytes | None = None) -> None:
    """End all sessions of a user, but one."""
    await session.execute(_CLOSE_ALL, {"name": name, "but": but})


async def note_attempt(
    session: AsyncSession, account: bytes, address: bytes, now: datetime
) -> None:
    """Note that somebody tries to log in."""
    await session.execute(_TRY, {"account": account, "address": address, "now": now})


async def attempts(
    session: AsyncSession, account: bytes, address: bytes, since: datetime
) -> sa.Row:
    """How often it was tried: (both, account, address)."""
    asked = {"account": account, "address": address, "since": since}
    return (await session.execute(_TRIED, asked)).one()


async def forgive(session: AsyncSession, account: bytes, address: bytes, since: datetime) -> None:
    """Forget what was tried for an account from an address, and all that is old."""
    asked = {"account": account, "address": address, "since": since}
    await session.execute(_FORGIVE, asked)


async def keep_filter(
    session: AsyncSession, owner: str, name: str, address: str, most: int
) -> bool:
    """Keep a page with its filters under a name; False where the owner has `most` already."""
    asked = {"owner": owner, "name": name, "address": address, "most": most}
    return await session.scalar(_KEEP, asked) is not None


async def filters(session: AsyncSession, owner: str) -> list[sa.Row]:
    """(name, address) of what somebody keeps."""
    return list((await session.execute(_KEPT, {"owner": owner})).all())


async def drop_filter(session: AsyncSession, owner: str, name: str) -> None:
    """Forget one of them."""
    await session.execute(_DROP, {"owner": owner, "name": name})
