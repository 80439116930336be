"""The data directory: its lock, its secrets and what it says about the running instance."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from pathlib import Path
from typing import Any

from shared.embedded.process import EmbeddedError


class Home:
    """One data directory. Everything in it that is secret has mode 600."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().absolute()
        self._lock: int | None = None

    @property
    def admin_key_file(self) -> Path:
        return self.path / "admin.key"

    @property
    def hash_key_file(self) -> Path:
        return self.path / "hash.key"

    @property
    def instance_file(self) -> Path:
        return self.path / "instance.json"

    @property
    def children_file(self) -> Path:
        return self.path / "children.json"

    def log(self, name: str) -> Path:
        return self.path / "logs" / f"{name}.log"

    def open(self) -> None:
        """Make what is missing and take the lock. EmbeddedError: in use, or not writable."""
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            (self.path / "logs").mkdir(exist_ok=True)
            # The kernel lets go of this lock when its holder dies, however it dies.
            self._lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise EmbeddedError(
                f"cannot use the data directory {self.path}: {error.strerror}"
            ) from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            self._lock = None
            holder = (self.path / "lock").read_text().strip()
            raise EmbeddedError(
                f"{self.path} is in use by another motcua (process {holder or 'unknown'}): "
                "stop it first, or choose another --data-dir"
            ) from error
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, str(os.getpid()).encode(), 0)

    def close(self) -> None:
        """Give the lock back."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def ensure_keys(self) -> None:
        """Make the first admin key and the key that citizens are hashed with, once."""
        if not self.admin_key_file.exists():
            write_private(self.admin_key_file, f"mc_admin_{secrets.token_urlsafe(32)}\n")
        if not self.hash_key_file.exists():
            write_private(self.hash_key_file, secrets.token_hex(32) + "\n")

    def passwords(self, names: tuple[str, ...]) -> dict[str, str]:
        """A generated password for each name, the same ones at each start."""
        file = self.path / "passwords.json"
        known: dict[str, str] = read_json(file)
        if missing := [name for name in names if name not in known]:
            known |= {name: secrets.token_urlsafe(24) for name in missing}
            write_private(file, json.dumps(known, indent=2))
        return known

    def ports(self) -> dict[str, int]:
        """The ports that broker and database had the last time."""
        return read_json(self.path / "ports.json")

    def remember_ports(self, ports: dict[str, int]) -> None:
        """Keep the ports of broker and database for the next start."""
        write_private(self.path / "ports.json", json.dumps(ports))


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read: all of it or nothing, also after a crash."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file; empty where there is none. EmbeddedError: damaged."""
    try:
        value = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise EmbeddedError(f"{path} is damaged: {error}") from error
    return value if isinstance(value, dict) else {}
