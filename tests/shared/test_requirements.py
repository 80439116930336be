"""What is locked: enough to run the services without the tests' tools, hashed, and from nowhere."""

from __future__ import annotations

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))


def locked(path: Path) -> set[str]:
    """Names of the packages that a lock holds."""
    names = re.findall(r"^([A-Za-z0-9._-]+)==", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {plain(name) for name in names}


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def imported() -> set[str]:
    """Top-level modules that services and shared import from elsewhere."""
    found = set()
    for folder in ("services", "shared"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    found |= {name.name.partition(".")[0] for name in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    found.add(node.module.partition(".")[0])
    return found - sys.stdlib_module_names - {"services", "shared"}


def test_the_image_has_all_that_the_services_import() -> None:
    """The image is made of requirements/runtime.txt; a test's tool must not be missed there."""
    makers = packages_distributions()
    needed = {module: {plain(name) for name in makers[module]} for module in imported()}
    runtime = locked(ROOT / "requirements" / "runtime.txt")
    assert len(needed) > 15
    assert {module for module, names in needed.items() if not names & runtime} == set()


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_every_package_is_pinned_and_hashed_and_no_index_is_named(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "://" not in text
    assert "index" not in text
    blocks = re.split(r"\n(?=\S)", text.strip())
    assert len(blocks) > 50
    for block in blocks:
        assert re.match(r"[A-Za-z0-9._-]+(\[[a-z,-]+\])?==\S+( ; .*)? \\\n", block), block
        assert "--hash=sha256:" in block


def test_the_tests_run_on_the_versions_that_the_image_has() -> None:
    pairs = []
    for path in LOCKS:
        found = re.findall(r"^([\w.-]+)==(\S+)", path.read_text(encoding="utf-8"), re.MULTILINE)
        pairs.append({plain(name): version for name, version in found})
    dev, runtime = pairs
    assert {name: dev.get(name) for name in runtime} == runtime
