"""Keeps children running: starts one again that died, ends all of them in order."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from shared import clock
from shared.embedded.home import read_json, write_private
from shared.embedded.process import (
    Command,
    EmbeddedError,
    end_group,
    options,
    started,
)

FIRST_PAUSE = 0.5
"""Seconds before the first restart; each further one waits twice as long."""
LONGEST_PAUSE = 30.0
STEADY = 30.0
"""Seconds that a child must have lived for its earlier deaths to be forgotten."""


@dataclass(slots=True)
class Child:
    """One supervised process and its present state."""

    command: Command
    process: asyncio.subprocess.Process | None = None
    task: asyncio.Task[None] | None = None
    deaths: int = 0
    last_code: int | None = None
    stopping: bool = False
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def pid(self) -> int | None:
        running = self.process is not None and self.process.returncode is None
        return self.process.pid if running and self.process else None


class Supervisor:
    """Children by name. `record` is the file that says which processes to look for after a crash.

    Must run on the event loop of the main thread: see `process.options`.
    """

    def __init__(self, record: Path, say: Callable[[str], None]) -> None:
        self._record = record
        self._say = say
        self._hurry = asyncio.Event()
        self.children: dict[str, Child] = {}
        self.changed: Callable[[], None] = lambda: None

    async def start(self, command: Command) -> Child:
        """Start a child and keep it running until `stop`."""
        child = Child(command)
        self.children[command.name] = child
        await self._spawn(child)
        child.task = asyncio.create_task(self._keep(child), name=command.name)
        return child

    async def stop(self, *names: str) -> None:
        """End these children, all at once, and return when they are gone."""
        found = [self.children[name] for name in names if name in self.children]
        await asyncio.gather(*(self._end(child) for child in found))
        self._write()

    def hurry(self) -> None:
        """Wait for nobody any more: the ending children are killed."""
        self._hurry.set()

    async def _spawn(self, child: Child) -> None:
        command = child.command
        with command.log.open("ab") as log:
            try:
                child.process = await asyncio.create_subprocess_exec(
                    *command.argv,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=asyncio.subprocess.STDOUT,
                    **options(command),
                )
            except OSError as error:
                raise EmbeddedError(
                    f"{command.name} cannot be started: {error.strerror} ({command.argv[0]})"
                ) from error
        self._write()
        self.changed()

    async def _keep(self, child: Child) -> None:
        while True:
            assert child.process is not None
            since = clock.monotonic()
            child.last_code = await child.process.wait()
            # What this life left in its group would hold the port against the next.
            end_group(child.process.pid, signal.SIGKILL)
            if child.stopping:
                return
            self._write()
            child.deaths = 1 if clock.monotonic() - since > STEADY else child.deaths + 1
            while not child.stopping:
                pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (child.deaths - 1))
                self._say(
                    f"{child.command.name} {_how(child.last_code)}; "
                    f"starting it again in {pause:g} s (log: {child.command.log})"
                )
                try:
                    await asyncio.wait_for(child.wake.wait(), pause)
                    return
                except TimeoutError:
                    pass
                try:
                    await self._spawn(child)
                    break
                except EmbeddedError as error:
                    child.deaths += 1
                    self._say(str(error))

    async def _end(self, child: Child) -> None:
        child.stopping = True
        child.wake.set()
        if child.process is not None and child.process.returncode is None:
            child.process.send_signal(child.command.stop)
            if not await self._gone(child.process, child.command.grace):
                self._say(f"{child.command.name} does not stop: killing it")
                end_group(child.process.pid, signal.SIGKILL)
                await child.process.wait()
        if child.task is not None:
            await child.task

    async def _gone(self, process: asyncio.subprocess.Process, grace: float) -> bool:
        waits = [asyncio.create_task(process.wait()), asyncio.create_task(self._hurry.wait())]
        await asyncio.wait(waits, timeout=grace, return_when=asyncio.FIRST_COMPLETED)
        for task in waits:
            task.cancel()
        return process.returncode is not None

    def _write(self) -> None:
        running = [
            {"name": name, "pid": child.pid, "started": started(child.pid)}
            for name, child in self.children.items()
            if child.pid is not None
        ]
        write_private(self._record, json.dumps({"children": running}))


def end_leftovers(record: Path, say: Callable[[str], None]) -> None:
    """Kill what an earlier parent left running. EmbeddedError: something will not die.

    A process is only touched if it started exactly when the recorded one did.
    """
    children = read_json(record).get("children", [])
    left = [item for item in children if started(item["pid"]) == item["started"] is not None]
    for item in left:
        say(f"ending {item['name']} (process {item['pid']}), left over from an earlier run")
        # An immediate shutdown lets the database end its own children too.
        end_group(item["pid"], signal.SIGQUIT if item["name"] == "database" else signal.SIGKILL)
    until = clock.monotonic() + 10
    while left := [item for item in left if started(item["pid"]) == item["started"]]:
        if clock.monotonic() > until + 5:
            raise EmbeddedError(f"process {left[0]['pid']} ({left[0]['name']}) cannot be ended")
        if clock.monotonic() > until:
            for item in left:
                end_group(item["pid"], signal.SIGKILL)
        time.sleep(0.1)
    record.unlink(missing_ok=True)


def _how(code: int | None) -> str:
    if code is None:
        return "ended"
    if code < 0:
        return f"was killed by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"
