"""The system as docker-compose.yml puts it together, without Docker.

No Docker engine runs where the tests run. So everything that a container would be given is taken
from the deployment files themselves and run as plain processes: the files that deploy/Dockerfile
copies, the secrets of deploy/secrets, the broker by deploy/nats/start under deploy/nats/*.conf, a
PostgreSQL prepared by deploy/postgres/roles.sh, and each service by the command and environment of
docker-compose.yml. Only places are changed, and each such change is written down in `Machine`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import nats
import pytest
import yaml
from nats.aio.client import Client

from shared import events
from shared.cli import environment
from shared.embedded.postgres import OWNER, Postgres, installation
from shared.embedded.process import free_port, options
from tests.builders import install, submitted
from tests.instance import NAMES, Instance, wait_for

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
TOOLS = Path(sys.executable).parent
USERS = (*NAMES, "provisioner")


class Machine:
    """One folder in the place of the containers' file systems."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.secrets = folder / "secrets"
        self.app = folder / "app"
        self.ports = {name: free_port() for name in ("broker", "health", "database", *NAMES)}
        self.processes: list[subprocess.Popen[bytes]] = []

    def secret(self, name: str) -> str:
        return (self.secrets / name).read_text().strip()

    # -- what changes its place --------------------------------------------------------------

    def make_secrets(self) -> None:
        """By deploy/secrets; in the URLs the containers' names become ports of this machine."""
        script = [str(ROOT / "deploy" / "secrets"), str(self.secrets)]
        subprocess.run(script, check=True, stdout=subprocess.DEVNULL)
        for url in self.secrets.glob("*_url_*"):
            text = url.read_text()
            text = text.replace("@broker:4222", f"@127.0.0.1:{self.ports['broker']}")
            text = text.replace("@database:5432", f"@127.0.0.1:{self.ports['database']}")
            url.chmod(0o600)
            url.write_text(text)
        (self.secrets / "nats_source-example").write_text("7e7\n")

    def make_app(self) -> None:
        """Exactly what deploy/Dockerfile copies, as /app."""
        for *sources, target in copied():
            for source in sources:
                place = self.app / target
                place = place / source if target.endswith("./") or target == "." else place
                place.parent.mkdir(parents=True, exist_ok=True)
                if (ROOT / source).is_dir():
                    shutil.copytree(
                        ROOT / source, place, ignore=shutil.ignore_patterns("__pycache__")
                    )
                else:
                    shutil.copy(ROOT / source, place)

    def broker_configuration(self) -> Path:
        """deploy/nats of /app; /data and the ports, fixed in a container, are moved.

        The example of a source is taken out of its comment, as it says.
        """
        conf = self.app / "deploy" / "nats" / "nats.conf"
        text = conf.read_text()
        for old, new in {
            '"/data/jetstream"': f'"{self.folder / "jetstream"}"',
            '"0.0.0.0:4222"': f'"127.0.0.1:{self.ports["broker"]}"',
            '"127.0.0.1:8222"': f'"127.0.0.1:{self.ports["health"]}"',
        }.items():
            assert text.count(old) == 1
            text = text.replace(old, new)
        conf.write_text(text)
        users = conf.with_name("users.conf")
        text = users.read_text()
        example = re.search(r"(?:^ +#   .*\n){2,}", text, re.MULTILINE)
        assert example is not None
        users.write_text(text.replace(example[0], example[0].replace("#   ", "")))
        return conf

    def environment(self, name: str) -> dict[str, str]:
        """A container's environment: secrets and listeners are moved, nothing is added."""
        clean = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("MOTCUA_", "NATS_")) and key != "DATABASE_URL"
        }
        given = {
            key: value.replace("/run/secrets", str(self.secrets))
            for key, value in SERVICES[name].get("environment", {}).items()
        }
        if name in NAMES:
            assert given["MOTCUA_HOST"] == "0.0.0.0"
            given |= {"MOTCUA_HOST": "127.0.0.1", "MOTCUA_PORT": str(self.ports[name])}
        path = f"{TOOLS}{os.pathsep}{os.environ['PATH']}"
        return clean | given | {"PYTHONPATH": str(self.app), "PATH": path}

    # -- what runs ---------------------------------------------------------------------------

    def start(self, name: str, argv: list[str], env: dict[str, str], **more: Any) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                argv, env=env, stdout=log, stderr=subprocess.STDOUT, **({"cwd": "/"} | more)
            )
        self.processes.append(process)

    def motcua(self, name: str) -> list[str]:
        """The image's entry point with a service's command."""
        return [sys.executable, "-m", "shared.cli.main", *SERVICES[name]["command"]]

    def start_broker(self) -> None:
        shell, script = SERVICES["broker"]["entrypoint"]
        argv = [shell, script.replace("/app", str(self.app)), str(self.secrets)]
        self.start("broker", [*argv, str(self.broker_configuration())], self.environment("broker"))
        health = SERVICES["broker"]["healthcheck"]["test"]
        self.wait_healthy("broker", health, ":8222/", f":{self.ports['health']}/")

    def wait_healthy(self, name: str, test: list[str], old: str, new: str) -> None:
        """Until the container's own health check, at the moved port, is content."""
        assert test[:2] == ["CMD", "python"]
        assert old in test[-1]
        argv = [sys.executable, *test[2:-1], test[-1].replace(old, new)]

        def healthy() -> bool:
            return not subprocess.run(argv, stderr=subprocess.DEVNULL, check=False).returncode

        wait_for(healthy, 60, lambda: self.log(name))

    def start_database(self) -> None:
        """PostgreSQL's own programs, then what the official image does with an empty volume."""
        words = {OWNER: self.secret("postgres_owner")}
        place = self.folder / "database"
        server = Postgres(place, self.folder / "database.log", self.ports["database"], words)
        server.prepare()
        command = server.command()
        self.start("database", list(command.argv), **options(command))
        asyncio.run(asyncio.wait_for(server.ready(), 60))
        asyncio.run(self.make_database(server))
        given = SERVICES["database"]["environment"]
        asks = {
            "PATH": f"{installation() / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "PGHOST": "127.0.0.1",
            "PGPORT": str(self.ports["database"]),
            "PGPASSWORD": self.secret("postgres_owner"),
            "SECRETS": str(self.secrets),
            "POSTGRES_USER": given["POSTGRES_USER"],
            "POSTGRES_DB": given["POSTGRES_DB"],
        }
        script = next(v for v in SERVICES["database"]["volumes"] if "initdb" in v).split(":")[0]
        for _ in range(2):  # it may be repeated
            done = subprocess.run(
                [str(ROOT / script)], env=asks, check=False, capture_output=True, text=True
            )
            assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    async def make_database(self, server: Postgres) -> None:
        connection = await asyncpg.connect(server.url(OWNER).removesuffix("motcua") + "postgres")
        name = SERVICES["database"]["environment"]["POSTGRES_DB"]
        await connection.execute(f'CREATE DATABASE "{name}"')
        await connection.close()

    def provision(self) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.motcua("provision"),
            env=self.environment("provision"),
            cwd="/",
            check=False,
            capture_output=True,
            text=True,
        )

    def start_service(self, name: str) -> None:
        self.start(name, self.motcua(name), self.environment(name))

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")[-3000:]

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.send_signal(signal.SIGINT if process.args[0].endswith("postgres") else 15)
        for process in self.processes:
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    async def connect(self, user: str, **more: Any) -> Client:
        """To the broker as one of its users, its own inbox and all."""
        given: dict[str, Any] = {"inbox_prefix": f"_INBOX_{user}", "allow_reconnect": False} | more
        return await nats.connect(self.secret(f"nats_url_{user}"), **given)


