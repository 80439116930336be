"""The embedded broker and database: started for real, killed for real."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import nats
import pytest

from shared.embedded import postgres
from shared.embedded.home import Home
from shared.embedded.postgres import OWNER, Postgres
from shared.embedded.process import EmbeddedError, end_group, free_port, started

HOST = """
import asyncio, json, sys
from pathlib import Path
from shared.embedded import postgres
from shared.embedded.home import Home
from shared.embedded.nats import Nats
from shared.embedded.postgres import OWNER, Postgres
from shared.embedded.process import Command, EmbeddedError, free_port
from shared.embedded.supervisor import Supervisor, end_leftovers


def say(text):
    print("said " + text, flush=True)


async def main():
    home = Home(Path(sys.argv[1]))
    home.open()
    end_leftovers(home.children_file, say)
    words = home.passwords((OWNER, "broker", "intake", "quota"))
    known = home.ports()
    broker = Nats(home.path / "nats", home.log("broker"), free_port(known.get("broker")), words["broker"])
    database = Postgres(
        home.path / "postgres", home.log("database"), free_port(known.get("database")), words
    )
    home.remember_ports({"broker": broker.port, "database": database.port})
    supervisor = Supervisor(home.children_file, say)
    await supervisor.start(broker.command())
    database.prepare()
    await supervisor.start(database.command())
    await asyncio.wait_for(broker.ready(), 60)
    await asyncio.wait_for(database.ready(), 60)
    await database.provision(("intake", "quota"))
    sleeper = (sys.executable, "-c", "import time; time.sleep(600)")
    await supervisor.start(Command("sleeper", sleeper, {}, home.log("sleeper")))
    print("up " + json.dumps({
        "broker": broker.url,
        "intake": database.url("intake"),
        "quota": database.url("quota"),
        "pids": {name: child.pid for name, child in supervisor.children.items()},
    }), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    for name in ("sleeper", "broker", "database"):
        await supervisor.stop(name)


asyncio.run(main())
"""


class Host:
    """A process that keeps the stores of one data directory, as `motcua up` does."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOST, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.said: list[str] = []
        self.at: dict[str, str] = {}
        self.pids: dict[str, int] = {}

    def wait_up(self) -> Host:
        self.at = json.loads(self.wait_line("up ").removeprefix("up "))
        self.pids = self.at.pop("pids")
        return self

    def wait_line(self, start: str) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line)
            if line.startswith(start):
                return line
        raise AssertionError("".join(self.said))

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def end(self) -> int:
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(timeout=60)


@contextlib.contextmanager
def hosted(folder: Path) -> Iterator[Host]:
    host = Host(folder)
    try:
        yield host
    finally:
        host.kill()
        wait_gone(host.pids.values())


def wait_gone(pids: object) -> None:
    deadline = time.monotonic() + 20
    left = list(pids)  # type: ignore[call-overload]
    while left := [pid for pid in left if started(pid) is not None]:
        assert time.monotonic() < deadline, f"still alive: {left}"
        time.sleep(0.05)


