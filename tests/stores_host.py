"""A process that keeps a real broker and a real database in a folder until its input closes."""

import asyncio
import json
import sys
from pathlib import Path

from shared.embedded.home import Home
from shared.embedded.nats import Nats
from shared.embedded.postgres import OWNER, Postgres
from shared.embedded.process import free_port
from shared.embedded.supervisor import Supervisor

SERVICES = ("intake", "quota", "notify", "reporting")


async def main() -> None:
    home = Home(Path(sys.argv[1]))
    home.open()
    words = home.passwords((OWNER, "broker", *SERVICES))
    broker = Nats(home.path / "nats", home.log("broker"), free_port(), words["broker"])
    database = Postgres(home.path / "postgres", home.log("database"), free_port(), words)
    supervisor = Supervisor(home.children_file, lambda _text: None)
    await supervisor.start(broker.command())
    database.prepare()
    await supervisor.start(database.command())
    await asyncio.wait_for(broker.ready(), 60)
    await asyncio.wait_for(database.ready(), 60)
    await database.provision(SERVICES)
    urls = {"nats": broker.url, **{name: database.url(name) for name in SERVICES}}
    urls["owner"] = database.url(OWNER)
    print(json.dumps(urls), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    for name in ("broker", "database"):
        await supervisor.stop(name)


asyncio.run(main())
