"""`motcua backup`: a copy of a running instance's data, from which `motcua up` starts again."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from shared.cli.errors import REFUSED, UNREACHABLE, USAGE, CommandError
from shared.cli.up import say
from shared.embedded.home import Home, read_json, write_private
from shared.embedded.postgres import OWNER, installation

SECRETS = ("hash.key", "admin.key", "passwords.json")


def run(data_dir: Path, target: Path) -> None:
    """Copy the database as it is at this moment, and the keys, into the new folder ``target``.

    The broker's data are not copied: whatever a new broker lacks is published again.

    Raises:
        CommandError: 1 it failed, 2 the target is there already, 3 no instance with a database
            of its own runs in the data directory.
    """
    home = Home(data_dir)
    port = read_json(home.instance_file).get("ports", {}).get("database")
    if port is None:
        raise CommandError(
            f"no instance with its own database runs in {home.path}. Of one that is stopped copy "
            "the whole directory; a database given by DATABASE_URL is backed up by its own tools",
            UNREACHABLE,
        )
    if target.exists():
        raise CommandError(f"{target} is there already: name a new folder", USAGE)
    fresh = target.with_name(f"{target.name}.unfinished")
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        fresh.mkdir(parents=True, mode=0o700)
        _copy_database(home, port, fresh / "postgres" / "data")
        for name in SECRETS:
            write_private(fresh / name, (home.path / name).read_text())
        fresh.rename(target)
    except OSError as error:
        raise CommandError(f"{target} could not be written: {error.strerror}", REFUSED) from error
    say(f"{target} holds everything: `motcua up --data-dir` starts from a copy of it")


def _copy_database(home: Home, port: int, target: Path) -> None:
    target.parent.mkdir(mode=0o700)
    done = subprocess.run(
        [
            str(installation() / "bin" / "pg_basebackup"),
            *("--host", "127.0.0.1", "--port", str(port), "--username", OWNER, "--no-password"),
            *("--pgdata", str(target), "--wal-method", "stream", "--checkpoint", "fast"),
        ],
        env={
            "PATH": os.environ.get("PATH", os.defpath),
            "PGPASSWORD": read_json(home.path / "passwords.json").get(OWNER, ""),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        last = "".join(done.stderr.strip().splitlines()[-1:])
        raise CommandError(f"the database could not be copied: {last}", REFUSED)
    # The server does not run as root: what root copied is given to whom the original belongs.
    owner = (home.path / "postgres" / "data").stat()
    if os.geteuid() == 0:
        for path in (target, *target.rglob("*")):
            os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