async def put(url: str, text: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("CREATE TABLE IF NOT EXISTS kept (text text)")
        await connection.execute("INSERT INTO kept VALUES ($1)", text)
    finally:
        await connection.close()


async def texts(url: str) -> list[str]:
    connection = await asyncpg.connect(url)
    try:
        return [row["text"] for row in await connection.fetch("SELECT text FROM kept")]
    finally:
        await connection.close()


async def test_data_and_messages_outlive_a_killed_parent_and_no_child_does(tmp_path: Path) -> None:
    with hosted(tmp_path / "data") as first:
        first.wait_up()
        await put(first.at["intake"], "committed")
        client = await nats.connect(first.at["broker"])
        await client.jetstream().add_stream(name="KEPT", subjects=["kept.>"])
        await client.jetstream().publish("kept.one", b"acknowledged")
        await client.close()
        first.kill()
        wait_gone(first.pids.values())
    with hosted(tmp_path / "data") as second:
        second.wait_up()
        assert second.at["intake"] == first.at["intake"], "the address must stay the same"
        assert await texts(second.at["intake"]) == ["committed"]
        client = await nats.connect(second.at["broker"])
        assert (await client.jetstream().get_last_msg("KEPT", "kept.one")).data == b"acknowledged"
        await client.close()
        assert second.end() == 0
        wait_gone(second.pids.values())
        assert not (tmp_path / "data" / "postgres" / "data" / "postmaster.pid").exists()


async def test_a_child_that_was_stopped_dies_with_its_parent_too(tmp_path: Path) -> None:
    with hosted(tmp_path / "data") as host:
        host.wait_up()
        os.kill(host.pids["sleeper"], signal.SIGSTOP)
        os.kill(host.pids["broker"], signal.SIGSTOP)
        host.kill()
        wait_gone(host.pids.values())


async def test_what_dies_is_started_again_at_the_same_address(tmp_path: Path) -> None:
    with hosted(tmp_path / "data") as host:
        host.wait_up()
        await put(host.at["intake"], "before")
        os.kill(host.pids["database"], signal.SIGKILL)
        assert "database was killed by SIGKILL" in host.wait_line("said ")
        os.kill(host.pids["broker"], signal.SIGKILL)
        assert "broker was killed by SIGKILL" in host.wait_line("said ")
        deadline = time.monotonic() + 30
        while True:
            try:
                assert await texts(host.at["intake"]) == ["before"]
                await (await nats.connect(host.at["broker"], allow_reconnect=False)).close()
                break
            except (OSError, asyncpg.PostgresError, nats.errors.Error):
                assert time.monotonic() < deadline
        assert host.end() == 0


async def test_two_data_directories_live_side_by_side(tmp_path: Path) -> None:
    with hosted(tmp_path / "one") as one, hosted(tmp_path / "two") as two:
        one.wait_up()
        two.wait_up()
        await put(one.at["intake"], "one")
        await put(two.at["intake"], "two")
        assert await texts(one.at["intake"]) == ["one"]
        assert await texts(two.at["intake"]) == ["two"]


async def test_a_second_parent_on_the_same_directory_is_refused(tmp_path: Path) -> None:
    with hosted(tmp_path / "data") as host:
        host.wait_up()
        with pytest.raises(EmbeddedError, match=f"in use by another motcua .*{host.process.pid}"):
            Home(tmp_path / "data").open()


async def test_a_service_sees_its_own_schema_only(tmp_path: Path) -> None:
    with hosted(tmp_path / "data") as host:
        host.wait_up()
        await put(host.at["intake"], "mine")
        connection = await asyncpg.connect(host.at["quota"])
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetch("SELECT * FROM intake.kept")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("CREATE TABLE public.kept (text text)")
        await connection.close()
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(host.at["intake"].replace("intake:", "intake:wrong"))
        port = host.at["broker"].rpartition(":")[2]
        with pytest.raises(nats.errors.Error, match="Authorization Violation"):
            await nats.connect(f"nats://127.0.0.1:{port}", allow_reconnect=False, error_cb=ignore)


async def ignore(_: Exception) -> None:
    """The refusal is asserted; it needs no line besides."""


async def test_a_pid_file_left_by_another_life_does_not_stop_the_database(tmp_path: Path) -> None:
    with hosted(tmp_path / "data") as host:
        host.wait_up()
        await put(host.at["intake"], "kept")
        host.kill()
        wait_gone(host.pids.values())
    file = tmp_path / "data" / "postgres" / "data" / "postmaster.pid"
    file.write_text(f"{os.getpid()}\n/elsewhere\n1\n5432\n\n\n0 0\nready\n")
    with hosted(tmp_path / "data") as host:
        assert await texts(host.wait_up().at["intake"]) == ["kept"]


def test_leftovers_are_ended_but_not_whoever_bears_their_number(tmp_path: Path) -> None:
    sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
    left = subprocess.Popen(sleep, start_new_session=True)
    stranger = subprocess.Popen(sleep, start_new_session=True)
    try:
        home = Home(tmp_path / "data")
        home.path.mkdir()
        children = [
            {"name": "quota", "pid": left.pid, "started": started(left.pid)},
            {"name": "intake", "pid": stranger.pid, "started": "an earlier boot:1"},
        ]
        home.children_file.write_text(json.dumps({"children": children}))
        with hosted(home.path) as host:
            host.wait_up()
            assert any("ending quota" in line for line in host.said)
            assert left.wait(timeout=20) == -signal.SIGKILL
            assert stranger.poll() is None
    finally:
        end_group(left.pid, signal.SIGKILL)
        end_group(stranger.pid, signal.SIGKILL)
        left.wait()
        stranger.wait()


def test_data_of_another_major_version_are_refused_with_the_way_out(tmp_path: Path) -> None:
    data = tmp_path / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("16\n")
    database = Postgres(tmp_path / "postgres", tmp_path / "log", free_port(), {OWNER: "x"})
    with pytest.raises(EmbeddedError, match=r"made by PostgreSQL 16.*pg_upgrade"):
        database.prepare()
    assert (data / "PG_VERSION").read_text() == "16\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has privileges to drop")
def test_programs_in_a_closed_folder_are_copied_to_where_the_server_may_run_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "closed" / "pginstall"
    for part in ("bin", "lib", "share"):
        (root / part).mkdir(parents=True)
        (root / part / "postgres").write_text(part)
    (root / "bin" / "postgres").chmod(0o700)
    (tmp_path / "closed").chmod(0o700)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        monkeypatch.setattr(postgres, "_PRIVATE_COPY", Path(folder) / "motcua")
        nobody = (65534, 65534)
        copy = postgres._reachable(root, nobody)
        assert copy != root
        assert (copy / "bin" / "postgres").stat().st_mode & 0o777 == 0o755
        assert (copy / "share" / "postgres").stat().st_mode & 0o777 == 0o644
        assert postgres._reachable(root, nobody) == copy
        assert postgres._reachable(copy, nobody) == copy
        assert postgres._reachable(root, None) == root
        assert [item.name for item in (Path(folder) / "motcua").iterdir()] == [copy.name]


def test_secrets_are_for_the_owner_only_and_stay_the_same(tmp_path: Path) -> None:
    home = Home(tmp_path / "data")
    home.open()
    home.ensure_keys()
    first = (home.admin_key_file.read_text(), home.hash_key_file.read_text())
    words = home.passwords(("a", "b"))
    home.ensure_keys()
    assert (home.admin_key_file.read_text(), home.hash_key_file.read_text()) == first
    assert home.passwords(("a", "b", "c")).items() >= words.items()
    for file in (home.admin_key_file, home.hash_key_file, home.path / "passwords.json"):
        assert file.stat().st_mode & 0o777 == 0o600
    home.close()