def copied() -> list[list[str]]:
    """The COPY instructions of the Dockerfile that take from the repository."""
    lines = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8").splitlines()
    return [line.split()[1:] for line in lines if line.startswith("COPY ") and "--from" not in line]


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    machine = Machine(tmp_path_factory.mktemp("deployment"))
    machine.make_secrets()
    machine.make_app()
    try:
        machine.start_broker()
        machine.start_database()
        for _ in range(2):  # each upgrade runs it again
            done = machine.provision()
            assert done.returncode == 0, done.stderr
        for name in NAMES:
            machine.start_service(name)
        for name in NAMES:
            health = SERVICES[name]["healthcheck"]["test"]
            port = 8080 + environment.SERVICES.index(name)
            machine.wait_healthy(name, health, f":{port}/", f":{machine.ports[name]}/")
        yield machine
    finally:
        machine.stop()


@pytest.fixture(scope="module")
def instance(machine: Machine) -> Iterator[Instance]:
    """The services' surfaces."""
    running = Instance({}, machine.folder)
    running.ports = {f"{name}-0": machine.ports[name] for name in NAMES}
    running.http.headers["Authorization"] = f"Bearer {machine.secret('admin_key')}"
    with contextlib.closing(running.http):
        yield running


def test_events_become_answers_under_the_deployed_rights(instance: Instance) -> None:
    instance.apply_plan("quang-tri-rthome-2019")
    applicant = {"name": "Người thử", "phone": "0900000101", "kind": "person"}
    dossier = submitted("000.00.24.H50-200302-0001", applicant=applicant)
    results = instance.post([install(1, "461"), install(2, "461", result="failed"), dossier])
    assert [result["status"] for result in results] == ["accepted"] * 3
    instance.settle()
    [row] = instance.get(
        "quota", "/v1/progress", plan="quang-tri-rthome-2019", indicator="installs", unit="461"
    )["rows"]
    assert (row["numerator"], row["target"]) == (1, 100)
    [row] = instance.get("quota", "/v1/stipends", plan="quang-tri-rthome-2019", unit="461")["rows"]
    assert (row["payable"], row["amount"]) == (1, 30_000)
    span = {"from": "2020-01-01", "to": "2020-03-31"}
    [row] = instance.get("reporting", "/v1/reports/bieu-06", **span, by="unit")["rows"]
    assert (row["unit"], row["received_total"], row["received_online"]) == ("461", 1, 1)
    notices = instance.get("notify", "/v1/notices", subject=dossier["data"]["code"])["notices"]
    assert [(one["kind"], one["reason"]) for one in notices] == [("received", "stale")]


