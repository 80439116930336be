"""A backup of a running instance, and a start from it with nothing else left."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from shared.embedded.process import is_free
from tests.builders import install
from tests.instance import ROOT, wait_for

PLAN = "quang-tri-rthome-2019"


def motcua(*arguments: str, **given: Any) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "shared.cli.main", *arguments]
    return subprocess.run(
        argv, cwd=ROOT, env=clean(), capture_output=True, text=True, check=False, **given
    )


def clean() -> dict[str, str]:
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("MOTCUA_") and name not in ("DATABASE_URL", "NATS_URL")
    }


@contextlib.contextmanager
def running(data: Path, first: int) -> Iterator[None]:
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "shared.cli.main", "up"),
            *("--data-dir", str(data), "--port", str(first)),
        ],
        cwd=ROOT,
        env=clean(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    said = []
    try:
        for line in process.stdout:
            said.append(line)
            if line == "ready\n":
                break
        assert said[-1:] == ["ready\n"], "".join(said)
        yield
    finally:
        process.terminate()
        process.wait(timeout=60)


def counted(data: Path, first: int) -> tuple[int, int]:
    """Installs counted for unit 461, and what is owed for them."""
    key = (data / "admin.key").read_text().strip()
    found = []
    for path, field in (("progress", "numerator"), ("stipends", "amount")):
        answer = httpx.get(
            f"http://127.0.0.1:{first + 2}/v1/{path}",
            params={"plan": PLAN, "unit": "461"},
            headers={"Authorization": f"Bearer {key}"},
            trust_env=False,
        ).json()
        found.append(sum(row[field] or 0 for row in answer["rows"]))
    return found[0], found[1]


def test_a_copy_of_a_running_instance_goes_on_where_it_was_made(tmp_path: Path) -> None:
    start = 22_000 + os.getpid() * 8 % 9_000
    first = next(n for n in range(start, 32_000, 4) if all(is_free(n + k) for k in range(4)))
    data, copy = tmp_path / "data", tmp_path / "copy"
    events = json.dumps([install(n, "461") for n in range(40)])
    late = json.dumps([install(40, "461")])
    with running(data, first):
        where = ("--data-dir", str(data))
        plan = motcua("plan", "apply", f"deploy/plans/{PLAN}.yaml", *where)
        assert plan.returncode == 0, plan.stderr
        assert motcua("send", "-", *where, input=events).returncode == 0
        wait_for(lambda: counted(data, first) == (40, 1_200_000))
        made = motcua("backup", str(copy), *where)
        assert made.returncode == 0, made.stderr
        assert motcua("backup", str(copy), *where).returncode == 2
        assert motcua("send", "-", *where, input=late).returncode == 0
    stopped = motcua("backup", str(tmp_path / "other"), "--data-dir", str(data))
    assert stopped.returncode == 3
    assert "copy the whole directory" in stopped.stderr
    assert copy.stat().st_mode & 0o777 == 0o700
    assert {path.name for path in copy.iterdir()} == {
        *("postgres", "hash.key", "admin.key", "passwords.json"),
    }
    assert (copy / "hash.key").read_text() == (data / "hash.key").read_text()
    with running(copy, first):
        where = ("--data-dir", str(copy))
        assert counted(copy, first) == (40, 1_200_000)
        again = motcua("send", "-", *where, input=events)
        assert again.stdout.splitlines()[:2] == ["accepted 0", "duplicate 40"]
        assert motcua("send", "-", *where, input=late).returncode == 0
        wait_for(lambda: counted(copy, first) == (41, 1_230_000))
