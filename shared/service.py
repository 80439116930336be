"""The common frame of the four services: store, broker, keys, relay, health, dead letters."""

import asyncio
import contextlib
import gc
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any

import nats
import sqlalchemy as sa
import structlog
from fastapi import Depends, FastAPI, Header, Query, Request, Response
from fastapi import Path as PathParameter
from faststream.nats import NatsBroker, NatsRouter
from nats.js.errors import NotFoundError
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest
from starlette.responses import JSONResponse

from shared import keys, log, problems
from shared.browser import check_holder, kept_key
from shared.db import Database
from shared.keys import Key, Keyring
from shared.messaging import BatchConsumer, provision, subscribe
from shared.messaging.batches import is_outage
from shared.messaging.fetching import install as rest_failed_fetches
from shared.messaging.refills import Refills
from shared.outbox import Relay
from shared.problems import Problem
from shared.settings import ServiceSettings

logger = structlog.get_logger()

READY_SECONDS = 2.0
WATCH_SECONDS = 5.0
LAG = Gauge("motcua_consumer_lag", "Messages not yet applied", ["consumer"])
DEAD = Gauge("motcua_dead_letters", "Dead letters not replayed", ["service"])
UNPUBLISHED = Gauge("motcua_outbox_unpublished", "Outbox rows not yet published", ["service"])

Letter = Annotated[int, PathParameter(ge=1, le=2**62)]


