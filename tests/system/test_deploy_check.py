"""`deploy/check` on a copy of the repository in which each kind of file is broken."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = Path(sys.executable).parent
PARTS = (".ci", "deploy", "docs", "services", "shared", "docker-compose.yml")

BREAKS = {
    ".ci/run": ("set -euo pipefail", "if true; then ("),
    "docker-compose.yml": ("  read_only: true", "  read_onyl: true"),
    "deploy/Dockerfile": ("FROM python:3.11-slim-bookworm AS build", "FROM python AS build"),
    "deploy/nats/users.conf": ("accounts {", "accounts { MOTCUA: { users: [ { user: 7"),
    "deploy/demo.yaml": ("source: /demo", "sauce: /demo"),
    "deploy/plans/to-tung-2023.yaml": ("indicators:", "indicatorz:"),
    "deploy/templates/late.citizen.sms.txt": ("{{", "{{ nothing_of_this_name }} {{"),
    "docs/contracts/asyncapi.yaml": ("asyncapi: 3.0.0", "asyncapi: 2.0.0"),
    "docs/plans/plan.schema.json": ('"', "'"),
}
BLAMED = (
    ".ci/run can be read by its shell",
    "docker-compose.yml keeps to the Compose specification",
    "deploy/Dockerfile passes hadolint",
    "deploy/nats/*.conf are taken by nats-server",
    "deploy/units, calendar and demo.yaml load",
    "deploy/plans/*.yaml are plans",
    "deploy/templates load",
    "docs/contracts say what the models say",
    "docs/plans/plan.schema.json says what the models say",
)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for part in PARTS:
        if (ROOT / part).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / part, tmp_path / part, ignore=ignored)
        else:
            shutil.copy(ROOT / part, tmp_path / part)
    for name, (old, new) in BREAKS.items():
        text = (tmp_path / name).read_text(encoding="utf-8")
        assert old in text, name
        (tmp_path / name).write_text(text.replace(old, new, 1), encoding="utf-8")
    (tmp_path / "deploy" / "secrets").chmod(0o644)
    return tmp_path


def test_each_broken_file_is_named_and_the_rest_is_still_looked_at(copy: Path) -> None:
    done = subprocess.run(
        [str(copy / "deploy" / "check"), str(TOOLS)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 1
    wrong = re.findall(r"^WRONG   (.*)$", done.stdout, re.MULTILINE)
    assert sorted(wrong) == sorted([*BLAMED, "deploy/secrets may be run"])
    assert "read_onyl" in done.stdout
    assert "DL3006" in done.stdout
    assert "deploy/demo.yaml: " in done.stdout
    assert "indicatorz" in done.stdout
    assert "nothing_of_this_name" in done.stdout
    assert "docs/contracts/asyncapi.yaml is out of date" in done.stdout
    assert f"{len(wrong)} of these checks failed" in done.stdout
