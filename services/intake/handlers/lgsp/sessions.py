"""Sessions of the sync address: a key's name and secret for a token that lasts some hours."""

import secrets
import unicodedata
from datetime import timedelta
from hashlib import sha256

from services.intake import store
from shared import clock, keys
from shared.db import Database
from shared.keys import Key, Keyring
from shared.problems import Problem

MOST_NAMESAKES = 20
LONGEST_SECRET = 300


class Sessions:
    """Log-ins; `seconds` is how long one lasts."""

    def __init__(self, database: Database, keyring: Keyring, seconds: int) -> None:
        self.database, self.keyring = database, keyring
        self.session_time = timedelta(seconds=seconds)

    async def log_in(self, username: str, password: str) -> str | None:
        """A new session for a key's name and secret; None where they are wrong.

        Raises:
            Problem: 403 where the key may not send events.
        """
        name, given = _tidy(username), password.strip()
        if not name or not given or max(len(name), len(given)) > LONGEST_SECRET:
            return None
        for shown in await self._secrets(name, given):
            try:
                key = await self.keyring.identify(shown)
            except Problem:
                continue
            if _tidy(key.name) != name:
                continue
            if not key.may("events:write"):
                raise Problem(403)
            token = secrets.token_urlsafe(32)
            now = clock.now()
            async with self.database.transaction() as session:
                await store.open_session(
                    session,
                    _token_digest(token),
                    key.id,
                    keys.digest(shown),
                    now,
                    now + self.session_time,
                )
            return token
        return None

    async def _secrets(self, name: str, given: str) -> list[str]:
        """Whole keys that may be meant: as given, or the secret after its holder's id."""
        if keys.id_of(given) is not None:
            return [given]
        if "\0" in name or "\0" in given:
            return []
        async with self.database.transaction() as session:
            ids = await store.key_ids_named(session, name, MOST_NAMESAKES)
        return [f"mc_{each}_{given}" for each in [*ids, *(["admin"] if name == "admin" else [])]]

    async def identify(self, token: str) -> Key | None:
        """The key of a session; None where it is unknown, has expired, or its key was revoked."""
        async with self.database.transaction() as session:
            row = await store.find_session(session, _token_digest(token), clock.now())
        if row is None:
            return None
        if row.name is None:
            first = self.keyring.admin is not None and row.key_hash == self.keyring.admin
            return Key("admin", "admin", frozenset({"admin"})) if first else None
        return Key(
            row.key_id,
            row.name,
            frozenset(row.scopes),
            frozenset(row.units),
            frozenset(row.sources),
        )


def _token_digest(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogatepass")).digest()


def _tidy(text: str) -> str:
    return unicodedata.normalize("NFC", text).strip()
