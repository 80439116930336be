"""Held items at rest: sealed, because they name applicants."""

from hashlib import sha256
from typing import Any

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from services.intake import store
from services.intake.handlers.lgsp.items import Call, Group
from services.intake.rules.lgsp_fields import strip_applicant, strip_unread
from services.intake.store.mappings import Held
from shared.sealing import Sealer


class Vault:
    """Seals and opens what is held."""

    def __init__(self, hash_key: bytes) -> None:
        self.hash_key, self.sealer = hash_key, Sealer(hash_key, "held items")

    def row(self, call: Call, group: Group, theirs: str, theirs_key: str) -> Held:
        """A group as it is held, sealed, until its unit is mapped."""
        content = {
            "madonvi": call.madonvi,
            "service": group.items[0].service,
            "items": [strip_unread(item.raw) for item in group.items],
        }
        body = orjson.dumps(content)
        return Held(
            theirs=theirs,
            theirs_key=theirs_key,
            code=group.code,
            items=len(group.items),
            digest=sha256(self.hash_key + body).digest(),
            received_at=group.arrival,
            key_id=call.key.id,
            sealed=self.sealer.seal(body),
        )

    def open(self, row: Any) -> dict[str, Any]:
        """What a held row holds: `madonvi`, `service` and `items`."""
        return orjson.loads(self.sealer.open(bytes(row.sealed)))

    async def forget_applicant(self, session: AsyncSession, code: str) -> None:
        """Take what is known of an applicant out of what is held and kept of a dossier."""
        await store.forget_names(session, code)
        stripped = {}
        for row in await store.held_of(session, code):
            content = self.open(row)
            content["items"] = [strip_applicant(raw) for raw in content["items"]]
            stripped[row.id] = self.sealer.seal(orjson.dumps(content))
        await store.reseal_held(session, stripped)
