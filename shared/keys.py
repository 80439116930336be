"""Who may call: keys, their scopes, units and sources, checked by each service in its own store."""

import asyncio
import hashlib
import hmac
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from shared import clock
from shared.db import Database
from shared.problems import Problem

SCOPES = (
    "events:write",
    "plans:write",
    "reports:read",
    "reports:write",
    "notices:read",
    "contacts:read",
    "admin",
)
SANDBOX = "sandbox"
"""Beside ``events:write``: what the key sends is checked and answered, and goes no further."""
CACHE_SECONDS = 1.0
ARRIVAL_SECONDS = 0.3
FIND_SECONDS = 8.0
"""How long a caller waits for a store that does not answer; then it is an outage."""


@dataclass(frozen=True, slots=True)
class Key:
    """A caller. Empty ``units`` or ``sources`` mean: all of them."""

    id: str
    name: str
    scopes: frozenset[str]
    units: frozenset[str] = frozenset()
    sources: frozenset[str] = frozenset()

    def may(self, scope: str) -> bool:
        """Whether the key has a scope; ``admin`` has them all."""
        return scope in self.scopes or "admin" in self.scopes

    @property
    def sandbox(self) -> bool:
        """Whether what the key sends is for trial only."""
        return SANDBOX in self.scopes


def generate(key_id: str | None = None) -> tuple[str, str]:
    """A new key: (its id, the key as its holder shows it), 256 random bits."""
    key_id = key_id or secrets.token_hex(6)
    return key_id, f"mc_{key_id}_{secrets.token_urlsafe(32)}"


def digest(shown: str) -> str:
    """What is stored of a key: SHA-256, enough for 256 random bits."""
    return hashlib.sha256(shown.encode()).hexdigest()


def id_of(shown: str) -> str | None:
    """The id inside a key, or None where it has not a key's form."""
    parts = shown.split("_", 2)
    return parts[1] if len(parts) == 3 and parts[0] == "mc" and parts[1] and parts[2] else None


@dataclass(frozen=True, slots=True)
class KeyMessage:
    """A key's newest state as it travels on KEYS."""

    id: str
    name: str
    hash: str
    scopes: tuple[str, ...]
    units: tuple[str, ...]
    sources: tuple[str, ...]
    created_at: datetime
    revoked_at: datetime | None

    @property
    def uid(self) -> bytes:
        state = f"key:{self.id}:{self.revoked_at is not None}"
        return hashlib.sha256(state.encode()).digest()[:16]

    @property
    def subject(self) -> str:
        return f"motcua.keys.{self.id}"

    def encode(self) -> bytes:
        return json.dumps(
            {
                "id": self.id,
                "name": self.name,
                "hash": self.hash,
                "scopes": self.scopes,
                "units": self.units,
                "sources": self.sources,
                "created_at": self.created_at.isoformat(),
                "revoked_at": self.revoked_at.isoformat() if self.revoked_at else None,
            }
        ).encode()


def parse(payload: bytes) -> KeyMessage:
    """Read a message of KEYS; raises ``ValueError``."""
    try:
        raw = json.loads(payload)
        return KeyMessage(
            id=raw["id"],
            name=raw["name"],
            hash=raw["hash"],
            scopes=tuple(raw["scopes"]),
            units=tuple(raw["units"]),
            sources=tuple(raw["sources"]),
            created_at=datetime.fromisoformat(raw["created_at"]),
            revoked_at=datetime.fromisoformat(raw["revoked_at"]) if raw["revoked_at"] else None,
        )
    except (KeyError, TypeError) as fault:
        raise ValueError("not a key message") from fault


async def store(session: AsyncSession, messages: Sequence[KeyMessage]) -> None:
    """Keep keys; a revocation holds, whichever of a key's messages comes first."""
    for message in sorted(messages, key=lambda m: (m.id, m.revoked_at is not None)):
        await session.execute(
            sa.text(
                "INSERT INTO keys (id, name, hash, scopes, units, sources, created_at, revoked_at)"
                " VALUES (:id, :name, :hash, :scopes, :units, :sources, :created_at, :revoked_at)"
                " ON CONFLICT (id) DO UPDATE SET"
                " revoked_at = coalesce(keys.revoked_at, excluded.revoked_at)"
            ),
            {
                "id": message.id,
                "name": message.name,
                "hash": message.hash,
                "scopes": list(message.scopes),
                "units": list(message.units),
                "sources": list(message.sources),
                "created_at": message.created_at,
                "revoked_at": message.revoked_at,
            },
        )


class Keyring:
    """Checks keys against the service's own store; an answer is kept for a second.

    ``admin`` is the key that an installation begins with: every service is given it.
    """

    def __init__(self, database: Database, admin: str | None = None) -> None:
        self.database = database
        self.admin = digest(admin) if admin else None
        self.cache: dict[str, tuple[float, Key | None]] = {}

    async def check(self, authorization: str | None) -> Key:
        """The caller of an ``Authorization`` header.

        Raises:
            Problem: 401 where the key is missing, unknown or revoked.
        """
        scheme, _, shown = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not shown.strip():
            raise Problem(401, "Send the header 'Authorization: Bearer KEY'.")
        return await self.identify(shown.strip())

    async def identify(self, shown: str) -> Key:
        """The holder of a key; raises ``Problem`` 401."""
        hashed = digest(shown)
        if self.admin and hmac.compare_digest(hashed, self.admin):
            return Key("admin", "admin", frozenset({"admin"}))
        kept = self.cache.get(hashed)
        if kept and clock.monotonic() - kept[0] < CACHE_SECONDS:
            key = kept[1]
        else:
            async with asyncio.timeout(FIND_SECONDS):
                key = await self._find(shown, hashed)
            if len(self.cache) > 10_000:
                self.cache.clear()
            self.cache[hashed] = (clock.monotonic(), key)
        if key is None:
            raise Problem(401, "This key is not known here, or it was revoked.")
        return key

    async def _find(self, shown: str, hashed: str) -> Key | None:
        key_id = id_of(shown)
        if key_id is None or "\0" in key_id:
            return None
        row = await self._load(key_id)
        if row is None:  # it may have been made this very moment
            await asyncio.sleep(ARRIVAL_SECONDS)
            row = await self._load(key_id)
        if row is None or row.revoked_at or not hmac.compare_digest(row.hash, hashed):
            return None
        return Key(
            row.id, row.name, frozenset(row.scopes), frozenset(row.units), frozenset(row.sources)
        )

    async def _load(self, key_id: str) -> sa.Row | None:
        query = sa.text(
            "SELECT id, name, hash, scopes, units, sources, revoked_at FROM keys WHERE id = :id"
        )
        async with self.database.transaction() as session:
            return (await session.execute(query, {"id": key_id})).first()
