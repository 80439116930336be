"""The baseline that everybody writes first: one message, one session, one commit.

Four processes as in the product: an intake that commits and publishes event by event, and three
consumers, each a FastStream handler that gets one message and keeps it with a SQLModel session.
Run by the bench: ``python -m tests.bench.naive NAME DATABASE_URL NATS_URL [PORT]``.
"""

import asyncio
import sys
from typing import Any

import uvicorn
from fastapi import FastAPI
from faststream.nats import JStream, NatsBroker, PullSub
from nats.js.api import ConsumerConfig, DeliverPolicy
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import JSON, Column, Field, SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from shared import events
from shared.clock import now

STREAM = "NAIVE"


class Kept(SQLModel, table=True):
    """An event as it came."""

    id: str = Field(primary_key=True)
    type: str
    data: dict[str, Any] = Field(sa_column=Column(JSON))


class Tally(SQLModel, table=True):
    """How many events of a kind a unit has."""

    unit: str = Field(primary_key=True)
    type: str = Field(primary_key=True)
    n: int = 0


def connect(url: str, schema: str) -> Any:
    url = url.replace("postgresql://", "postgresql+asyncpg://")
    return create_async_engine(
        url, connect_args={"server_settings": {"search_path": f"naive_{schema}"}}
    )


def build_intake(engine: Any, broker: NatsBroker) -> FastAPI:
    """Takes batches, and stores and publishes one event after another."""
    app = FastAPI()

    @app.post("/v1/events", status_code=202)
    async def take(batch: list[dict[str, Any]]) -> dict[str, Any]:
        for raw in batch:
            incoming, faults = events.check(raw)
            assert incoming is not None, faults
            name = f"{incoming.source} {incoming.id}"
            parts = events.publish(
                incoming, receivedat=now(), hash_key=b"k" * 32, contact_token="t"
            )
            async with AsyncSession(engine) as session:
                session.add(Kept(id=name, type=incoming.type, data={}))
                await session.commit()
            await broker.publish(
                parts.event_json.decode(), "naive.events", stream=STREAM, timeout=10
            )
        return {"results": [{"status": "accepted"} for _ in batch]}

    return app


def subscribe(name: str, engine: Any, broker: NatsBroker) -> None:
    """One handler call for each message; one at a time, or they lose each other's tallies."""
    turn = asyncio.Lock()

    @broker.subscriber(
        "naive.events",
        stream=JStream(STREAM, declare=False),
        durable=name,
        config=ConsumerConfig(deliver_policy=DeliverPolicy.ALL),
        pull_sub=PullSub(batch_size=500, timeout=0.2),
    )
    async def keep(raw: str) -> None:
        event = events.parse(raw.encode())
        async with turn, AsyncSession(engine) as session:
            if await session.get(Kept, f"{event.source} {event.id}"):
                return
            session.add(
                Kept(
                    id=f"{event.source} {event.id}",
                    type=event.type,
                    data=event.data.model_dump(mode="json"),
                )
            )
            tally = await session.get(Tally, (event.unit or "-", event.type))
            tally = tally or Tally(unit=event.unit or "-", type=event.type)
            tally.n += 1
            session.add(tally)
            await session.commit()


async def serve(name: str, database: str, nats: str, port: int) -> None:
    engine = connect(database, name)
    broker = NatsBroker(nats, logger=None)
    if name != "intake":
        subscribe(name, engine, broker)
    await broker.start()
    if name == "intake":
        app = build_intake(engine, broker)
        config = uvicorn.Config(app, port=port, loop="uvloop", log_level="error")
        await uvicorn.Server(config).serve()
    else:
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:4], port=int(sys.argv[4]) if len(sys.argv) > 4 else 0))
