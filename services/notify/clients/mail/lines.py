"""Lines that are kept open between letters."""

import asyncio

from services.notify.clients.mail.line import Line, Server
from shared import clock

CHECK_AFTER = 5.0
"""Seconds after which a kept line is asked before it is trusted."""
TEND_SECONDS = 1.0


class Lines:
    """The lines to one server that wait for a letter, the last used on top.

    Args:
        letters: after so many a line is left, as servers demand.
        idle: seconds after which an unused line is left, before the server does.
    """

    def __init__(self, server: Server, letters: int = 100, idle: float = 15.0) -> None:
        self.server, self.letters, self.idle = server, letters, idle
        self.kept: list[Line] = []
        self.partings: set[asyncio.Task[None]] = set()

    async def take(self) -> Line | None:
        """A kept line that still works; null where there is none."""
        while self.kept:
            line = self.kept.pop()
            rested = clock.monotonic() - line.used
            if not line.alive:
                line.drop()
            elif rested > self.idle:
                self.part(line)
            elif (rested <= CHECK_AFTER and not line.soiled) or await self._checked(line):
                return line
            else:
                line.drop()
        return None

    async def _checked(self, line: Line) -> bool:
        try:
            return await line.check()
        except BaseException:  # given up while it was asked
            line.drop()
            raise

    async def open(self) -> Line:
        """A new line."""
        return await Line.open(self.server)

    def give(self, line: Line) -> None:
        """Keep a line for the next letter, unless it has carried enough of them."""
        line.used = clock.monotonic()
        if not line.alive:
            line.drop()
        elif line.letters >= self.letters or not self.idle:
            self.part(line)
        else:
            self.kept.append(line)

    def part(self, line: Line) -> None:
        """Leave a line without having anybody wait for it."""
        task = asyncio.create_task(line.leave())
        self.partings.add(task)
        task.add_done_callback(self.partings.discard)

    async def tend(self) -> None:
        """For ever: leave the lines that nobody has used for long; all of them in the end."""
        try:
            while True:
                await asyncio.sleep(TEND_SECONDS)
                until = clock.monotonic() - self.idle
                for line in [line for line in self.kept if line.used < until]:
                    self.kept.remove(line)
                    self.part(line)
        finally:
            await self.close()

    async def close(self) -> None:
        """Leave all lines."""
        while self.kept:
            self.part(self.kept.pop())
        if self.partings:
            await asyncio.wait(self.partings)
