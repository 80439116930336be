"""What README.md tells a new user to type is typed here, and does what it says.

Three things are put in the place of others, and nothing else is changed:
- `make up` becomes the command that the Makefile runs, with a data directory and ports of its own;
- 8080 to 8083 and `.motcua` in the commands become those ports and that directory;
- `.venv/bin/motcua` becomes this interpreter with the program's module.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.embedded.process import is_free
from tests.instance import wait_for

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


class Shell:
    """Runs README's commands against an instance of their own."""

    def __init__(self, data: Path, first: int) -> None:
        self.data, self.first = data, first

    def text(self, commands: str) -> str:
        """The commands as they are run here."""
        for offset in range(4):
            commands = commands.replace(f":{8080 + offset}/", f":{self.first + offset}/")
        commands = commands.replace(".motcua/", f"{self.data}/")
        return commands.replace(".venv/bin/motcua", f"{sys.executable} -m shared.cli.main")

    def run(self, *blocks: str) -> str:
        """The blocks one after another in one shell, as a person would; what the last prints."""
        mark = "--- the last block ---"
        script = "\n".join([*blocks[:-1], f"echo '{mark}'", blocks[-1]])
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", self.text(script)],
            cwd=ROOT,
            env=clean() | {"MOTCUA_DATA_DIR": str(self.data)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.partition(mark)[2].strip()


def clean() -> dict[str, str]:
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("MOTCUA_") and name not in ("DATABASE_URL", "NATS_URL")
    }


def block(part: str) -> str:
    """The block of README that contains this."""
    [found] = [text for text in BLOCKS if part in text]
    return found


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    [up] = re.findall(
        r"^up: setup.*\n\t@\$\(BIN\)/motcua (.*) \$\(ARGS\)$", makefile(), re.MULTILINE
    )
    data = tmp_path_factory.mktemp("readme") / "data"
    start = 21_000 + os.getpid() * 8 % 9_000
    first = next(n for n in range(start, 32_000, 4) if all(is_free(n + k) for k in range(4)))
    argv = [sys.executable, "-m", "shared.cli.main", *up.split()]
    process = subprocess.Popen(
        [*argv, "--data-dir", str(data), "--port", str(first)],
        cwd=ROOT,
        env=clean(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    said: list[str] = []
    try:
        for line in process.stdout:
            said.append(line)
            if line == "ready\n":
                break
        assert said[-1:] == ["ready\n"], "".join(said)
        assert f"http://127.0.0.1:{first}/\n" in "".join(said)
        yield Shell(data, first)
    finally:
        process.terminate()
        process.wait(timeout=60)


def makefile() -> str:
    return (ROOT / "Makefile").read_text(encoding="utf-8")


def rows(shell: Shell, command: str) -> list[dict[str, Any]]:
    return json.loads(shell.run(block("KEY=$("), command))["rows"]


def test_an_event_followed_through(shell: Shell) -> None:
    first, event = block("KEY=$("), block("/v1/events")
    assert "\nquang-tri-rthome-2019 version 1" in shell.run(first)
    [result] = json.loads(shell.run(first, event))["results"]
    assert result["status"] == "accepted"
    answer = shell.run(first, event.replace("curl -s", "curl -s -w '\\n%{http_code}'"))
    body, _, code = answer.rpartition("\n")
    assert code == "202"
    assert json.loads(body)["results"][0]["status"] == "duplicate"
    other = event.replace('"place": "home"', '"place": "public"')
    other = other.replace("curl -s", "curl -s -o /dev/null -w '%{http_code}'")
    assert shell.run(first, other) == "409"
    progress, stipends = block("/v1/progress").split("\ncurl ")
    [row] = wait_for(lambda: [r for r in rows(shell, progress) if r["numerator"]])
    assert (row["numerator"], row["target"]) == (1, 100)
    [row] = rows(shell, f"curl {stipends}")
    assert (row["succeeded"], row["amount"], row["currency"]) == (1, 30_000, "VND")


def test_the_status_shows_every_service(shell: Shell) -> None:
    said = shell.run(block("motcua status"))
    for name in ("reporting", "intake", "quota", "notify"):
        assert name in said


def test_the_dashboard_is_where_it_is_said_to_be(shell: Shell) -> None:
    [url] = re.findall(r"<(http://[^>]*)> is the dashboard", README)
    answer = httpx.get(shell.text(url), follow_redirects=True, trust_env=False)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")


def test_every_block_of_the_readme_is_run_here() -> None:
    parts = ("make up", "KEY=$(", "/v1/events", "/v1/progress", "motcua status")
    assert sorted(BLOCKS) == sorted(block(part) for part in parts)


def test_make_help_lists_every_target() -> None:
    [phony] = re.findall(r"^\.PHONY: (.*)$", makefile(), re.MULTILINE)
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    listed = re.findall(r"^  make (\w+) +\S", done.stdout, re.MULTILINE)
    assert sorted(listed) == sorted(phony.split())
