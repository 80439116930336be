"""The whole embedded system as `motcua up` runs it, in a folder of its own."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx

from shared.embedded.home import Home
from shared.embedded.postgres import DATABASE, OWNER
from shared.embedded.process import free_port, is_free
from tests.instance import ROOT

NAMES = ("reporting", "intake", "quota", "notify")


class System:
    """A running system: its addresses, and what its processes use."""

    def __init__(self, folder: Path, port: int, process: subprocess.Popen[str]) -> None:
        self.process = process
        home = Home(folder)
        self.key = home.admin_key_file.read_text().strip()
        self.urls = {name: f"http://127.0.0.1:{port + n}" for n, name in enumerate(NAMES)}
        words, ports = home.passwords((OWNER, "broker")), home.ports()
        host = f"127.0.0.1:{ports['database']}"
        self.database_url = f"postgresql://{OWNER}:{words[OWNER]}@{host}/{DATABASE}"
        self.nats_url = f"nats://motcua:{words['broker']}@127.0.0.1:{ports['broker']}"
        self.http = httpx.Client(headers={"Authorization": f"Bearer {self.key}"}, timeout=30)

    def pids(self) -> list[int]:
        """The parent and everything below it."""
        return family(self.process.pid)

    def memory(self) -> tuple[int, int]:
        """(PSS, RSS) of all processes, bytes; PSS counts a shared page once."""
        pss = rss = 0
        for pid in self.pids():
            with contextlib.suppress(OSError):
                for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                    name, _, value = line.partition(":")
                    if name == "Pss":
                        pss += int(value.split()[0]) << 10
                    elif name == "Rss":
                        rss += int(value.split()[0]) << 10
        return pss, rss

    def cpu(self) -> dict[str, float]:
        """Seconds of CPU used so far, by what used them."""
        used: dict[str, float] = {}
        for pid in self.pids():
            with contextlib.suppress(OSError):
                words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
                name = "supervisor" if pid == self.process.pid else _name(words)
                used[name] = used.get(name, 0.0) + _seconds(pid)
        return used


def family(first: int) -> list[int]:
    """A process and everything below it."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    found = [first]
    for pid in found:
        found += children.get(pid, [])
    return found


def cpu_of(first: int) -> float:
    """Seconds of CPU that a process and everything below it have used so far."""
    used = 0.0
    for pid in family(first):
        with contextlib.suppress(OSError):
            used += _seconds(pid)
    return used


def _seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _name(words: list[str]) -> str:
    if "serve" in words:
        return words[words.index("serve") + 1]
    return "broker" if "nats-server" in words[0] else "database"


@contextlib.contextmanager
def running(folder: Path, settings: Mapping[str, str] | None = None) -> Iterator[System]:
    """Start everything, with some settings besides the defaults, and stop it at the end."""
    port = next(p for p in iter(free_port, None) if all(is_free(p + n) for n in range(4)))
    argv = [sys.executable, "-m", "shared.cli.main", "up", "--data-dir", str(folder)]
    plain = {
        k: v
        for k, v in os.environ.items()
        if not k.startswith("MOTCUA_") and k not in ("DATABASE_URL", "NATS_URL")
    } | dict(settings or {})
    with subprocess.Popen(
        [*argv, "--port", str(port)], cwd=ROOT, env=plain, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            said = []
            for line in process.stdout:
                said.append(line)
                if line.strip() == "ready":
                    break
            else:
                raise SystemExit("the system did not start:\n" + "".join(said))
            yield System(folder, port, process)
        finally:
            process.send_signal(signal.SIGTERM)


def put_plan(system: System, name: str, text: str) -> None:
    """Apply a plan."""
    system.http.put(
        f"{system.urls['quota']}/v1/plans/{name}", content=text.encode()
    ).raise_for_status()


def read_json(answer: httpx.Response) -> dict:
    """The body of a good answer."""
    answer.raise_for_status()
    return json.loads(answer.content)