def test_a_key_made_in_intake_reaches_every_service(instance: Instance) -> None:
    made = instance.http.post(
        instance.url("intake", "/v1/keys"), json={"name": "reader", "scopes": ["reports:read"]}
    ).json()
    headers = {"Authorization": f"Bearer {made['key']}"}
    for name in NAMES:
        wait_for(
            lambda name=name: (
                instance.http.get(instance.url(name, "/v1/whoami"), headers=headers).status_code
                == 200
            )
        )


def test_the_commands_work_from_within_a_container(machine: Machine, instance: Instance) -> None:
    """`docker compose exec intake motcua status`; the services' names become local addresses."""
    given = machine.environment("intake")
    for name in NAMES:
        old = f"http://{name}:{8080 + environment.SERVICES.index(name)}"
        assert given[f"MOTCUA_{name.upper()}_URL"] == old
        given[f"MOTCUA_{name.upper()}_URL"] = instance.url(name)
    argv = [sys.executable, "-m", "shared.cli.main", "status", "--json"]
    done = subprocess.run(argv, env=given, cwd="/", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in NAMES)


# -- what is not allowed -----------------------------------------------------------------------

CONTACTS = "motcua.contacts.any-token"

READS = (
    "$JS.API.STREAM.MSG.GET.CONTACTS",
    "$JS.API.DIRECT.GET.CONTACTS",
    f"$JS.API.DIRECT.GET.CONTACTS.{CONTACTS}",
    "$JS.API.CONSUMER.CREATE.CONTACTS",
    "$JS.API.CONSUMER.CREATE.CONTACTS.spy",
    f"$JS.API.CONSUMER.CREATE.CONTACTS.spy.{CONTACTS}",
    "$JS.API.CONSUMER.DURABLE.CREATE.CONTACTS.spy",
    "$JS.API.CONSUMER.MSG.NEXT.CONTACTS.spy",
    "$JS.API.CONSUMER.MSG.NEXT.CONTACTS.notify-contacts",
    "$JS.API.STREAM.SNAPSHOT.CONTACTS",
    "$JS.API.STREAM.CREATE.COPY",
    "$JS.API.STREAM.UPDATE.CONTACTS",
    "$JS.API.STREAM.PURGE.CONTACTS",
    "$JS.API.STREAM.DELETE.CONTACTS",
    "$JS.API.STREAM.MSG.DELETE.CONTACTS",
    "$JS.API.CONSUMER.DELETE.CONTACTS.notify-contacts",
    "$JS.ACK.CONTACTS.notify-contacts.1.1.1.1.0",
)
EARS = (">", "motcua.>", "motcua.contacts.>", "motcua.events.>", "_INBOX.>", "$JS.>", "$SYS.>")
MINE = {
    "intake": ("motcua.events.x._", "motcua.contacts.x", "motcua.keys.x"),
    "quota": (
        "motcua.plans.x.1",
        "motcua.outcomes.quota.reached.v1.461",
        "motcua.dead.quota-events",
    ),
    "notify": ("motcua.outcomes.notice.sent.v1.461", "motcua.dead.notify-events"),
    "reporting": ("motcua.dead.reporting-events",),
    "provisioner": (),
}


