"""`motcua up`: broker, database and the four services on this machine, until told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx

from shared.cli import environment
from shared.cli.environment import SERVICES, setting
from shared.cli.errors import USAGE, CommandError
from shared.embedded.home import Home, write_private
from shared.embedded.nats import Nats
from shared.embedded.postgres import OWNER, Postgres
from shared.embedded.process import (
    Command,
    EmbeddedError,
    free_port,
    is_free,
    options,
    rotate,
    tail,
)
from shared.embedded.supervisor import Supervisor, end_leftovers

FIRST_PORT = 8080
START_LIMIT = 180.0
"""Seconds until a start that has not become ready is given up."""
DEATHS_AT_START = 4
"""So many deaths before the first readiness, and the start is given up."""
WRONG_SETTINGS = 2
"""A service's exit code that no restart can help."""

Ready = Callable[["Running"], Coroutine[Any, Any, None]]


def say(text: str) -> None:
    """One line for the person at the console, at once, also through a pipe.

    A console that has gone away must not stop what it watched.
    """
    with contextlib.suppress(OSError):
        print(text, flush=True)


class Running:
    """One instance: its data directory, its ports, its children."""

    def __init__(self, home: Home, first_port: int) -> None:
        self.home = home
        self.host = setting("MOTCUA_HOST") or "127.0.0.1"
        self.ports = {name: first_port + offset for offset, name in enumerate(SERVICES)}
        self.supervisor = Supervisor(home.children_file, say)
        self.database: Postgres | None = None
        self.broker: Nats | None = None

    @property
    def urls(self) -> dict[str, str]:
        """Where the services are reached from this machine."""
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::", "") else self.host
        host = f"[{host}]" if ":" in host else host
        return {name: f"http://{host}:{port}" for name, port in self.ports.items()}

    async def start(self) -> None:
        """Start everything and return when all of it answers."""
        self.home.ensure_keys()
        passwords = self.home.passwords((OWNER, "broker", *SERVICES))
        await self._start_stores(passwords)
        self.supervisor.changed = self.write_instance
        for name in SERVICES:
            await self.supervisor.start(self._service(name))
        await self._limited("the services", self._all_ready())
        self.write_instance()

    async def stop(self) -> None:
        """Services first, then the broker, the database last."""
        self.supervisor.changed = lambda: None
        await self.supervisor.stop(*SERVICES)
        await self.supervisor.stop("broker")
        await self.supervisor.stop("database")
        self.home.instance_file.unlink(missing_ok=True)
        self.home.children_file.unlink(missing_ok=True)

    def print_urls(self) -> None:
        """What a person needs to know, without any password."""
        database = setting("DATABASE_URL") or self._database_url(OWNER)
        broker = setting("NATS_URL") or self._broker_url()
        lines = {
            "dashboard": self.urls["reporting"] + "/",
            **{name: self.urls[name] for name in ("intake", "quota", "notify")},
            "broker": " ".join(without_password(url) for url in broker.split(",")),
            "database": without_password(database),
            "data": str(self.home.path),
            "admin key": str(self.home.admin_key_file),
        }
        for name, value in lines.items():
            say(f"{name:<10} {value}")

    def write_instance(self) -> None:
        """Tell the other commands where this instance is."""
        pids = {name: child.pid for name, child in self.supervisor.children.items()}
        stores = {"broker": self.broker, "database": self.database}
        ports = {name: store.port for name, store in stores.items() if store}
        content = {"pid": os.getpid(), "urls": self.urls, "ports": self.ports | ports, "pids": pids}
        write_private(self.home.instance_file, json.dumps(content, indent=2) + "\n")

    def _source_passwords(self) -> dict[str, str]:
        """A password for each source that may publish to the broker by itself."""
        names = source_names(setting("MOTCUA_BROKER_SOURCES") or "")
        words = self.home.passwords(tuple(f"source-{name}" for name in names))
        return {name: words[f"source-{name}"] for name in names}

    async def _start_stores(self, passwords: dict[str, str]) -> None:
        known = self.home.ports()
        if not setting("NATS_URL"):
            port = free_port(known.get("broker"))
            log = self.home.log("broker")
            folder = self.home.path / "nats"
            sources = self._source_passwords()
            self.broker = Nats(folder, log, port, passwords["broker"], sources)
            await self.supervisor.start(self.broker.command())
        if not setting("DATABASE_URL"):
            port = free_port(known.get("database"))
            log = self.home.log("database")
            folder = self.home.path / "postgres"
            self.database = Postgres(folder, log, port, passwords)
            self.database.prepare()
            await self.supervisor.start(self.database.command())
        stores = {"broker": self.broker, "database": self.database}
        self.home.remember_ports({name: store.port for name, store in stores.items() if store})
        if self.broker:
            await self._limited("the broker", self.broker.ready(), "broker")
        if self.database:
            await self._limited("the database", self.database.ready(), "database")
            await self.database.provision(SERVICES)

    def _service(self, name: str) -> Command:
        log = self.home.log(name)
        rotate(log)
        given = {
            **os.environ,
            "MOTCUA_DATA_DIR": str(self.home.path),
            "DATABASE_URL": setting("DATABASE_URL") or self._database_url(name),
            "NATS_URL": setting("NATS_URL") or self._broker_url(),
            "MOTCUA_ADMIN_KEY_FILE": str(self.home.admin_key_file),
            "MOTCUA_HASH_KEY_FILE": str(self.home.hash_key_file),
            "MOTCUA_HOST": self.host,
            "MOTCUA_PORT": str(self.ports[name]),
            **{f"MOTCUA_{other.upper()}_URL": url for other, url in self.urls.items()},
            "PYTHONUNBUFFERED": "1",
        }
        argv = (sys.executable, "-m", "shared.cli.main", "serve", name)
        return Command(name=name, argv=argv, env=given, log=log)

    def _database_url(self, name: str) -> str:
        return self.database.url(name) if self.database else ""

    def _broker_url(self) -> str:
        return self.broker.url if self.broker else ""

    async def _all_ready(self) -> None:
        async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
            waiting = list(SERVICES)
            while waiting:
                waiting = [name for name in waiting if not await self._ready(client, name)]
                await asyncio.sleep(0.1 if waiting else 0)

    async def _ready(self, client: httpx.AsyncClient, name: str) -> bool:
        if self.supervisor.children[name].pid is None:
            return False
        try:
            answer = await client.get(f"{self.urls[name]}/readyz")
        except httpx.HTTPError:
            return False
        return answer.status_code == 200

    async def _limited(self, what: str, ready: Coroutine[Any, Any, None], *names: str) -> None:
        """Wait for readiness, but not for ever, and not for a child that keeps dying."""
        task = asyncio.ensure_future(ready)
        try:
            for _ in range(int(START_LIMIT * 10)):
                if (await asyncio.wait({task}, timeout=0.1))[0]:
                    return task.result()
                for name in names or SERVICES:
                    self._give_up_if_hopeless(name)
        finally:
            task.cancel()
        raise CommandError(f"{what} did not become ready in {START_LIMIT:g} s")

    def _give_up_if_hopeless(self, name: str) -> None:
        child = self.supervisor.children[name]
        wrong_settings = name in SERVICES and child.last_code == WRONG_SETTINGS
        if child.deaths and (wrong_settings or child.deaths >= DEATHS_AT_START):
            log = child.command.log
            raise CommandError(f"{name} cannot be started. The end of {log}:\n{tail(log)}")


