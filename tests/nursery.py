"""Service processes that start quickly: forked from one that has the program loaded already.

One nursery for each service is kept by the process that runs the tests; they are forks of one that
has loaded what all services have in common. What a nursery forks is the same program as ``motcua
serve NAME`` with its own environment, and dies by the same signals; what is saved is reading the
same modules anew hundreds of times. ``motcua up`` and what is started by containers is tested with
processes of their own.

``TEST_CLOCK`` in that environment names a file with the seconds by which its clock is ahead of the
machine's, so that a test has a night end when it likes.
"""

import atexit
import contextlib
import gc
import importlib
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import IO, NoReturn

SERVICES = ("intake", "quota", "notify", "reporting")
ROOT = Path(__file__).parent.parent
LOADED = (
    "alembic.command", "alembic.config", "anyascii._data", "asyncpg", "fastapi.telemetry",
    "holidays.countries", "httptools", "shared.cli.environment", "shared.cli.main",
    "shared.cli.serve", "sqlalchemy.dialects.postgresql.asyncpg", "uvicorn.protocols.http.auto",
    "uvicorn.lifespan.on", "uvloop",
)  # fmt: skip


class Forked:
    """A process of a nursery, as ``subprocess.Popen`` shows its own; how it ended is not known."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        try:
            self._handle = os.pidfd_open(pid)
        except ProcessLookupError:
            self._handle = -1

    def poll(self) -> bool:
        """Whether it is gone."""
        return self._gone(0)

    def wait(self, timeout: float | None = None) -> None:
        """Return once it is gone. TimeoutExpired: it is still there."""
        if not self._gone(timeout):
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal; one that is gone gets none."""
        if not self.poll():
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _gone(self, seconds: float | None) -> bool:
        if self._handle >= 0 and select.select([self._handle], [], [], seconds)[0]:
            os.close(self._handle)
            self._handle = -1
        return self._handle < 0


class Nursery:
    """The process that forks those of one service, by the ends of two pipes: orders to it, answers
    from it."""

    def __init__(self, orders: int, answers: int) -> None:
        self.orders, self.answers = os.fdopen(orders, "w"), os.fdopen(answers)

    def start(self, env: dict[str, str], log: Path) -> Forked:
        """Start the service with this environment; what it prints goes to ``log``."""
        self.orders.write(json.dumps({"env": env, "log": str(log)}) + "\n")
        self.orders.flush()
        return Forked(int(self.answers.readline()))

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.orders.close()


_kept: dict[str, Nursery] = {}


def nursery(service: str) -> Nursery:
    """This process's nursery of a service; all are made at the first call."""
    if not _kept:
        _kept.update(found())
    return _kept[service]


def found() -> dict[str, Nursery]:
    """Start a process that loads what all services have in common, and forks their nurseries."""
    pipes = {name: (os.pipe(), os.pipe()) for name in SERVICES}
    theirs = {name: (orders[0], answers[1]) for name, (orders, answers) in pipes.items()}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.nursery", json.dumps(theirs)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        pass_fds=[end for ends in theirs.values() for end in ends],
    )
    for end in (end for ends in theirs.values() for end in ends):
        os.close(end)
    made = {name: Nursery(orders[1], answers[0]) for name, (orders, answers) in pipes.items()}

    def close() -> None:
        for each in made.values():
            each.close()
        process.wait()

    atexit.register(close)
    return made


def main(pipes: dict[str, tuple[int, int]]) -> None:
    """Fork a nursery for each service, and wait for all of them."""
    load(LOADED)
    for service, ends in pipes.items():
        if os.fork() == 0:
            for end in (end for others in pipes.values() for end in others):
                if end not in ends:
                    os.close(end)
            serve(service, os.fdopen(ends[0]), os.fdopen(ends[1], "w"))
            os._exit(0)
    for end in (end for ends in pipes.values() for end in ends):
        os.close(end)
    for _ in pipes:
        os.wait()


def load(names: Iterable[str]) -> None:
    """Load modules, for good: what is forked shares them."""
    for name in names:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()


def serve(service: str, orders: IO[str], answers: IO[str]) -> None:
    """Load the service, then fork one for each order, until they end."""
    load([f"services.{service}.app"])
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries what ended
    parent = os.getpid()
    for line in orders:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            become(service, order, parent, orders, answers)
        answers.write(f"{pid}\n")
        answers.flush()


def become(service: str, order: dict, parent: int, orders: IO[str], answers: IO[str]) -> NoReturn:
    """What `motcua serve` is, from here on."""
    from shared.cli.main import main as motcua
    from shared.embedded.process import tie

    code = 1
    try:
        tie(parent, signal.SIGKILL)()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for given in (orders, answers):
            os.close(given.fileno())
        log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((nothing, 0), (log, 1), (log, 2)):
            os.dup2(source, target)
        os.close(nothing)
        os.close(log)
        os.environ.clear()
        os.environ.update(order["env"])
        if "TEST_CLOCK" in os.environ:
            set_clock(Path(os.environ["TEST_CLOCK"]))
        sys.argv = ["motcua", "serve", service]
        motcua()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def set_clock(ahead: Path) -> None:
    """Have the program's clock be as many seconds ahead as a file says, whenever it is read."""
    from datetime import UTC, datetime, timedelta

    from shared import clock

    clock.now = lambda: datetime.now(UTC) + timedelta(seconds=float(ahead.read_text()))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
