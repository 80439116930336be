"""`motcua migrate`: bring every service's schema to its newest revision."""

from __future__ import annotations

import asyncio
import importlib
from pathlib import Path

from shared.cli.environment import SERVICES, setting
from shared.cli.up import say
from shared.db import Database
from shared.embedded.home import Home, read_json
from shared.embedded.postgres import OWNER, Postgres
from shared.embedded.process import free_port
from shared.embedded.supervisor import Supervisor, end_leftovers

READY_SECONDS = 60.0


async def run(data_dir: Path) -> None:
    """Migrate the database of DATABASE_URL, else the data directory's own, started for it.

    Raises:
        EmbeddedError: the embedded database cannot be started.
    """
    if url := setting("DATABASE_URL"):
        await _migrate(dict.fromkeys(SERVICES, url))
        return
    home = Home(data_dir)
    passwords = read_json(home.path / "passwords.json")
    if port := read_json(home.instance_file).get("ports", {}).get("database"):
        running = Postgres(home.path / "postgres", home.log("database"), port, passwords)
        await _migrate({name: running.url(name) for name in SERVICES})
        return
    await _migrate_stopped(home)


async def _migrate_stopped(home: Home) -> None:
    home.open()
    supervisor = Supervisor(home.children_file, say)
    try:
        end_leftovers(home.children_file, say)
        passwords = home.passwords((OWNER, "broker", *SERVICES))
        port = free_port(home.ports().get("database"))
        database = Postgres(home.path / "postgres", home.log("database"), port, passwords)
        database.prepare()
        await supervisor.start(database.command())
        await asyncio.wait_for(database.ready(), READY_SECONDS)
        await database.provision(SERVICES)
        await _migrate({name: database.url(name) for name in SERVICES})
    finally:
        await supervisor.stop("database")
        home.close()


async def _migrate(urls: dict[str, str]) -> None:
    # By name: what is shared knows no service.
    root = Path(next(iter(importlib.import_module("services").__path__)))
    for name, url in urls.items():
        database = Database(url, name, pool=2)
        try:
            await database.migrate(root / name / "migrations")
        finally:
            await database.close()
        say(f"{name} is up to date")