def source_names(text: str) -> list[str]:
    """The names in MOTCUA_BROKER_SOURCES. CommandError: one cannot be a word of a subject."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    wrong = [name for name in names if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name)]
    if wrong:
        raise CommandError(
            "MOTCUA_BROKER_SOURCES: names of letters, digits, - and _, separated by commas", USAGE
        )
    return names


def without_password(url: str) -> str:
    """The URL as it may be shown."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


def check_settings() -> None:
    """Say what is wrong with the environment before anything is started.

    The whole of it goes to every service, so that a name need only mean something to one of them.

    Raises:
        CommandError: 2 with one line for each unknown name and each bad setting.
    """
    ours = {"hash_key": "0" * 64, "admin_key": None, "port": 0}
    stores = {
        "database_url": ("DATABASE_URL", "postgresql://embedded/motcua"),
        "nats_url": ("NATS_URL", "nats://embedded"),
    }
    for field, (name, embedded) in stores.items():
        if not (os.environ.get(name) or os.environ.get(f"{name}_FILE")):
            ours[field] = embedded
    environment.check(*SERVICES, **ours)


def check_ports(host: str, first_port: int) -> None:
    """Say which port is taken before anything is started. CommandError: one is."""
    if not 1 <= first_port <= 65535 - len(SERVICES) + 1:
        raise CommandError(f"--port {first_port}: choose one from 1 to {65536 - len(SERVICES)}", 2)
    taken = [
        f"{first_port + offset} ({name})"
        for offset, name in enumerate(SERVICES)
        if not is_free(first_port + offset, host)
    ]
    if taken:
        raise CommandError(
            f"port {', '.join(taken)} is taken by another program: stop it, or choose others "
            f"with --port N (N to N+{len(SERVICES) - 1} are used)"
        )


async def load_demo(running: Running, scale: float = 1.0) -> None:
    """Load the demo, or a share of it, by a process of its own: its memory is given back.

    CommandError: it failed, and has said why.
    """
    argv = (
        *(sys.executable, "-m", "shared.cli.main", "demo"),
        *("--data-dir", str(running.home.path), "--scale", str(scale)),
    )
    command = Command("demo", argv, os.environ, Path(os.devnull))
    process = await asyncio.create_subprocess_exec(*command.argv, **options(command))
    try:
        code = await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if code:
        raise CommandError("the demo could not be loaded", code)


async def run(data_dir: Path, first_port: int, after: Ready | None = None) -> None:
    """Start, call `after` once all is ready, print `ready`, stay until a signal, stop.

    Raises:
        CommandError, EmbeddedError: it cannot be started; whatever had been started is stopped.
    """
    check_settings()
    home = Home(data_dir)
    home.open()
    try:
        end_leftovers(home.children_file, say)
        running = Running(home, first_port)
        check_ports(running.host, first_port)
        await _supervise(running, after)
    finally:
        home.close()


async def _supervise(running: Running, after: Ready | None) -> None:
    asked = asyncio.Event()

    def ask() -> None:
        if asked.is_set():
            running.supervisor.hurry()
        asked.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, ask)

    async def start() -> None:
        await running.start()
        running.print_urls()
        if after is not None:
            await after(running)
        say("ready")

    starting = asyncio.create_task(start())
    waiting = asyncio.create_task(asked.wait())
    try:
        await asyncio.wait({starting, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            await waiting
            say("stopping")
    finally:
        for task in (starting, waiting):
            task.cancel()
        await asyncio.gather(starting, waiting, return_exceptions=True)
        await running.stop()


__all__ = ["FIRST_PORT", "SERVICES", "EmbeddedError", "Running", "check_ports", "run"]
