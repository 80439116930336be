"""`motcua up` as a person runs it: real broker, real database, services that only answer.

What the four services do is tested elsewhere; here they are stand-ins, found before the real
ones, so that a failing start, a bad setting or a crash can be had on purpose.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import httpx
import pytest

from shared.embedded.process import is_free, started

SERVICES = ("reporting", "intake", "quota", "notify")

APP = """
import os
from fastapi import FastAPI
from shared.settings import SettingsError


def create_app(settings):
    if os.environ.get("STAND_IN_FAULT") == "{name}":
        raise SettingsError(["MOTCUA_BATCH_SIZE: must be a number", "MOTCUA_X: unknown"])
    if os.environ.get("STAND_IN_CRASH") == "{name}":
        raise RuntimeError("broken on purpose")
    app = FastAPI()

    @app.get("/readyz")
    async def readyz():
        return {{"status": "ready"}}

    @app.get("/environment")
    async def environment():
        return dict(os.environ) | {{"pid": str(os.getpid())}}

    return app
"""


SETTINGS = """
from shared.settings import ServiceSettings


class {name}Settings(ServiceSettings):
    hash_key: str = ""
"""


@pytest.fixture(scope="module")
def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tmp_path = tmp_path_factory.mktemp("stand-ins")
    for name in SERVICES:
        folder = tmp_path / "path" / "services" / name
        folder.mkdir(parents=True)
        (folder / "__init__.py").touch()
        (folder / "app.py").write_text(APP.format(name=name))
        (folder / "settings.py").write_text(SETTINGS.format(name=name.capitalize()))
    (tmp_path / "path" / "services" / "__init__.py").touch()
    return tmp_path / "path"


class Up:
    """A running `motcua up`."""

    def __init__(self, path: Path, data: Path, port: int, **environment: str) -> None:
        clean = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("MOTCUA_") and name not in ("DATABASE_URL", "NATS_URL")
        }
        self.data, self.port = data, port
        self.said: list[str] = []
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "shared.cli.main", "up"),
                *("--data-dir", str(data), "--port", str(port)),
            ],
            cwd=path,
            env=clean | {"PYTHONPATH": f"{path}{os.pathsep}{Path.cwd()}"} | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def until(self, part: str) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line)
            if part in line:
                return line
        raise AssertionError("".join(self.said))

    def ready(self) -> Up:
        self.until("ready\n")
        assert self.said[-1] == "ready\n"
        return self

    def failed(self) -> tuple[int, str]:
        said, _ = self.process.communicate(timeout=120)
        return self.process.returncode, said

    @property
    def pids(self) -> dict[str, int]:
        return json.loads((self.data / "instance.json").read_text())["pids"]

    def environment(self, name: str) -> dict[str, str]:
        port = self.port + SERVICES.index(name)
        return httpx.get(f"http://127.0.0.1:{port}/environment", trust_env=False).json()

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=60)


@contextlib.contextmanager
def running(path: Path, data: Path, port: int, **environment: str) -> Iterator[Up]:
    up = Up(path, data, port, **environment)
    try:
        yield up
    finally:
        up.process.kill()
        up.process.wait()


def ports() -> int:
    """The first of four free ports in a row."""
    for first in range(20_000 + os.getpid() * 16 % 10_000, 32_000, 4):
        if all(is_free(first + offset) for offset in range(4)):
            return first
    raise AssertionError("no free ports")


def wait_gone(pids: Iterable[int]) -> None:
    deadline = time.monotonic() + 20
    left = list(pids)
    while left := [pid for pid in left if started(pid) is not None]:
        assert time.monotonic() < deadline, f"still alive: {left}"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def steady(stand_ins: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """One that runs for all the tests that do not stop it."""
    with running(stand_ins, tmp_path_factory.mktemp("steady") / "data", ports()) as up:
        yield up.ready()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_says_where_everything_is_and_stops_when_asked(
    stand_ins: Path, tmp_path: Path, number: signal.Signals
) -> None:
    data = tmp_path / "data"
    with running(stand_ins, data, ports()) as up:
        said = "".join(up.ready().said)
        for offset in range(4):
            assert f"http://127.0.0.1:{up.port + offset}" in said
        secrets = (data / "passwords.json").read_text()
        assert not any(word in said for word in json.loads(secrets).values())
        assert (data / "admin.key").stat().st_mode & 0o777 == 0o600
        key = (data / "admin.key").read_text().strip()
        assert key.startswith("mc_admin_")
        assert len(key) == len("mc_admin_") + 43
        assert key not in said
        pids = up.pids
        assert set(pids) == {*SERVICES, "broker", "database"}
        assert up.end(number) == 0
        wait_gone(pids.values())
        assert not (data / "instance.json").exists()


def test_each_service_is_given_its_own_login_and_the_others_addresses(steady: Up) -> None:
    up = steady
    seen = {name: up.environment(name) for name in SERVICES}
    for name, environment in seen.items():
        assert environment["DATABASE_URL"].startswith(f"postgresql://{name}:")
        assert environment["NATS_URL"].startswith("nats://")
        assert environment["MOTCUA_ADMIN_KEY_FILE"] == str(up.data / "admin.key")
        assert environment["MOTCUA_HASH_KEY_FILE"] == str(up.data / "hash.key")
        for offset, other in enumerate(SERVICES):
            url = environment[f"MOTCUA_{other.upper()}_URL"]
            assert url == f"http://127.0.0.1:{up.port + offset}"
    assert len({environment["DATABASE_URL"] for environment in seen.values()}) == 4


def test_a_killed_parent_leaves_nobody_and_the_next_start_goes_on(
    stand_ins: Path, tmp_path: Path
) -> None:
    port = ports()
    with running(stand_ins, tmp_path / "data", port) as up:
        pids = up.ready().pids
        key = (tmp_path / "data" / "admin.key").read_text()
        up.process.kill()
        up.process.wait()
        wait_gone(pids.values())
    with running(stand_ins, tmp_path / "data", port) as up:
        up.ready()
        assert (tmp_path / "data" / "admin.key").read_text() == key
        assert up.end(signal.SIGTERM) == 0


def test_what_make_started_does_not_outlive_make(stand_ins: Path, tmp_path: Path) -> None:
    port = ports()
    data = tmp_path / "data"
    command = f"{sys.executable} -m shared.cli.main up --tied --data-dir {data} --port {port}; :"
    environment = os.environ | {"PYTHONPATH": f"{stand_ins}{os.pathsep}{Path.cwd()}"}
    shell = subprocess.Popen(
        ["/bin/sh", "-c", command], cwd=stand_ins, env=environment, stdout=subprocess.PIPE
    )
    assert shell.stdout is not None
    try:
        assert any(line == b"ready\n" for line in shell.stdout)
        instance = json.loads((data / "instance.json").read_text())
    finally:
        shell.kill()
        shell.wait()
    wait_gone([instance["pid"], *instance["pids"].values()])


def test_a_parent_killed_while_starting_leaves_nobody(stand_ins: Path, tmp_path: Path) -> None:
    with running(stand_ins, tmp_path / "data", ports()) as up:
        deadline = time.monotonic() + 60
        record = tmp_path / "data" / "children.json"
        while not record.exists() or '"database"' not in record.read_text():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        pids = [child["pid"] for child in json.loads(record.read_text())["children"]]
        up.process.kill()
        up.process.wait()
        wait_gone(pids)
    with running(stand_ins, tmp_path / "data", up.port) as up:
        up.ready()


def test_a_service_that_dies_is_started_again_and_said_so(stand_ins: Path, tmp_path: Path) -> None:
    with running(stand_ins, tmp_path / "data", ports()) as up:
        old = up.ready().pids["quota"]
        os.kill(old, signal.SIGKILL)
        assert "starting it again" in up.until("quota was killed by SIGKILL")
        deadline = time.monotonic() + 60
        while True:
            try:
                assert int(up.environment("quota")["pid"]) == up.pids["quota"] != old
                break
            except httpx.TransportError:
                assert time.monotonic() < deadline
                time.sleep(0.1)
        assert up.end(signal.SIGTERM) == 0


def test_two_instances_run_side_by_side(steady: Up, stand_ins: Path, tmp_path: Path) -> None:
    with running(stand_ins, tmp_path / "two", ports()) as two:
        two.ready()
        urls = {up.environment("intake")["DATABASE_URL"] for up in (steady, two)}
        assert len(urls) == 2
        assert two.end(signal.SIGTERM) == 0
    assert steady.environment("intake")["pid"] == str(steady.pids["intake"])


def test_the_same_directory_is_not_used_twice(steady: Up, stand_ins: Path) -> None:
    with running(stand_ins, steady.data, ports()) as second:
        code, said = second.failed()
    assert code == 1
    assert "is in use by another motcua" in said
    assert steady.environment("quota")["pid"] == str(steady.pids["quota"])


def test_a_taken_port_is_named_before_anything_starts(stand_ins: Path, tmp_path: Path) -> None:
    port = ports()
    with socket.socket() as other:
        other.bind(("127.0.0.1", port + 2))
        other.listen()
        with running(stand_ins, tmp_path / "data", port) as up:
            code, said = up.failed()
    assert code == 1
    assert said.count("\n") == 1
    assert f"port {port + 2} (quota) is taken" in said
    assert "--port" in said


def test_a_bad_setting_stops_the_start_with_its_name(stand_ins: Path, tmp_path: Path) -> None:
    with running(stand_ins, tmp_path / "data", ports(), STAND_IN_FAULT="notify") as up:
        code, said = up.failed()
    assert code == 1
    assert "MOTCUA_BATCH_SIZE: must be a number" in said
    assert "MOTCUA_X: unknown" in said
    assert "Traceback" not in said


def test_a_service_that_cannot_start_ends_the_start_with_its_log(
    stand_ins: Path, tmp_path: Path
) -> None:
    with running(stand_ins, tmp_path / "data", ports(), STAND_IN_CRASH="intake") as up:
        code, said = up.failed()
    assert code == 1
    assert "intake cannot be started" in said
    assert "broken on purpose" in said
    assert not (tmp_path / "data" / "instance.json").exists()


def test_given_urls_replace_the_embedded_servers(stand_ins: Path, tmp_path: Path) -> None:
    urls = {
        "DATABASE_URL": "postgresql://me:hidden@db.example/motcua",
        "NATS_URL": "nats://me:hidden@n1.example:4222,nats://n2.example:4222",
    }
    with running(stand_ins, tmp_path / "data", ports(), **urls) as up:
        said = "".join(up.ready().said)
        assert "hidden" not in said
        assert "nats://n1.example:4222 nats://n2.example:4222" in said
        assert set(up.pids) == set(SERVICES)
        environment = up.environment("intake")
        assert {name: environment[name] for name in urls} == urls
        assert up.end(signal.SIGTERM) == 0
    assert not (tmp_path / "data" / "postgres").exists()
