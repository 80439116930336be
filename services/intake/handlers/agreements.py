"""What is agreed with sources: who must sign, how much each may send."""

import asyncio
import base64
import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

from services.intake import store
from shared import clock
from shared.db import Database
from shared.events import Fault
from shared.keys import Key
from shared.problems import Problem
from shared.sealing import Sealed, Sealer

VALID_SECRETS = 2
"""Secrets of a source that are valid at once: the new one and the one that it replaces."""
CACHE_SECONDS = 1.0
UNSIGNED = Fault(
    "/source",
    "unsigned",
    "This source must sign: send webhook-id, webhook-timestamp and webhook-signature.",
)
BAD_SIGNATURE = Fault(
    "/source",
    "bad_signature",
    "The signature does not fit: sign 'id.timestamp.body' with a valid secret, within 5 minutes.",
)


@dataclass(frozen=True, slots=True)
class Agreed:
    """A source's agreement with its valid secrets, opened."""

    source: store.Source
    secrets: tuple[bytes, ...]


class Agreements:
    """Knows what is agreed; each replica learns of a change within a second.

    Args:
        hash_key: secrets are kept sealed under it.
        events_per_minute: for sources with which no other limit is agreed; 0 = none.
    """

    def __init__(self, database: Database, hash_key: bytes, events_per_minute: int) -> None:
        self.database, self.events_per_minute = database, events_per_minute
        self.sealer = Sealer(hash_key, "source secrets")
        self.known: dict[str, Agreed] = {}
        self.read_at = -CACHE_SECONDS
        self.reading = asyncio.Lock()

    async def all(self) -> dict[str, Agreed]:
        """Every agreement, by source."""
        async with self.reading:
            if clock.monotonic() - self.read_at >= CACHE_SECONDS:
                async with self.database.transaction() as session:
                    sources = await store.every_agreement(session)
                    kept = await store.secrets_of(session, [s.source for s in sources])
                self.known = {
                    source.source: Agreed(
                        source,
                        tuple(
                            opened
                            for secret in kept
                            if secret.source == source.source
                            and (opened := self._open(secret)) is not None
                        ),
                    )
                    for source in sources
                }
                self.read_at = clock.monotonic()
            return self.known

    async def named(self, name: str) -> store.Source | None:
        """The source that bears a name."""
        known = await self.all()
        return next((a.source for a in known.values() if a.source.name == name), None)

    def forget(self) -> None:
        """Read what is agreed anew at the next question."""
        self.read_at = -CACHE_SECONDS

    async def check_signatures(
        self, raws: Sequence[Any], headers: Mapping[str, str], bodies: Sequence[bytes]
    ) -> dict[int, list[Fault]]:
        """Faults of the events whose source's signature is missing or wrong, by their index.

        ``bodies`` are the forms in which the body may have been signed: as sent, and unpacked.
        """
        known = await self.all()
        verdicts: dict[str, list[Fault]] = {}
        barred: dict[int, list[Fault]] = {}
        for index, raw in enumerate(raws):
            source = source_of(raw)
            if source not in known:
                continue
            if source not in verdicts:
                verdicts[source] = _judge_signature(known[source], headers, bodies)
            if verdicts[source]:
                barred[index] = verdicts[source]
        return barred

    async def take(self, raws: Sequence[Any], key: Key) -> None:
        """Take the events from their sources' allowances; raises ``Problem`` 429."""
        known = await self.all()
        counts = Counter(source_of(raw) for raw in raws)
        limited = []
        for source, count in sorted(counts.items()):
            agreed = known.get(source)
            limit = agreed.source.events_per_minute if agreed else None
            limit = self.events_per_minute if limit is None else limit
            if limit and source:
                bucket = f"sandbox {key.id} {source}" if key.sandbox else source
                limited.append((bucket[:1000].replace("\0", ""), count, limit))
        if not limited:
            return
        now = clock.now()
        async with self.database.transaction() as session:
            for bucket, count, limit in limited:
                seconds = await store.take_allowance(session, bucket, count, limit, now)
                if seconds is not None:  # leaving so gives back what was taken of the others
                    raise Problem(
                        429,
                        f"This source may send {limit} events a minute.",
                        headers={"Retry-After": str(max(1, int(seconds + 0.999)))},
                    )

    # -- making them -------------------------------------------------------------------------

    async def agree(self, source: store.Source) -> bool:
        """Write down an agreement; False where another source bears its name."""
        async with self.database.transaction() as session:
            kept = await store.put_source(session, source)
        self.forget()
        return kept

    async def add_secret(
        self, source: str, given: str | None, required: bool
    ) -> tuple[str, str, Any]:
        """Give a source a secret, ours or a given one: (id, secret, when).

        The newest two of a source are valid.
        """
        shown = given or f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
        secret = store.Secret(
            secrets.token_hex(6), source, self.sealer.seal(shown.encode()), clock.now()
        )
        async with self.database.transaction() as session:
            agreed = (await store.agreed_with(session, [source])).get(source)
            agreed = agreed or store.Source(source, None, (), "optional", None)
            if required:
                agreed = agreed._replace(signing="required")
            await store.put_source(session, agreed)
            await store.add_secret(session, secret, VALID_SECRETS)
        self.forget()
        return secret.id, shown, secret.created_at

    async def drop_secret(self, source: str, id: str) -> bool:
        """Make a secret invalid; False where there is none."""
        async with self.database.transaction() as session:
            dropped = await store.drop_secret(session, source, id)
        self.forget()
        return dropped

    def _open(self, secret: store.Secret) -> bytes | None:
        try:
            return self.sealer.open(secret.sealed)
        except Sealed:
            return None


def source_of(raw: Any) -> str:
    """The source that an undecided event names; empty where it names none."""
    source = raw.get("source") if isinstance(raw, dict) else None
    return source if isinstance(source, str) else ""


def _judge_signature(
    agreed: Agreed, headers: Mapping[str, str], bodies: Sequence[bytes]
) -> list[Fault]:
    if headers.get("webhook-signature") and agreed.secrets:
        fits = any(_fits(secret, headers, body) for secret in agreed.secrets for body in bodies)
        return [] if fits else [BAD_SIGNATURE]
    return [UNSIGNED] if agreed.source.signing == "required" else []


def _fits(secret: bytes, headers: Mapping[str, str], body: bytes) -> bool:
    named = {
        name: headers.get(name, "")
        for name in ("webhook-id", "webhook-timestamp", "webhook-signature")
    }
    try:
        Webhook(secret.decode()).verify(body, named, json_parse=False)
    except (WebhookVerificationError, ValueError):  # malformed ones raise ValueError
        return False
    return True
