"""Quota without its broker: events go to its batch consumer, questions through its HTTP surface."""

import os
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sa

from services.quota import tables
from services.quota.app import create_app
from shared import events
from shared.clock import VN
from shared.messaging.batches import Delivered
from tests.emptying import empty
from tests.instance import ADMIN

MIGRATIONS = Path(tables.__file__).parent / "migrations"
MIGRATED: set[str] = set()
"""The stores that were brought to the newest schema."""


def delivery(raw: dict[str, Any], received: date) -> Delivered:
    """An event as intake publishes it when it reaches intake at nine on a day."""
    incoming, faults = events.check(raw)
    assert incoming is not None, faults
    at = datetime.combine(received, time(9), VN)
    parts = events.publish(incoming, receivedat=at, hash_key=b"k" * 32, contact_token="t")
    return Delivered("motcua.events.test", 1, 1, parts.event_json)


class Desk:
    """One quota service in this process, on a real database."""

    def __init__(self, url: str) -> None:
        self.url = url
        given = {
            "DATABASE_URL": url,
            "NATS_URL": "nats://127.0.0.1:1",
            "MOTCUA_ADMIN_KEY": ADMIN,
            "MOTCUA_DATABASE_POOL": "2",
        }
        before = dict(os.environ)
        os.environ.update(given)
        try:
            app = create_app()
        finally:
            os.environ.clear()
            os.environ.update(before)
        self.service = app.state.service
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://quota",
            headers={"Authorization": f"Bearer {ADMIN}"},
        )

    async def __aenter__(self) -> "Desk":
        if self.url not in MIGRATED:
            await self.service.database.migrate(MIGRATIONS)
            MIGRATED.add(self.url)
        async with self.service.database.transaction() as session:
            await empty(session, tables.metadata.tables)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()
        await self.service.database.close()

    async def take(self, batch: list[Delivered]) -> None:
        """Apply one batch."""
        done, later = await self.service.consumers["quota-events"].apply(batch)
        assert (len(done), later) == (len(batch), [])

    async def apply(self, plan: str, text: str) -> dict[str, Any]:
        """Apply a plan file."""
        answer = await self.http.put(f"/v1/plans/{plan}", content=text.encode())
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    async def get(self, path: str, **params: Any) -> Any:
        answer = await self.http.get(path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def ledger(self, plan: str) -> list[dict[str, Any]]:
        return (await self.get("/v1/stipends/ledger", plan=plan, limit=5000))["rows"]

    async def dead(self) -> int:
        async with self.service.database.transaction() as session:
            return await session.scalar(sa.text("SELECT count(*) FROM dead_letters"))
