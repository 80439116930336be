"""A running instance for tests: real stores, real service processes, real kills."""

import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx

from shared.embedded.process import free_port
from tests.nursery import Forked, nursery

ADMIN = "mc_admin_" + "t" * 43
HASH_KEY = "k" * 48
ROOT = Path(__file__).parent.parent
NAMES = ("intake", "quota", "notify", "reporting")
HOST_ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


class Instance:
    """Services of one instance; replicas share the stores.

    ``quick`` forks them from processes that have the program loaded, where the time or the memory
    of a start is not what is looked at.
    """

    quick = False

    def __init__(self, urls: "Stores", folder: Path) -> None:
        self.urls, self.folder = urls, folder
        self.ports: dict[str, int] = {}
        self.processes: dict[str, subprocess.Popen[bytes] | Forked] = {}
        self.http = httpx.Client(headers={"Authorization": f"Bearer {ADMIN}"}, timeout=30)
        self.extra: dict[str, str] = {}

    def start(self, name: str, replica: int = 0, **settings: str) -> None:
        """Start a service, or another replica of it."""
        label = f"{name}-{replica}"
        self.ports.setdefault(label, free_port())
        log = self.folder / f"{label}.log"
        env = {
            **{k: v for k, v in os.environ.items() if not k.startswith("MOTCUA_")},
            "DATABASE_URL": self.urls[name],
            "NATS_URL": self.urls["nats"],
            "MOTCUA_ADMIN_KEY": ADMIN,
            "MOTCUA_HASH_KEY": HASH_KEY,
            "MOTCUA_PORT": str(self.ports[label]),
            **self.extra,
            **settings,
        }
        if self.quick:
            self.processes[label] = nursery(name).start(env, log)
            return
        argv = [sys.executable, "-m", "shared.cli.main", "serve", name]
        with log.open("ab") as output:
            self.processes[label] = subprocess.Popen(
                argv, env=env, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT
            )

    def start_all(self) -> "Instance":
        for name in NAMES:
            self.start(name)
        for name in NAMES:
            self.wait_ready(name)
        return self

    def wait_ready(self, name: str, replica: int = 0, seconds: float = 60) -> None:
        def ready() -> bool:
            with contextlib.suppress(httpx.HTTPError):
                return self.http.get(self.url(name, "/readyz", replica)).status_code == 200
            return False

        wait_for(ready, seconds, lambda: self.log(name, replica)[-2000:])

    def url(self, name: str, path: str = "", replica: int = 0) -> str:
        return f"http://127.0.0.1:{self.ports[f'{name}-{replica}']}{path}"

    def kill(self, name: str, replica: int = 0) -> None:
        """SIGKILL, as a crash would."""
        process = self.processes.pop(f"{name}-{replica}")
        process.send_signal(signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        for process in self.processes.values():
            process.send_signal(signal.SIGKILL)
        for process in self.processes.values():
            process.wait()
        self.processes.clear()

    def log(self, name: str, replica: int = 0) -> str:
        path = self.folder / f"{name}-{replica}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    # -- the surfaces ------------------------------------------------------------------------

    def get(self, service: str, path: str, **params: Any) -> Any:
        answer = self.http.get(self.url(service, path), params=params)
        answer.raise_for_status()
        return answer.json()

    def post(self, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Post events in batches; returns all results."""
        results: list[dict[str, Any]] = []
        for start in range(0, len(events), 200):
            answer = self.http.post(
                self.url("intake", "/v1/events"),
                content=json.dumps(events[start : start + 200]),
                headers={"Content-Type": "application/cloudevents-batch+json"},
            )
            answer.raise_for_status()
            results += answer.json()["results"]
        return results

    def apply_plan(self, plan: str) -> dict[str, Any]:
        """Apply a plan that ships with the product."""
        answer = self.http.put(
            self.url("quota", f"/v1/plans/{plan}"),
            content=(ROOT / "deploy" / "plans" / f"{plan}.yaml").read_bytes(),
        )
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    def settle(self, services: tuple[str, ...] = NAMES, seconds: float = 120) -> None:
        """Wait until nothing is unpublished and nothing is unconsumed."""

        def quiet() -> bool:
            # One after the other: what an earlier one still has to do will keep the later ones busy.
            with contextlib.suppress(httpx.HTTPError, KeyError):
                if self.get("intake", "/v1/status")["unpublished"]:
                    return False
                others = (self.get(name, "/v1/status") for name in services if name != "intake")
                return not any(f["unpublished"] or any(f["lag"].values()) for f in others)
            return False

        wait_for(quiet, seconds)
        time.sleep(0.3)
        wait_for(quiet, seconds)


def wait_for(
    check: Callable[[], Any], seconds: float = 30, explain: Callable[[], str] = lambda: ""
) -> Any:
    """Poll until ``check`` gives something true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = check()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"nothing after {seconds} s {explain()}")


class Stores(dict[str, str]):
    """The addresses of a running broker and database, and a hand on both.

    ``model`` is where a folder to copy from is kept, shared by all workers of a run.
    """

    model: Path | None = None

    def __init__(self, urls: dict[str, str], process: subprocess.Popen[str], folder: Path) -> None:
        super().__init__(urls)
        self.process, self.folder = process, folder

    def tell(self, *orders: str) -> None:
        """Order ``kill``, ``stop``, ``wipe`` or ``start`` of ``broker`` or ``database``."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        for order in orders:
            self.process.stdin.write(order + "\n")
            self.process.stdin.flush()
            assert self.process.stdout.readline() == "done\n", order

    def log(self, name: str) -> str:
        return (self.folder / "logs" / f"{name}.log").read_text(errors="replace")


@contextlib.contextmanager
def stores(folder: Path, schemas: bool = True, kept: bool = False) -> Iterator[Stores]:
    """A real broker and a real database, for as long as the block runs; what they hold is ``kept``
    only if asked.

    The services' schemas are there already, at their newest, where ``Stores.model`` says what to
    copy; without ``schemas``, and where it says nothing, all is made from nothing.
    """
    if schemas and Stores.model is not None:
        copy_of(Stores.model, folder)
    process = subprocess.Popen(
        host_command(folder),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=HOST_ENVIRONMENT,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield Stores(json.loads(process.stdout.readline()), process, folder)
    finally:
        process.stdin.close()
        process.wait(timeout=60)
        for name in () if kept else ("postgres", "nats"):  # dozens of megabytes each; the logs stay
            shutil.rmtree(folder / name, ignore_errors=True)


def copy_of(model: Path, folder: Path) -> None:
    """Copy the model's folder, which is made first where there is none."""
    with open(model.with_suffix(".lock"), "w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not model.exists():
            fresh = model.with_suffix(".new")
            subprocess.run(
                [*host_command(fresh), "--model"], cwd=ROOT, env=HOST_ENVIRONMENT, check=True
            )
            fresh.rename(model)
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", f"{model}/.", folder], check=True)


def host_command(folder: Path) -> list[str]:
    return [sys.executable, str(Path(__file__).parent / "stores_host.py"), str(folder)]


@contextlib.contextmanager
def instance(folder: Path, kept: bool = False) -> Iterator[Instance]:
    """Stores and an instance on them, not yet started; see `stores`."""
    with stores(folder / "stores", kept=kept) as urls:
        running = Instance(urls, folder)
        try:
            yield running
        finally:
            running.stop()