async def refused(
    machine: Machine, user: str, publish: tuple[str, ...] = (), listen: tuple[str, ...] = ()
) -> set[str]:
    """Which of these subjects the broker denies to a user.

    The last thing asked for is what nobody may. Refusals come in order, so once that one is there
    all others are.
    """
    said: list[str] = []
    last = asyncio.Event()

    async def note(fault: Exception) -> None:
        said.append(str(fault).lower())
        if '"nobody.may"' in said[-1]:
            last.set()

    client = await machine.connect(user, error_cb=note)
    try:
        for subject in listen:
            await client.subscribe(subject)
        for subject in (*publish, "nobody.may"):
            await client.publish(subject, b"{}", reply=f"_INBOX_{user}.answer")
        await asyncio.wait_for(last.wait(), 10)
    finally:
        await client.close()
    assert all("permissions violation" in line for line in said)
    denied = {line.split('"')[1] for line in said}
    return {subject for subject in (*publish, *listen) if subject.lower() in denied}


@pytest.mark.parametrize("user", ["intake", "quota", "reporting"])
async def test_nobody_but_notify_reads_a_contact(machine: Machine, user: str) -> None:
    # Intake takes an erased contact out of the stream; that tells it nothing of what is there.
    allowed = {"$JS.API.STREAM.PURGE.CONTACTS"} if user == "intake" else set()
    assert await refused(machine, user, publish=READS) == set(READS) - allowed


@pytest.mark.parametrize("user", USERS)
async def test_nobody_overhears_another(machine: Machine, user: str) -> None:
    ears = (*EARS, *(f"_INBOX_{other}.>" for other in USERS if other != user))
    assert await refused(machine, user, listen=ears) == set(ears)
    own = f"_INBOX_{user}.>"
    assert await refused(machine, user, listen=(own,)) == set()


@pytest.mark.parametrize("user", USERS)
async def test_nobody_speaks_in_anothers_name(machine: Machine, user: str) -> None:
    others = tuple(subject for name in MINE if name != user for subject in MINE[name])
    assert await refused(machine, user, publish=others) == set(others)


