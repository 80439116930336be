"""How much may be under way at once: what comes beyond is asked to come again."""

import contextlib
from collections.abc import AsyncIterator

from fastapi import Request

from shared.http import IDENTITY
from shared.problems import Problem


class Gate:
    """Lets requests in while what they hold together stays below a limit.

    Args:
        most_bytes: of all requests together.
        request_bytes: what one may be, packed or unpacked.
    """

    def __init__(self, most_bytes: int, request_bytes: int) -> None:
        self.most_bytes, self.request_bytes = most_bytes, request_bytes
        self.held = 0

    @contextlib.asynccontextmanager
    async def enter(self, request: Request) -> AsyncIterator[None]:
        """Hold what the request may come to; raises ``Problem`` 503 where that is too much."""
        size = self._size(request)
        if self.held and self.held + size > self.most_bytes:
            raise Problem(503, "Too much is under way.", headers={"Retry-After": "1"})
        self.held += size
        try:
            yield
        finally:
            self.held -= size

    def _size(self, request: Request) -> int:
        declared = request.headers.get("content-length", "")
        packed = request.headers.get("content-encoding", "").strip().lower() not in IDENTITY
        if packed or not declared.isdigit():
            return self.request_bytes
        return min(int(declared), self.request_bytes)
