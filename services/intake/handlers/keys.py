"""Making and revoking keys; every change is announced on KEYS."""

from services.intake import store
from shared import clock, keys
from shared.db import Database
from shared.outbox import Message, enqueue


async def create_key(
    database: Database, name: str, scopes: list[str], units: list[str], sources: list[str]
) -> tuple[str, str]:
    """Make a key and announce its hash on KEYS; returns (id, the key, shown this once)."""
    key_id, shown = keys.generate()
    message = keys.KeyMessage(
        key_id,
        name,
        keys.digest(shown),
        tuple(scopes),
        tuple(units),
        tuple(sources),
        clock.now(),
        None,
    )
    async with database.transaction() as session:
        await keys.store(session, [message])
        await enqueue(session, [_key_message(message)])
    return key_id, shown


async def revoke_key(database: Database, key_id: str) -> bool:
    """Revoke a key everywhere; False where there is none."""
    async with database.transaction() as session:
        row = await store.revoke_key(session, key_id)
        if row is None:
            return False
        row["scopes"], row["units"], row["sources"] = (
            tuple(row["scopes"]),
            tuple(row["units"]),
            tuple(row["sources"]),
        )
        await enqueue(session, [_key_message(keys.KeyMessage(**row))])
    return True


def _key_message(message: keys.KeyMessage) -> Message:
    return Message("KEYS", message.subject, message.uid.hex(), message.encode())
