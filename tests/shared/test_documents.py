"""The documents among themselves and beside the program: links, names, the two languages."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

import pytest
from typer.main import get_command

from shared.cli import environment
from shared.cli.main import app

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    path
    for folder in (".", "docs", "deploy")
    for path in (ROOT / folder).glob("*.md" if folder == "." else "**/*.md")
)
ENGLISH = (ROOT / "docs" / "operations.en.md").read_text(encoding="utf-8")
VIETNAMESE = (ROOT / "docs" / "operations.vi.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_link_is_dead(document: Path) -> None:
    text = re.sub(r"^```.*?^```", "", document.read_text(encoding="utf-8"), flags=re.M | re.S)
    dead = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = unquote(target).partition("#")
        place = document.parent / path if path else document
        if not place.exists() or (anchor and anchor not in anchors(place)):
            dead.append(target)
    assert dead == []


def anchors(document: Path) -> set[str]:
    """The anchors of a document's headings, as a repository's pages make them."""
    headings = re.findall(r"^#+ (.*)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}


def shape(text: str) -> list[str]:
    """What does not depend on the language: the order of headings, tables, lists and commands."""
    parts = []
    for line in text.splitlines():
        if match := re.match(r"(#+) |(\||```|- |\d\. )", line):
            parts.append(match.group(0).strip())
    return parts


def code(text: str) -> list[str]:
    """Settings and calls that a text names, in their order."""
    return re.findall(r"MOTCUA_[A-Z_]+[A-Z]|/v1/[a-z]+|\bmotcua_[a-z_]+|`/[a-z.]+`", text)


def test_both_languages_say_the_same_things() -> None:
    assert shape(ENGLISH) == shape(VIETNAMESE)
    assert sorted(code(ENGLISH)) == sorted(code(VIETNAMESE))


@pytest.mark.parametrize("text", [ENGLISH, VIETNAMESE], ids=["en", "vi"])
def test_every_setting_that_is_named_exists(text: str) -> None:
    names = set(re.findall(r"MOTCUA_[A-Z_]*[A-Z]\b(?!_)", text))
    assert names - environment.known() == {"MOTCUA_INTAKE_PORT"}, "the one that is no setting"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_that_is_named_exists(document: Path) -> None:
    program = get_command(app)
    wrong = []
    text = document.read_text(encoding="utf-8")
    codes = re.findall(r"^```.*?^```|`[^`]+`", text, re.MULTILINE | re.DOTALL)
    for words in re.findall(r"\bmotcua ((?:[a-z]+ ?){1,2})", "\n".join(codes)):
        found = program
        for word in words.split():
            if not hasattr(found, "commands"):
                break
            found = found.commands.get(word)
            if found is None:
                wrong.append(words)
                break
    assert wrong == []


@pytest.mark.parametrize("text", [ENGLISH, VIETNAMESE], ids=["en", "vi"])
def test_every_figure_and_call_that_is_named_exists(text: str) -> None:
    source = "\n".join(
        path.read_text(encoding="utf-8")
        for folder in ("services", "shared")
        for path in (ROOT / folder).rglob("*.py")
    )
    figures = set(re.findall(r"`(motcua_[a-z_]+)", text))
    assert len(figures) >= 8
    assert {name for name in figures if f'"{name}"' not in source} == set()
    calls = set(re.findall(r"/v1/([a-z-]+)", text))
    assert len(calls) >= 6
    assert {name for name in calls if f"/{name}" not in source} == set()
