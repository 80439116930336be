"""A process that keeps a real broker and a real database in a folder until its input closes.

It obeys lines such as ``kill broker`` (SIGKILL, and it stays down), ``stop database``, ``wipe
broker`` (its stored messages, while it is down) and ``start broker``; each is answered by ``done``.
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

    async def kill(self, name: str) -> None:
        child = self.supervisor.children[name]
        child.stopping = True
        assert child.pid is not None
        assert child.task is not None
        end_group(child.pid, signal.SIGKILL)
        await child.task

    async def wipe(self, name: str) -> None:
        assert name == "broker"
        shutil.rmtree(self.home.path / "nats" / "jetstream")

    async def obey(self) -> None:
        """Do what the lines of the input say, until it ends."""
        while line := await asyncio.to_thread(sys.stdin.readline):
            verb, name = line.split()
            await getattr(self, verb)(name)
            print("done", flush=True)


async def main() -> None:
    host = Host(Path(sys.argv[1]))
    broker, database = host.stores["broker"], host.stores["database"]
    database.prepare()
    await asyncio.gather(host.start("broker"), host.start("database"))
    await database.provision(SERVICES)
    urls = {"nats": broker.url, **{name: database.url(name) for name in SERVICES}}
    urls["owner"] = database.url(OWNER)
    print(json.dumps(urls), flush=True)
    await host.obey()
    await host.supervisor.stop("broker", "database")


asyncio.run(main())