@pytest.mark.parametrize("user", NAMES)
async def test_no_service_makes_a_consumer_or_a_stream(machine: Machine, user: str) -> None:
    streams = ("EVENTS", "CONTACTS", "PLANS", "KEYS", "OUTCOMES", "DEAD")
    asks = tuple(
        f"$JS.API.{what}.{stream}{more}"
        for stream in streams
        for what, more in (
            ("CONSUMER.CREATE", ""),
            ("CONSUMER.CREATE", ".spy"),
            ("CONSUMER.DURABLE.CREATE", ".spy"),
            ("STREAM.MSG.GET", ""),
            ("DIRECT.GET", ""),
            ("STREAM.CREATE", ""),
            ("STREAM.UPDATE", ""),
            ("STREAM.DELETE", ""),
            ("STREAM.PURGE", ""),
        )
    )
    # What was erased has to leave the broker too: who can erase, and nobody else, may purge CONTACTS.
    allowed = {"$JS.API.STREAM.PURGE.CONTACTS"} if user in ("intake", "notify") else set()
    assert await refused(machine, user, publish=asks) == set(asks) - allowed


async def test_a_source_speaks_to_its_inbox_and_nothing_else(machine: Machine) -> None:
    login = f"source-example:{machine.secret('nats_source-example')}"
    url = f"nats://{login}@127.0.0.1:{machine.ports['broker']}"
    said: list[str] = []
    last = asyncio.Event()

    async def note(fault: Exception) -> None:
        said.append(str(fault).split('"')[1])
        if said[-1] == "nobody.may":
            last.set()

    client = await nats.connect(
        url, inbox_prefix="_INBOX_example", allow_reconnect=False, error_cb=note
    )
    others = [subject for subjects in MINE.values() for subject in subjects]
    wanted = ["motcua.inbox.another", "motcua.refills.events.intake", *READS, *others]
    for subject in ["motcua.inbox.example", *wanted, "nobody.may"]:
        await client.publish(subject, b"{}")
    await asyncio.wait_for(last.wait(), 10)
    await client.close()
    assert [subject.lower() for subject in said] == [s.lower() for s in [*wanted, "nobody.may"]]


async def test_the_provisioner_deletes_nothing_and_pulls_nothing(machine: Machine) -> None:
    asks = (
        "$JS.API.STREAM.DELETE.EVENTS",
        "$JS.API.STREAM.PURGE.CONTACTS",
        "$JS.API.STREAM.MSG.GET.CONTACTS",
        "$JS.API.DIRECT.GET.CONTACTS",
        "$JS.API.CONSUMER.MSG.NEXT.CONTACTS.notify-contacts",
        "$JS.API.CONSUMER.DELETE.EVENTS.quota-events",
        *(subject for user in MINE for subject in MINE[user]),
    )
    assert await refused(machine, "provisioner", publish=asks) == set(asks)


async def test_a_service_does_reach_what_is_its_own(machine: Machine) -> None:
    """The counterpart of the refusals: the same way of asking is answered where it may be."""
    for user, stream, consumer in (
        ("quota", "EVENTS", "quota-events"),
        ("notify", "CONTACTS", "notify-contacts"),
        ("reporting", "PLANS", "reporting-plans"),
    ):
        client = await machine.connect(user)
        info = await client.jetstream().consumer_info(stream, consumer)
        assert (info.num_pending, info.num_ack_pending) == (0, 0)
        await client.close()


async def test_without_the_right_password_there_is_no_connection(machine: Machine) -> None:
    at = f"127.0.0.1:{machine.ports['broker']}"
    other = machine.secret("nats_intake")

    async def note(_: Exception) -> None: ...

    for login in ("", f"quota:{other}@", "quota@", "motcua:motcua@"):
        with pytest.raises(nats.errors.Error, match="Authorization Violation"):
            await nats.connect(f"nats://{login}{at}", allow_reconnect=False, error_cb=note)


