"""Child processes that cannot outlive their parent, and how to recognise one later."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1
# Loaded before any fork: between fork and exec it is too late to import or open libraries.
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None

_HELD: deque[socket.socket] = deque(maxlen=64)

LOG_LIMIT = 10 * 1024 * 1024
"""Bytes above which a log is set aside as `NAME.log.1` when its process is first started."""


class EmbeddedError(RuntimeError):
    """Why this machine cannot run the broker, the database or a service; one readable text."""


@dataclass(frozen=True, slots=True)
class Command:
    """What to run and how to end it.

    `stop` is sent first, SIGKILL `grace` seconds later. `orphan` is what the kernel sends when
    the parent is gone. `user` is (uid, gid) to become before the program starts.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    log: Path
    user: tuple[int, int] | None = None
    fds: tuple[int, ...] = ()
    stop: signal.Signals = signal.SIGTERM
    orphan: signal.Signals = signal.SIGKILL
    grace: float = 15.0


def tie(parent: int, orphan: signal.Signals) -> Callable[[], None]:
    """The function a new child calls before exec, so that it gets `orphan` when `parent` dies."""

    def run() -> None:
        if _LIBC is not None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, int(orphan), 0, 0, 0)
        # The parent may have died between fork and prctl: nobody would ever signal us.
        if os.getppid() != parent:
            os._exit(1)

    return run


def follow_parent() -> None:
    """Have this process asked to stop (SIGTERM) when the one that started it is gone."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)


def options(command: Command) -> dict[str, Any]:
    """The keyword arguments for `Popen`.

    Privileges are dropped by `Popen` before `tie` runs, because changing the user clears the
    parent-death signal. That signal also fires when the starting THREAD ends, hence the check.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("children are started from the main thread only")
    given: dict[str, Any] = {
        "env": dict(command.env),
        "pass_fds": command.fds,
        "start_new_session": True,
        "preexec_fn": tie(os.getpid(), command.orphan),
    }
    if command.user is not None:
        uid, gid = command.user
        given |= {"user": uid, "group": gid, "extra_groups": []}
        given["cwd"] = "/"
    return given


def started(pid: int) -> str | None:
    """When process `pid` started, in a form that no later process repeats; None: not running.

    A number alone is not enough: the kernel hands the same numbers out again.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else f"{boot}:{fields[19]}"


def end_group(pid: int, number: signal.Signals) -> None:
    """Send a signal to the process group led by `pid`; one that is gone is no error."""
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return
    except PermissionError as error:
        raise EmbeddedError(f"process {pid} belongs to another user: end it yourself") from error


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen on this port now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port(preferred: int | None = None) -> int:
    """`preferred` if it is free on loopback, else one that the kernel picks.

    The port stays bound here, without listening, until some more were asked for: so the kernel lends
    it to nobody else, while a server that allows the reuse of its address, as all of ours do, can listen.
    """
    if preferred and is_free(preferred):
        return preferred
    probe = socket.socket()
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    probe.bind(("127.0.0.1", 0))
    _HELD.append(probe)
    return int(probe.getsockname()[1])


def rotate(log: Path) -> None:
    """Set a log aside that has grown beyond `LOG_LIMIT`."""
    if log.exists() and log.stat().st_size > LOG_LIMIT:
        log.replace(log.with_name(log.name + ".1"))


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log, for the person who has to find out why it ended."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 16_384))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])
