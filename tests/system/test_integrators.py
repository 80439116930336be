"""What docs/integrators tells integrators to run is run here, and prints what it says.

Every block of `sh` and `python` runs, in order, page by page, in one folder; the `text` block after
it is what it prints. `motcua` is this interpreter with the program's module.
"""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from services.intake.handlers.kinds import load_kinds, with_kinds
from shared.questionnaires import Questionnaire
from tests.instance import ADMIN, ROOT, instance

PAGES = ROOT / "docs" / "integrators"
BLOCK = re.compile(
    r"^```(sh|python|yaml)( run=no)?\n(.*?)^```\n(?:\n```text\n(.*?)^```)?", re.M | re.S
)


def blocks(page: str) -> list[tuple[str, str, str]]:
    """Language, code and output of each block of a page that is to be run."""
    found = BLOCK.findall((PAGES / page).read_text(encoding="utf-8"))
    return [(kind, code, said) for kind, kept, code, said in found if not kept]


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with instance(tmp_path_factory.mktemp("integrators")) as made:
        made.start("intake")
        made.wait_ready("intake")
        yield made


@pytest.fixture(scope="module")
def surroundings(running, tmp_path_factory):
    """A folder and an environment in which an integrator's commands run."""
    folder = tmp_path_factory.mktemp("integrator")
    motcua = folder / "motcua"
    motcua.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m shared.cli.main "$@"\n')
    motcua.chmod(0o755)
    key = running.http.post(
        running.url("intake", "/v1/keys"), json={"name": "integrator", "scopes": ["events:write"]}
    ).json()["key"]
    secret = running.http.post(
        running.url("intake", "/v1/sources/%2Fsigned%2Fquang-tri%2F461/secrets"), json={}
    ).json()["secret"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MOTCUA_")}
    return folder, {
        **kept,
        "PATH": f"{folder}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "INTAKE": running.url("intake"),
        "KEY": key,
        "ADMIN": ADMIN,
        "SECRET": secret,
        "NATS_URL": running.urls["nats"],
    }


@pytest.mark.parametrize("page", ["events.md", "lgsp.md", "lists.md", "queue.md"])
def test_examples_print_what_they_say(page, surroundings):
    folder, environment = surroundings
    done = 0
    for kind, code, said in blocks(page):
        assert said, f"{page} does not say what this prints:\n{code[:200]}"
        command = ["bash", "-euo", "pipefail", "-c", code]
        if kind == "python":
            command = [sys.executable, "-c", code]
        ran = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60
        )
        assert ran.returncode == 0, f"{code}\n{ran.stdout}\n{ran.stderr}"
        assert ran.stdout.strip() == said.strip(), code
        done += 1
    assert done >= 2


def test_voided_and_refused_examples_left_nothing_behind(running, surroundings):
    """The refused list was released by its correction; only the two faulty events stay open."""
    rows = running.get("intake", "/v1/quarantine", state="open", limit=100)["quarantine"]
    assert {row["event"] for row in rows} >= {"install-461-0002", "duty-2"}
    assert "clients-461-2020-02" not in {row["event"] for row in rows if row["kind"] == "refused"}


def test_the_questionnaire_shown_is_one():
    [(_, text, _)] = [block for block in blocks("forms.md") if block[0] == "yaml"]
    assert Questionnaire.model_validate(yaml.safe_load(text)).items[0].code == "quality"


def test_every_code_of_a_fault_is_explained():
    said = (PAGES / "README.md").read_text(encoding="utf-8")
    known = set(re.findall(r"`([a-z0-9_]+)`", said))
    told = set()
    for path in (
        *sorted((ROOT / "shared/events").glob("*.py")),
        *(ROOT / f"services/intake/{name}.py" for name in ("envelopes", "rules/admission")),
        *(ROOT / f"services/intake/handlers/{name}.py" for name in ("admission", "agreements")),
        ROOT / "services/intake/handlers/reception.py",
        ROOT / "shared/http.py",
    ):
        told |= codes_of(ast.parse(path.read_text(encoding="utf-8")))
    assert len(told) > 30
    assert told - known == set()


def codes_of(tree: ast.AST) -> set[str]:
    """Codes in the calls that make faults, and in the dictionaries that are one."""
    places = {"Fault": 1, "PydanticCustomError": 0, "Unreadable": 1}
    found = set()
    for node in ast.walk(tree):
        value = None
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            place = places.get(node.func.id)
            if place is not None and len(node.args) > place:
                value = node.args[place]
        elif isinstance(node, ast.Dict):
            named = {key.value: each for key, each in zip(node.keys, node.values, strict=True)
                     if isinstance(key, ast.Constant)}  # fmt: skip
            value = named.get("code") if "message" in named else None
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            found.add(value.value)
    return found - {""}


def test_the_kinds_of_lists_shown_are_those_declared():
    page = (PAGES / "lists.md").read_text(encoding="utf-8")
    assert with_kinds(page, load_kinds()) == page
    assert page.count("### `") == 10
