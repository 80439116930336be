"""What breaks here is really broken: processes get SIGKILL, the broker's storage is deleted.

Each test posts a part of a made-up world while it breaks something, and then holds every answer
against a recount of all that was posted until then.
"""

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import asyncpg
import httpx
import pytest

from tests.instance import ADMIN, NAMES, Instance, instance, wait_for
from tests.system.answers import PLANS, check_quota, check_reporting
from tests.system.world import LOCAL, Made, fresh_dossiers, make_world

pytestmark = pytest.mark.timeout(360)
ACK_WAIT = 5  # seconds after which what was delivered to the killed comes again
CONSUMERS = ("quota", "notify", "reporting")
BATCH = 40
FULL_BATCH = 100


class Carrier:
    """An SMS gateway that remembers what it was handed."""

    def __init__(self) -> None:
        handed = self.handed = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                query = parse_qs(urlsplit(self.path).query)
                handed.append((query["to"][0], query["text"][0]))
                self.send_response(202)
                self.end_headers()
                self.wfile.write(b"0: Accepted for delivery")

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/cgi-bin/sendsms"


class World:
    """A running instance, and all that was posted to it."""

    def __init__(self, running: Instance, carrier: Carrier) -> None:
        self.running, self.carrier = running, carrier
        self.posted: Made = []
        self.fresh = 0
        self.batch = BATCH

    def start(self, name: str, replica: int = 0) -> None:
        label = f"{name}-{replica}"
        self.running.start(name, replica, MOTCUA_NOTIFY_INSTANCE=label)

    def post(self, made: Made, at: dict[int, Callable[[], None]] | None = None) -> None:
        """Post as an impatient source does, and break something after so many batches."""
        batches = [made[n : n + self.batch] for n in range(0, len(made), self.batch)]
        todo = list(enumerate(batches))[::-1]
        results: dict[int, list[str]] = {}
        faults: list[BaseException] = []

        def send() -> None:
            try:
                with httpx.Client(headers={"Authorization": f"Bearer {ADMIN}"}) as client:
                    while todo:
                        number, batch = todo.pop()
                        results[number] = self.insist(client, batch)
            except BaseException as fault:
                faults.append(fault)

        threads = [threading.Thread(target=send) for _ in range(3)]
        for thread in threads:
            thread.start()
        for count, act in sorted((at or {}).items()):
            wait_for(lambda count=count: len(results) >= count or faults, 60)
            act()
        for thread in threads:
            thread.join(90)
        assert not faults
        assert len(results) == len(batches)
        said = Counter(status for statuses in results.values() for status in statuses)
        assert set(said) <= {"accepted", "duplicate"}, said
        self.posted += made

    def insist(self, client: httpx.Client, batch: Made) -> list[str]:
        """Send a batch again until it is answered."""

        def answer() -> httpx.Response | None:
            try:
                given = client.post(
                    self.running.url("intake", "/v1/events"),
                    content=json.dumps(batch),
                    headers={"Content-Type": "application/cloudevents-batch+json"},
                    timeout=30,
                )
            except httpx.HTTPError:
                return None
            assert given.status_code in (202, 503), given.text
            return given if given.status_code == 202 else None

        return [r["status"] for r in wait_for(answer, 60).json()["results"]]

    def post_fresh(self, count: int, at: dict[int, Callable[[], None]] | None = None) -> None:
        seed = f"f{len(self.posted)}"
        self.fresh += count
        self.post(fresh_dossiers(seed, count, datetime.now(LOCAL)), at)

    def query(self, statement: str) -> list[asyncpg.Record]:
        async def ask() -> list[asyncpg.Record]:
            connection = await asyncpg.connect(self.running.urls["owner"])
            try:
                return await connection.fetch(statement)
            finally:
                await connection.close()

        return asyncio.run(ask())

    def check(self) -> None:
        """Every answer is that of an undisturbed system."""
        self.running.settle()
        wait_for(self.sent, 60)
        for name in NAMES:
            assert self.running.get(name, "/v1/status")["dead"] == 0
        unique = {(e["source"], e["id"]) for e in self.posted}
        assert self.query("SELECT count(*) FROM intake.events")[0][0] == len(unique)
        check_quota(self.running, self.posted)
        check_reporting(self.running, self.posted)
        self.check_notices()

    def sent(self) -> bool:
        waiting = (
            "SELECT count(*) FROM notify.notices WHERE state IN ('ready','retrying','sending')"
        )
        return self.query(waiting)[0][0] == 0

    def check_notices(self) -> None:
        """Three for each fresh dossier, each handed over once; what is old goes to nobody."""
        rows = self.query(
            "SELECT subject, kind, channel, state, body, attempts FROM notify.notices"
            " WHERE event_source = '/fresh' AND kind <> 'late'"
        )
        assert len(rows) == 3 * self.fresh
        assert len({(r["subject"], r["kind"]) for r in rows}) == len(rows)
        states = Counter((r["channel"], r["state"]) for r in rows)
        assert states["email", "outbox"] == 3 * (self.fresh // 2)
        by_text = Counter(self.carrier.handed)
        assert not by_text or max(by_text.values()) == 1
        assert {r["attempts"] for r in rows if r["channel"] == "sms"} <= {1}
        texts = {text for _, text in by_text}
        for row in rows:
            if row["state"] == "sent":
                assert row["body"] in texts
        sms = states["sms", "sent"] + states["sms", "unknown"]
        assert sms == 3 * (self.fresh - self.fresh // 2)
        assert states["sms", "sent"] <= len(by_text) <= sms
        old = self.query(
            "SELECT DISTINCT state FROM notify.notices WHERE event_source <> '/fresh'"
            " AND audience = 'citizen'"
        )
        assert {r["state"] for r in old} <= {"withheld", "unreachable", "cancelled"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with instance(tmp_path_factory.mktemp("crashes")) as running:
        carrier = Carrier()
        running.extra = {
            "MOTCUA_NOTIFY_KANNEL_URL": carrier.url,
            "MOTCUA_NOTIFY_QUIET_HOURS": "",
            "MOTCUA_ACK_WAIT": str(ACK_WAIT),
        }
        world = World(running, carrier)
        for name in NAMES:
            world.start(name)
        for name in NAMES:
            running.wait_ready(name)
        for plan in PLANS:
            running.apply_plan(plan)
        yield world
        carrier.server.shutdown()


def kill_each(world: World, seed: str, size: int) -> None:
    """Post ``size`` events, a part of them twice, and kill every service on the way."""
    running = world.running

    def again(name: str) -> Callable[[], None]:
        def act() -> None:
            running.kill(name)
            world.start(name)

        return act

    made = make_world(seed, size)
    killed = ("quota", "reporting", "notify", "intake", "intake")
    world.post(
        made + made[: size * 15 // 100],
        {size // world.batch * (2 * n + 1) // 10: again(name) for n, name in enumerate(killed)},
    )
    world.post_fresh(60, {1: again("notify")})
    world.check()


def kill_a_replica_of_each(world: World, seed: str, size: int) -> None:
    """Post ``size`` events to two replicas of each consumer, and kill one of each on the way."""
    running = world.running
    for name in CONSUMERS:
        world.start(name, 1)
    for name in CONSUMERS:
        running.wait_ready(name, 1)

    def kill_first() -> None:
        for name in CONSUMERS:
            running.kill(name)

    world.post(make_world(seed, size), {5: kill_first})
    world.post_fresh(60)
    for name in CONSUMERS:
        world.start(name)
    for name in CONSUMERS:
        running.wait_ready(name)
    world.check()
    for name in CONSUMERS:
        running.kill(name, 1)


def kill_the_broker(world: World, seed: str, size: int) -> None:
    stores = world.running.urls
    world.post(
        make_world(seed, size),
        {2: lambda: stores.tell("kill broker"), 7: lambda: stores.tell("start broker")},
    )
    world.post_fresh(20)
    world.check()


def kill_the_database(world: World, seed: str, size: int) -> None:
    stores = world.running.urls
    world.post(make_world(seed, size), {3: lambda: stores.tell("kill database", "start database")})
    world.post_fresh(20)
    world.check()


def wipe_the_broker(world: World, seed: str, size: int) -> None:
    """It loses its storage while everything runs."""
    stores = world.running.urls
    world.post(
        make_world(seed, size),
        {4: lambda: stores.tell("kill broker", "wipe broker", "start broker")},
    )
    world.post_fresh(20)
    world.check()


def wipe_the_broker_at_rest(world: World, seed: str, size: int) -> None:
    """It loses its storage while everything is down."""
    stores = world.running.urls
    world.post(make_world(seed, size))
    world.running.stop()
    stores.tell("stop broker", "wipe broker", "start broker")
    for name in NAMES:
        world.start(name)
    for name in NAMES:
        world.running.wait_ready(name)
    world.post_fresh(20)
    world.check()


def test_each_service_killed_amid_events(world: World) -> None:
    kill_each(world, "w1", 1_000)


def test_two_replicas_of_each_consumer_one_of_them_killed(world: World) -> None:
    kill_a_replica_of_each(world, "w2", 600)


def test_broker_killed(world: World) -> None:
    kill_the_broker(world, "w3", 400)


def test_database_killed(world: World) -> None:
    kill_the_database(world, "w4", 400)


def test_broker_loses_its_storage_while_everything_runs(world: World) -> None:
    wipe_the_broker(world, "w5", 400)


def test_broker_loses_its_storage_while_everything_is_down(world: World) -> None:
    wipe_the_broker_at_rest(world, "w6", 400)


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_the_same_amid_ten_thousand_events(world: World) -> None:
    world.batch = FULL_BATCH
    kill_each(world, "w0", 10_000)
    kill_a_replica_of_each(world, "w7", 1_500)
    for n, break_it in enumerate(
        (kill_the_broker, kill_the_database, wipe_the_broker, wipe_the_broker_at_rest)
    ):
        break_it(world, f"w8{n}", 1_000)