class Service:
    """Wires one service.

    Args:
        name: also the name of its schema.
        settings: its settings.
        migrations: the folder of its Alembic scripts.
        publish_first: streams whose messages go before the others of a relay's round.
        cookie: where browsers that logged in keep their key; None where no pages take one.
    """

    def __init__(
        self,
        name: str,
        settings: ServiceSettings,
        migrations: Path,
        publish_first: tuple[str, ...] = (),
        cookie: str | None = None,
    ) -> None:
        log.configure(name, settings.log_level)
        rest_failed_fetches()
        self.name, self.settings, self.migrations = name, settings, migrations
        self.database = Database(
            settings.database_url.get_secret_value(), name, settings.database_pool
        )
        self.inbox = f"_INBOX_{name}"
        self.broker = NatsBroker(
            settings.nats_url.get_secret_value().split(","),
            max_reconnect_attempts=-1,
            graceful_timeout=20,
            logger=None,
            inbox_prefix=self.inbox,
        )
        admin = settings.admin_key.get_secret_value() if settings.admin_key else None
        self.keyring = Keyring(self.database, admin)
        self.publish_first, self.cookie = publish_first, cookie
        self.relay: Relay | None = None
        self.refills = Refills(name, self.database, self.wake_relay)
        self.consumers: dict[str, BatchConsumer[Any]] = {}
        self.background: list[Callable[[], Awaitable[None]]] = []
        self.listeners: list[Callable[[], None]] = []
        self.first_steps: list[Callable[[], Awaitable[None]]] = []
        self.sessions: Callable[[Request], Awaitable[Key | None]] | None = None
        self.figures: list[Callable[[], Awaitable[dict[str, Any]]]] = []
        self.parts: dict[str, Callable[[], Awaitable[str]]] = {}
        self.worries: dict[str, Callable[[], str | None]] = {}
        self.tasks: list[asyncio.Task[None]] = []
        self.stored = asyncio.Event()  # the store is ready: enough to take events in
        self.started = asyncio.Event()
        self.router = NatsRouter()
        self.app = FastAPI(
            title=f"motcua {name}",
            version="1",
            lifespan=self._lifespan,
            docs_url=None,
            redoc_url=None,
        )
        problems.install(self.app, self._on_crash)
        self.app.state.service = self
        self._add_common_routes()

    def consume(
        self,
        stream: str,
        parse: Callable[[bytes], Any],
        handle: Callable[..., Awaitable[None]],
        private: bool = False,
        name: str | None = None,
    ) -> None:
        """Apply the messages of a stream with ``handle(session, messages)``, exactly once."""
        consumer: BatchConsumer[Any] = BatchConsumer(
            name=name or f"{self.name}-{stream.lower()}",
            stream=stream,
            database=self.database,
            parse=parse,
            handle=handle,
            announce=self.wake_relay,
            private=private,
        )
        self.consumers[consumer.name] = consumer
        subscribe(self.router, consumer, self.inbox, self.settings.batch_size)

    def consume_keys(self) -> None:
        """Learn of keys and revocations from KEYS."""
        self.consume("KEYS", keys.parse, keys.store)

    def run_always(self, work: Callable[[], Awaitable[None]]) -> None:
        """Run ``work`` (an endless loop) while the service is up; it is restarted if it fails."""
        self.background.append(work)

    def before_start(self, step: Callable[[], Awaitable[None]]) -> None:
        """Run ``step`` once, after the migrations and before anything is consumed."""
        self.first_steps.append(step)

    def show_figure(self, figure: Callable[[], Awaitable[dict[str, Any]]]) -> None:
        """Add what ``figure`` gives to ``/v1/status``; it may keep metrics as it goes."""
        self.figures.append(figure)

    def watch_part(self, name: str, check: Callable[[], Awaitable[str]]) -> None:
        """Have readiness ask ``check``, which gives ``ok`` or what is wrong."""
        self.parts[name] = check

    def warn_of(self, name: str, check: Callable[[], str | None]) -> None:
        """Have readiness show what ``check`` gives, if anything, without being less ready for it."""
        self.worries[name] = check

    def refuse_start(self, reason: str) -> None:
        """Stop the process with one clear line: its settings do not fit its store."""
        logger.error("start_refused", reason=reason)
        os._exit(2)

    def know_sessions(self, resume: Callable[[Request], Awaitable[Key | None]]) -> None:
        """Have ``resume`` say whose session a request without a key belongs to, if anybody's."""
        self.sessions = resume

    def when_changed(self, listener: Callable[[], None]) -> None:
        """Have ``listener`` called, too, whenever something was written."""
        self.listeners.append(listener)

    def wake_relay(self) -> None:
        """Something was written: have the outbox published now rather than at the next poll."""
        if self.relay is not None:
            self.relay.wake.set()
        for listener in self.listeners:
            listener()

    # -- starting and stopping ---------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def _lifespan(self, _app: FastAPI) -> AsyncIterator[None]:
        self.broker.include_router(self.router)
        starter = asyncio.create_task(self._start())
        try:
            yield
        finally:
            starter.cancel()
            for task in self.tasks:
                task.cancel()
            await asyncio.gather(starter, *self.tasks, return_exceptions=True)
            with contextlib.suppress(Exception):
                await self.broker.stop()
            await self.database.close()

    async def _start(self) -> None:
        await self._until_it_works("store", lambda: self.database.migrate(self.migrations))
        for first_step in self.first_steps:
            await self._until_it_works("store", first_step)
        self._run(*self.background)
        self.stored.set()
        await self._until_it_works("broker", self._reach_broker)
        await self._until_it_works("broker", self.broker.start)
        await self._until_it_works("broker", lambda: self.refills.listen(self._nats()))
        self.relay = Relay(self.database, self._nats(), self.publish_first)
        self._run(self.relay.run, self._watch)
        self.started.set()
        # What is loaded by now lives as long as the process: the collector of garbage need not walk
        # through it each time, while somebody waits. A report of thousands of rows is no garbage.
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 20, 50)
        logger.info("service_started")

    def _run(self, *works: Callable[[], Awaitable[None]]) -> None:
        for work in works:
            self.tasks.append(asyncio.create_task(self._keep_running(work)))

    async def _until_it_works(self, what: str, step: Callable[[], Awaitable[None]]) -> None:
        pause = 0.2
        while True:
            try:
                return await step()
            except asyncio.CancelledError:
                raise
            except Exception as fault:
                logger.warning("start_waits", part=what, error=type(fault).__name__)
                await asyncio.sleep(pause)
                pause = min(pause * 2, 5.0)

    async def _reach_broker(self) -> None:
        client = await nats.connect(
            self.settings.nats_url.get_secret_value().split(","),
            allow_reconnect=False,
            connect_timeout=5,
            inbox_prefix=self.inbox,
        )
        try:
            if self.settings.provision:
                await self._provision(client)
            for consumer in self.consumers.values():
                await client.jetstream().consumer_info(consumer.stream, consumer.name)
        finally:
            await client.close()

    async def _provision(self, client: nats.NATS) -> None:
        await provision(client, self.settings.nats_replicas, self.settings.ack_wait)

    async def _watch(self) -> None:
        """Notice what the broker lost: streams and consumers (set up anew), or messages."""
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            client = self._nats()
            if not client.is_connected:
                continue
            consumers = [(each.name, each.stream) for each in self.consumers.values()]
            try:
                if not consumers:
                    await client.jetstream().stream_info("EVENTS")
                await self.refills.check(client, consumers)
            except NotFoundError:
                logger.warning("broker_lost_streams")
                if self.settings.provision:
                    await self._provision(client)
            if self.relay is not None:  # have it look whether its streams are still what they were
                self.relay.checked = False
                self.relay.wake.set()

    async def _keep_running(self, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await work()
                return
            except asyncio.CancelledError:
                raise
            except Exception as fault:
                logger.error("work_failed", work=work.__name__, error=type(fault).__name__)
                await asyncio.sleep(1.0)

    def jetstream(self) -> Any:
        """The broker's JetStream, as seen by this service."""
        return self._nats().jetstream()

    def connection(self) -> Any:
        """The broker's client, for plain messages."""
        return self._nats()

    def _nats(self) -> Any:
        return self.broker._connection  # FastStream hands out no public handle of its client

    # -- what every service answers ----------------------------------------------------------

    def _on_crash(self, path: str, fault: Exception) -> Problem:
        if is_outage(fault):
            logger.warning("request_waits", path=path, error=type(fault).__name__)
            return Problem(503, headers={"Retry-After": "2"})
        logger.error("request_failed", path=path, error=type(fault).__name__)
        return Problem(500)

    def _add_common_routes(self) -> None:
        app = self.app
        common = problems.documented(*problems.COMMON)
        of_one = problems.documented(*problems.COMMON, 404, 409)

        @app.get("/livez", include_in_schema=False)
        async def livez() -> dict[str, str]:
            return {"status": "alive"}

        @app.get("/readyz", include_in_schema=False)
        async def readyz() -> JSONResponse:
            parts = await self.check_parts()
            ready = all(state == "ok" for state in parts.values())
            body = {"status": "ready" if ready else "not ready", "parts": parts} | self._warnings()
            return JSONResponse(body, 200 if ready else 503)

        @app.get("/metrics", include_in_schema=False)
        async def metrics() -> Response:
            with contextlib.suppress(Exception):
                await self.measure()
            return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

        @app.get("/v1/whoami", tags=["common"], responses=common)
        async def whoami(key: Annotated[Key, Depends(caller)]) -> dict[str, Any]:
            """The name, scopes and units of the calling key."""
            return {"name": key.name, "scopes": sorted(key.scopes), "units": sorted(key.units)}

        @app.get("/v1/status", tags=["common"], responses=common)
        async def status(_key: Annotated[Key, Depends(caller)]) -> dict[str, Any]:
            """Readiness, lag per consumer (messages), dead letters, unpublished messages."""
            parts = await self.check_parts()
            ready = all(state == "ok" for state in parts.values())
            figures: dict[str, Any] = {}
            with contextlib.suppress(Exception):
                figures = await self.measure()
            state = {"service": self.name, "ready": ready, "parts": parts} | self._warnings()
            return state | figures

        @app.get("/v1/dead", tags=["common"], responses=common)
        async def list_dead(
            _key: Annotated[Key, Depends(needs("admin"))],
            limit: Annotated[int, Query(ge=1, le=1000)] = 100,
        ) -> dict[str, Any]:
            """Dead letters, newest first, without their contents."""
            query = sa.text(
                "SELECT id, consumer, subject, stream_seq, reason, failed_at, replayed_at"
                " FROM dead_letters WHERE replayed_at IS NULL ORDER BY id DESC LIMIT :limit"
            )
            async with self.database.transaction() as session:
                rows = (await session.execute(query, {"limit": limit})).mappings()
                return {"dead": [dict(row) for row in rows]}

        @app.get("/v1/dead/{letter}", tags=["common"], responses=of_one)
        async def show_dead(
            letter: Letter, key: Annotated[Key, Depends(needs("admin"))]
        ) -> dict[str, Any]:
            """One dead letter; the content of a private one is not shown."""
            row = await self._dead_letter(letter)
            private = self.consumers[row["consumer"]].private
            row["payload"] = None if private else bytes(row["payload"]).decode("utf-8", "replace")
            return row

        @app.post("/v1/dead/{letter}/replay", tags=["common"], responses=of_one)
        async def replay_dead(
            letter: Letter, _key: Annotated[Key, Depends(needs("admin"))]
        ) -> dict[str, Any]:
            """Apply a dead letter anew; 409 where it fails again."""
            row = await self._dead_letter(letter)
            consumer = self.consumers[row["consumer"]]
            try:
                async with self.database.transaction() as session:
                    await consumer.replay(session, bytes(row["payload"]))
                    await session.execute(
                        sa.text("UPDATE dead_letters SET replayed_at = now() WHERE id = :id"),
                        {"id": letter},
                    )
            except Exception as fault:
                if is_outage(fault):
                    raise
                raise Problem(409, f"It failed again: {type(fault).__name__}.") from None
            self.wake_relay()
            return {"id": letter, "replayed": True}

    async def _dead_letter(self, letter: int) -> dict[str, Any]:
        query = sa.text("SELECT * FROM dead_letters WHERE id = :id")
        async with self.database.transaction() as session:
            row = (await session.execute(query, {"id": letter})).mappings().first()
        if row is None or row["consumer"] not in self.consumers:
            raise Problem(404)
        return dict(row)

    def _warnings(self) -> dict[str, Any]:
        found = {name: text for name, check in self.worries.items() if (text := check())}
        return {"warnings": found} if found else {}

    async def check_parts(self) -> dict[str, str]:
        """State of store and broker: ``ok`` or what is wrong; connected alone is not enough."""
        parts = {"store": "ok", "broker": "ok", "start": "ok"}
        if not self.started.is_set():
            parts["start"] = "waiting"
        try:
            await asyncio.wait_for(self.database.ping(), READY_SECONDS)
        except Exception as fault:
            parts["store"] = type(fault).__name__
        try:
            client = self._nats()
            if client is None or not client.is_connected:
                parts["broker"] = "not connected"
            else:
                await client.flush(timeout=READY_SECONDS)
        except Exception as fault:
            parts["broker"] = type(fault).__name__
        if parts["store"] == "ok" and parts["start"] == "ok":
            for name, check in self.parts.items():
                try:
                    parts[name] = await asyncio.wait_for(check(), READY_SECONDS)
                except Exception as fault:
                    parts[name] = type(fault).__name__
        return parts

    async def measure(self) -> dict[str, Any]:
        """Lag per consumer, dead letters, unpublished messages; kept as metrics too."""
        async with self.database.transaction() as session:
            dead = await session.scalar(
                sa.text("SELECT count(*) FROM dead_letters WHERE replayed_at IS NULL")
            )
            waiting = await session.scalar(
                sa.text("SELECT count(*) FROM outbox WHERE published_at IS NULL")
            )
        lag = {}
        for consumer in self.consumers.values():
            info = await self._nats().jetstream().consumer_info(consumer.stream, consumer.name)
            lag[consumer.name] = info.num_pending + info.num_ack_pending
            LAG.labels(consumer.name).set(lag[consumer.name])
        DEAD.labels(self.name).set(dead or 0)
        UNPUBLISHED.labels(self.name).set(waiting or 0)
        measured = {"lag": lag, "dead": dead, "unpublished": waiting}
        for figure in self.figures:
            measured |= await figure()
        return measured


async def caller(request: Request, authorization: Annotated[str | None, Header()] = None) -> Key:
    """The key of the request, from its header or a browser's cookie; raises ``Problem`` 401, 403."""
    service = request.app.state.service
    if authorization is None and service.cookie:
        kept = kept_key(request, service.cookie)
        if kept:
            return check_holder(request, await service.keyring.identify(kept))
    if authorization is None and service.sessions is not None:
        holder: Key | None = await service.sessions(request)
        if holder is not None:
            return check_holder(request, holder)
    return await service.keyring.check(authorization)


def needs(scope: str) -> Callable[..., Awaitable[Key]]:
    """A dependency that gives the caller's key if it has ``scope``; raises ``Problem`` 401, 403."""

    async def permitted(key: Annotated[Key, Depends(caller)]) -> Key:
        if not key.may(scope):
            raise Problem(403, f"This needs the scope {scope}.")
        return key

    return permitted
