"""How much a carrier is given at once: less after it complained, more while it does not."""

import asyncio

FIRST_PAUSE = 0.2
LONGEST_PAUSE = 5.0


class Window:
    """Places for ``most`` requests; a complaint halves them, and nothing leaves for a while."""

    def __init__(self, most: int) -> None:
        self.most, self.limit = most, float(most)
        self.used = 0
        self.pause = 0.0
        self._until = 0.0
        self._freed = asyncio.Event()

    async def enter(self) -> None:
        """Wait for a place."""
        loop = asyncio.get_running_loop()
        while True:
            rest = self._until - loop.time()
            if rest > 0:
                await asyncio.sleep(rest)
            elif self.used < int(self.limit):
                self.used += 1
                return
            else:
                self._freed.clear()
                await self._freed.wait()

    def leave(self) -> None:
        """Give a place back."""
        self.used -= 1
        self._freed.set()

    def slow_down(self) -> None:
        """The carrier complained. Complaints about what left before the last one count once."""
        now = asyncio.get_running_loop().time()
        if now < self._until:
            return
        self.limit = max(1.0, self.limit / 2)
        self.pause = min(LONGEST_PAUSE, max(FIRST_PAUSE, self.pause * 2))
        self._until = now + self.pause

    def speed_up(self) -> None:
        """The carrier took something."""
        self.limit = min(float(self.most), self.limit + 1 / self.limit)
        if self.limit >= self.most:
            self.pause = 0.0
        self._freed.set()