@pytest.mark.parametrize("role", NAMES)
async def test_a_service_reads_and_writes_its_own_schema_only(machine: Machine, role: str) -> None:
    connection = await asyncpg.connect(machine.secret(f"database_url_{role}"))
    try:
        assert await connection.fetchval("SELECT count(*) FROM inbox") >= 0
        assert await connection.fetchval("SELECT current_schema()") == role
        for other in NAMES:
            if other != role:
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.fetch(f"SELECT * FROM {other}.inbox")
        for statement in (
            "CREATE TABLE public.kept (text text)",
            "CREATE SCHEMA another",
            "CREATE ROLE another",
            "CREATE DATABASE another",
            "CREATE TEMP TABLE kept (text text)",
            "SELECT pg_read_file('/etc/passwd')",
        ):
            if role == "reporting" and statement == "CREATE SCHEMA another":
                continue  # it builds its store anew in a second schema, beside the one that answers
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    finally:
        await connection.close()


# -- the files among themselves ----------------------------------------------------------------


def test_compose_asks_for_exactly_the_secrets_that_are_made(machine: Machine) -> None:
    declared = {name: Path(secret["file"]).name for name, secret in COMPOSE["secrets"].items()}
    assert all(name == file for name, file in declared.items())
    made = {path.name for path in machine.secrets.iterdir()} - {"nats_source-example"}
    assert set(declared) == made
    used: set[str] = set()
    for service in SERVICES.values():
        given = set(service.get("secrets", ()))
        text = yaml.safe_dump(service.get("environment", {}))
        assert set(re.findall(r"/run/secrets/(\w+)", text)) <= given
        used |= given
    assert used == set(declared)
    assert machine.secrets.stat().st_mode & 0o777 == 0o700
    strong = {name: machine.secret(name) for name in made}
    assert len(set(strong.values())) == len(strong)
    assert all(len(text) >= 64 for text in strong.values())


def test_secrets_that_are_there_are_kept(tmp_path: Path) -> None:
    script = [str(ROOT / "deploy" / "secrets"), str(tmp_path / "kept")]
    subprocess.run(script, check=True, stdout=subprocess.DEVNULL)
    before = {path.name: path.read_text() for path in (tmp_path / "kept").iterdir()}
    (tmp_path / "kept" / "nats_url_quota").unlink()
    done = subprocess.run(script, check=True, capture_output=True, text=True)
    assert re.findall(r"made .*/(\w+)", done.stdout) == ["nats_url_quota"]
    assert {path.name: path.read_text() for path in (tmp_path / "kept").iterdir()} == before


def test_every_outcome_may_be_published_by_one_service() -> None:
    users = (ROOT / "deploy" / "nats" / "users.conf").read_text()
    allowed = re.findall(r'"motcua\.outcomes\.([a-z]+)\.>"', users)
    families = {name.split(".")[1] for name in events.OUTCOMES}
    assert sorted(allowed) == sorted(families)


def test_no_container_is_given_more_than_it_needs() -> None:
    for name, service in SERVICES.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name
        uid, _, gid = service["user"].partition(":")
        assert int(uid) > 0, name
        assert int(gid) > 0, name
        assert name == "provision" or "healthcheck" in service, name
    assert {name for name, service in SERVICES.items() if "ports" in service} == set(NAMES)
    for name in NAMES:
        [published] = SERVICES[name]["ports"]
        assert published.startswith("${PUBLISH:-127.0.0.1}:"), name
    holders = {name for name, service in SERVICES.items() if "hash_key" in service["secrets"]}
    assert holders == {"intake"}, "the key that citizens are hashed with lives in intake alone"


def test_compose_names_only_settings_that_exist() -> None:
    known = environment.known()
    for name in (*NAMES, "provision"):
        assert {key for key in SERVICES[name]["environment"] if key not in known} == set(), name


def test_the_image_is_built_from_what_docker_is_sent() -> None:
    """Everything that the Dockerfile copies passes .dockerignore, and nothing that is secret."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in lines
    sent = {line[1:] for line in lines if line.startswith("!")}
    assert {source.split("/")[0] for *sources, _ in copied() for source in sources} == sent
