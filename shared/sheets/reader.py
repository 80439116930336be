"""Reading a file's rows, batch by batch, through a process that may fail without harm."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterable, AsyncIterator
from pathlib import Path
from typing import Any

import orjson

from shared.embedded.process import tie
from shared.sheets import faults
from shared.sheets.child import rows_of
from shared.sheets.opening import Limits

MEMORY = 2 << 30
"""Bytes of address space that the reading process may have."""
SILENCE = 120.0
"""Seconds without a sign of the reading process after which it is given up."""

Batch = list[tuple[int, list[Any]]]
_ROOT = str(Path(__file__).resolve().parent.parent.parent)


def environment() -> dict[str, str]:
    """What a process that handles strangers' files is told: no address and no secret of ours."""
    path = os.pathsep.join(filter(None, (_ROOT, os.environ.get("PYTHONPATH"))))
    return {"PYTHONPATH": path, "PATH": os.environ.get("PATH", "")}


class Reader:
    """One reading of a file. Use as a context manager; what is read last is ``batches``.

    Args:
        data: the file, in chunks.
        sheet: its name, or its number counted from 1; None: the first that holds anything.
    """

    def __init__(self, data: AsyncIterable[bytes], sheet: str | None, limits: Limits) -> None:
        self._data, self._sheet, self._limits = data, sheet, limits
        self._feeding: asyncio.Task[None] | None = None
        self.opened: dict[str, Any] = {}

    async def __aenter__(self) -> "Reader":
        """Start reading and learn what the file is.

        Raises:
            Unreadable: it is no list.
        """
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "shared.sheets.child"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=environment(),
            start_new_session=True,
            preexec_fn=tie(os.getpid(), signal.SIGKILL),
        )
        self._feeding = asyncio.create_task(self._feed())
        try:
            self.opened = await self._frame()
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._end()

    async def batches(self) -> AsyncIterator[Batch]:
        """Rows with their numbers (from 1), a few hundred at a time.

        Raises:
            Unreadable: the file turns out to be damaged or too large.
        """
        while "end" not in (frame := await self._frame()):
            yield list(rows_of(frame))

    async def _feed(self) -> None:
        stdin = self._process.stdin
        assert stdin is not None
        request = {
            "memory": MEMORY,
            "sheet": self._sheet,
            "unpacked": self._limits.unpacked,
            "rows": self._limits.rows,
            "columns": self._limits.columns,
        }
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            stdin.write(orjson.dumps(request) + b"\n")
            async for chunk in self._data:
                stdin.write(chunk)
                await stdin.drain()
            stdin.close()

    async def _frame(self) -> dict[str, Any]:
        stdout = self._process.stdout
        assert stdout is not None
        try:
            async with asyncio.timeout(SILENCE):
                size = int.from_bytes(await stdout.readexactly(4), "big")
                frame = orjson.loads(await stdout.readexactly(size))
        except (asyncio.IncompleteReadError, TimeoutError):
            if self._feeding is not None and self._feeding.done():
                self._feeding.result()  # the file could not be fetched: that is not its fault
            raise faults.unreadable(faults.TOO_MUCH) from None
        if "error" in frame:
            code, message, status = frame["error"]
            raise faults.Unreadable(code, message, status)
        return frame

    async def _end(self) -> None:
        if self._feeding is not None:
            self._feeding.cancel()
            await asyncio.gather(self._feeding, return_exceptions=True)
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
