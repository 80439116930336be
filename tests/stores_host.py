"""A process that keeps a real broker and a real database in a folder until its input closes.

It obeys lines such as ``kill broker`` (SIGKILL, and it stays down), ``stop database``, ``wipe
broker`` (its stored messages, while it is down) and ``start broker``; each is answered by ``done``.
When the input closes, both are ended at once: nobody reads what they hold any more.

With ``--model`` it makes a folder to copy others from instead: the database with every service's
schema at its newest, shut down in order.
"""

import asyncio
import json
import shutil
import signal
import sys
from pathlib import Path

from shared.embedded.home import Home
from shared.embedded.nats import Nats
from shared.embedded.postgres import OWNER, Postgres
from shared.embedded.process import end_group, free_port
from shared.embedded.supervisor import Supervisor

SERVICES = ("intake", "quota", "notify", "reporting")
ROOT = Path(__file__).parent.parent


class Host:
    """Both stores in one folder."""

    def __init__(self, folder: Path) -> None:
        self.home = Home(folder)
        self.home.open()
        self.words = self.home.passwords((OWNER, "broker", *SERVICES))
        self.stores = {
            "broker": Nats(
                self.home.path / "nats", self.home.log("broker"), free_port(), self.words["broker"]
            ),
            "database": Postgres(
                self.home.path / "postgres", self.home.log("database"), free_port(), self.words
            ),
        }
        self.supervisor = Supervisor(self.home.children_file, lambda _text: None)

    async def start(self, name: str) -> None:
        await self.supervisor.start(self.stores[name].command())
        await asyncio.wait_for(self.stores[name].ready(), 60)

    async def stop(self, name: str) -> None:
        await self.supervisor.stop(name)

    async def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        child = self.supervisor.children[name]
        child.stopping = True
        assert child.pid is not None
        assert child.task is not None
        end_group(child.pid, number)
        await child.task

    async def end(self) -> None:
        """Leave both where they are: what still runs goes without writing anything."""
        # A database that is told to go at once takes its own children along.
        numbers = {"broker": signal.SIGKILL, "database": signal.SIGQUIT}
        running = [name for name, child in self.supervisor.children.items() if child.pid]
        await asyncio.gather(*(self.kill(name, numbers[name]) for name in running))

    async def wipe(self, name: str) -> None:
        assert name == "broker"
        shutil.rmtree(self.home.path / "nats" / "jetstream")

    async def obey(self) -> None:
        """Do what the lines of the input say, until it ends."""
        while line := await asyncio.to_thread(sys.stdin.readline):
            verb, name = line.split()
            await getattr(self, verb)(name)
            print("done", flush=True)


async def make_model(folder: Path) -> None:
    """A folder with a database that has every schema."""
    from shared.db import Database  # takes long to load, and nothing else here needs it

    host = Host(folder)
    database = host.stores["database"]
    database.prepare()
    await host.start("database")
    await database.provision(SERVICES)
    for name in SERVICES:
        store = Database(database.url(name), name)
        await store.migrate(ROOT / "services" / name / "migrations")
        await store.close()
    await host.stop("database")


async def main(folder: Path) -> None:
    host = Host(folder)
    broker, database = host.stores["broker"], host.stores["database"]
    known = database.data.exists()
    database.prepare()
    await asyncio.gather(host.start("broker"), host.start("database"))
    if not known:
        await database.provision(SERVICES)
    urls = {"nats": broker.url, **{name: database.url(name) for name in SERVICES}}
    urls["owner"] = database.url(OWNER)
    print(json.dumps(urls), flush=True)
    await host.obey()
    await host.end()


asyncio.run((make_model if "--model" in sys.argv else main)(Path(sys.argv[1])))
