"""Notify's store for real, with a clock that tests set and gateways that tests play."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest
import sqlalchemy as sa

from services.notify import consumer
from services.notify.clients import Answer, Offices, Parcel, Templates
from services.notify.handlers.delivery import Delivery
from services.notify.handlers.desk import Desk
from services.notify.handlers.dossiers import take_contacts
from services.notify.handlers.duties import Duties, parse_plan
from services.notify.handlers.gate import Gate
from services.notify.handlers.intake import take_events
from services.notify.handlers.watch import Watch
from services.notify.rules.leaving import Leaving
from services.notify.rules.notices import Policy
from services.notify.rules.terms import Terms
from services.notify.store import alerts as alert_store
from services.notify.store import deadlines as due_store
from shared import clock, events
from shared.db import Database
from shared.messaging.batches import BatchConsumer, Delivered
from shared.plans import read_plan
from shared.settings import deploy_dir
from shared.units import UnitRegistry
from tests.emptying import empty
from tests.instance import Instance, instance, stores

ROOT = Path(__file__).parent.parent.parent
REGISTRY = UnitRegistry.load(deploy_dir() / "units")
TEMPLATES = Templates.load(deploy_dir() / "templates")
OFFICES = Offices.load(deploy_dir() / "offices", REGISTRY)
TABLES = (
    "events", "voids", "contacts", "plans", "deadlines", "officers", "notices", "notice_history",
    "attempts", "consents", "erasures", "contact_access", "templates", "alerts", "handovers",
    "paces", "clock_mark", "status_links", "barred", "budgets", "budget_months", "due_rules",
    "calendar_warnings", "attachments", "calls_made", "inbox", "outbox", "dead_letters",
)  # fmt: skip


class Gateway:
    """A provider that answers as it is told and remembers what it was given."""

    def __init__(self, channel: str) -> None:
        self.name, self.channel, self.terms = f"test-{channel}", channel, Terms()
        self.parcels: list[Parcel] = []
        self.answers: list[Answer] = []

    async def send(self, parcel: Parcel) -> Answer:
        self.parcels.append(parcel)
        return self.answers.pop(0) if self.answers else Answer("accepted", "test")

    async def close(self) -> None:
        """Nothing is open."""


class World:
    """Notify without its broker."""

    def __init__(self, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        self.database, self.monkeypatch = database, monkeypatch
        self.sms, self.email = Gateway("sms"), Gateway("email")
        self.channels = frozenset({"sms", "email"})
        self.behind = False
        self.set_clock("2026-10-12 09:00")
        self.rebuild()

    def rebuild(self, quiet: Any = None, **leaving: Any) -> None:
        """Start anew, as after a restart."""
        self.leaving = Leaving(quiet, **leaving)
        self.desk = Desk(REGISTRY, TEMPLATES, Policy(self.channels), self.leaving, OFFICES)
        self.duties = Duties(self.desk)
        self.watch = Watch(self.database, self.desk, self.duties, self._caught_up)
        self.delivery = self.make_delivery()
        make = partial(BatchConsumer, database=self.database)
        self.on_events = make(
            "notify-events",
            "EVENTS",
            parse=events.parse,
            handle=lambda s, batch: take_events(s, self.desk, self.duties, batch),
        )
        self.on_contacts = make(
            "notify-contacts",
            "CONTACTS",
            parse=consumer.parse_contact,
            handle=lambda s, batch: take_contacts(s, self.desk, [m.contact for m in batch]),
            private=True,
        )
        self.on_plans = make(
            "notify-plans", "PLANS", parse=parse_plan, handle=self.duties.take_plans
        )

    def set_policy(self, **changes: Any) -> None:
        """Other settings from now on."""
        self.desk.policy = replace(self.desk.policy, **changes)

    def make_delivery(self, **options: Any) -> Delivery:
        providers = {g.channel: [g] for g in (self.sms, self.email) if g.channel in self.channels}
        return Delivery(
            self.database, providers, **{"gate": Gate(self.leaving, desk=self.desk), **options}
        )

    async def _caught_up(self) -> bool:
        return not self.behind

    def set_clock(self, text: str) -> None:
        """Local time ``YYYY-MM-DD HH:MM``, with seconds if need be."""
        now = datetime.fromisoformat(text).replace(tzinfo=clock.VN)
        self.monkeypatch.setattr(clock, "now", lambda: now)
        # What a provider that failed is waited for goes by the clock that never goes back.
        self.monkeypatch.setattr(clock, "monotonic", now.timestamp)

    def split(self, *raws: dict[str, Any]) -> tuple[list[bytes], list[bytes]]:
        """(contacts, events) as intake publishes them."""
        contacts, published = [], []
        for raw in raws:
            incoming, faults = events.check(raw)
            assert incoming is not None, faults
            code = raw["data"].get("code", "")
            parts = events.publish(
                incoming, receivedat=clock.now(), hash_key=b"k" * 32, contact_token=f"t-{code}"
            )
            published.append(parts.event_json)
            contacts += [parts.contact_json] if parts.contact_json else []
        return contacts, published

    async def apply(self, consumer: BatchConsumer, payloads: list[bytes]) -> None:
        batch = [Delivered("test", n, 1, payload) for n, payload in enumerate(payloads)]
        done, later = await consumer.apply(batch)
        assert later == []
        assert len(done) == len(payloads)
        letters = await self.query("SELECT reason FROM dead_letters")
        assert letters == []

    async def tell(self, *raws: dict[str, Any]) -> None:
        """Events arrive, their contacts before them."""
        contacts, published = self.split(*raws)
        if contacts:
            await self.apply(self.on_contacts, contacts)
        await self.apply(self.on_events, published)

    async def order(self, plan: str, version: int = 1) -> None:
        """A plan that ships with the product is applied."""
        text = (ROOT / "deploy" / "plans" / f"{plan}.yaml").read_text("utf-8")
        await self.order_text(text, version)

    async def order_text(self, text: str, version: int = 1) -> None:
        """A plan is applied."""
        read = read_plan(text, registry=REGISTRY)
        message = {
            "plan": read.plan,
            "version": version,
            "applied_at": clock.now().isoformat(),
            "document": orjson.loads(read.canonical()),
        }
        await self.apply(self.on_plans, [orjson.dumps(message)])

    async def scan(self) -> None:
        """One round of the scan, if it may."""
        async with self.database.transaction() as session:
            waiting = await due_store.any_due(session, clock.now())
            waiting = waiting or await alert_store.any_due(session, clock.now())
        while waiting and await self._caught_up() and await self.watch.scan(clock.now()):
            continue

    async def deliver(self) -> None:
        """Send all that is ready."""
        while claimed := await self.delivery.claim():
            await self.delivery.deliver(claimed[0])

    async def query(self, statement: str, **given: Any) -> list[Any]:
        async with self.database.transaction() as session:
            return list((await session.execute(sa.text(statement), given)).all())

    async def notices(self, subject: str | None = None) -> list[Any]:
        """Notices in the order in which they were made."""
        return await self.query(
            "SELECT * FROM notices WHERE CAST(:subject AS text) IS NULL OR subject = :subject"
            " ORDER BY at, seq",
            subject=subject,
        )

    async def states(self, subject: str | None = None) -> list[tuple[str, str, str | None]]:
        """(kind, state, reason) of each notice."""
        return [(n.kind, n.state, n.reason) for n in await self.notices(subject)]

    async def history(self, notice: UUID) -> list[str]:
        rows = await self.query(
            "SELECT state FROM notice_history WHERE notice = :id ORDER BY id", id=notice
        )
        return [row.state for row in rows]

    async def outcomes(self) -> list[tuple[str, str]]:
        """(type, subject) of each outcome written."""
        rows = await self.query("SELECT payload FROM outbox WHERE stream = 'OUTCOMES' ORDER BY id")
        read = [events.parse(bytes(row.payload)) for row in rows]
        return [(each.type, each.data.subject) for each in read]


@pytest.fixture(scope="session")
def store_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with stores(tmp_path_factory.mktemp("notify") / "stores") as urls:
        asyncio.run(migrate(urls["notify"]))
        yield urls["notify"]


async def migrate(url: str) -> None:
    database = Database(url, "notify", 1)
    await database.migrate(ROOT / "services" / "notify" / "migrations")
    await database.close()


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """Intake and two replicas of notify as processes, with no provider."""
    with instance(tmp_path_factory.mktemp("plain")) as made:
        made.start("intake")
        made.start("notify")
        made.wait_ready("intake")
        made.wait_ready("notify")
        made.start("notify", 1)
        made.wait_ready("notify", 1)
        yield made


@pytest.fixture
async def world(store_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    database = Database(store_url, "notify")
    async with database.transaction() as session:
        await empty(session, TABLES)
    try:
        yield World(database, monkeypatch)
    finally:
        await database.close()
