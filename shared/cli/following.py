"""What officials do with a plan that runs: roster, people, closed months, grants, held installs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from shared.cli.client import Client, Instance, faults
from shared.cli.errors import REFUSED, USAGE, CommandError
from shared.cli.key import console

FORMS = ("csv", "xlsx", "pdf")


async def show(
    instance: Instance, path: str, under: str, columns: Sequence[str], **asked: Any
) -> None:
    """Print the rows that quota answers, all pages of them, as a table.

    Args:
        path: where to ask.
        under: the key that holds the rows.
        columns: what of each row to show; a dotted name looks inside.
        asked: the query; what is None is left out.

    Raises:
        CommandError: 1 quota refuses, 3 it is unreachable.
    """
    table = Table(*columns, box=None)
    async with Client(instance) as client:
        following: Any = None
        while True:
            params = {name: value for name, value in asked.items() if value is not None}
            if following is not None:
                params["after"] = following
            answer = await client.fetch("quota", "GET", path, params=params)
            for row in answer[under]:
                table.add_row(*(_cell(row, name) for name in columns))
            following = answer.get("next")
            if following is None:
                break
    console().print(table)
    if "total" in answer and isinstance(answer["total"], dict):
        print(", ".join(f"{name} {value}" for name, value in answer["total"].items()))


async def fetch_file(instance: Instance, path: str, target: Path, **asked: Any) -> None:
    """Keep an answer as a file; its ending says of which kind.

    Raises:
        CommandError: 2 another ending, or the file cannot be written; 1 refused; 3 unreachable.
    """
    form = target.suffix.lstrip(".").lower()
    if form not in FORMS:
        raise CommandError(f"{target}: ghi tên tệp .csv, .xlsx hoặc .pdf", USAGE)
    params = {name: value for name, value in asked.items() if value is not None}
    async with Client(instance) as client:
        answer = await client.ask("quota", "GET", path, params=params | {"format": form})
    if answer.status_code >= 400:
        raise CommandError(faults("quota", answer), REFUSED)
    try:
        await asyncio.to_thread(target.write_bytes, answer.content)
    except OSError as error:
        raise CommandError(f"{target}: {error.strerror}", USAGE) from error
    print(target)


async def put_file(instance: Instance, path: str, file: Path, **asked: Any) -> None:
    """Send a list (JSON or CSV), and print what became of it.

    Raises:
        CommandError: 2 the file cannot be read; 1 with every fault of it; 3 unreachable.
    """
    try:
        content = await asyncio.to_thread(file.read_bytes)
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}", USAGE) from error
    kind = "application/json" if file.suffix.lower() == ".json" else "text/csv"
    params = {name: value for name, value in asked.items() if value is not None}
    async with Client(instance) as client:
        answer = await client.fetch(
            "quota", "PUT", path, content=content, headers={"Content-Type": kind}, params=params
        )
    print(_counts(answer))


async def post(instance: Instance, path: str, body: Mapping[str, Any]) -> None:
    """Send one decision, and print what became of it; the same again changes nothing.

    Raises:
        CommandError: 1 with every fault, 3 unreachable.
    """
    sent = {name: value for name, value in body.items() if value not in (None, [])}
    async with Client(instance) as client:
        answer = await client.fetch("quota", "POST", path, json=sent)
    print(_counts(answer))


def _counts(answer: Mapping[str, Any]) -> str:
    """The figures and names of an answer, without its lists."""
    plain = {k: v for k, v in answer.items() if not isinstance(v, dict | list) and v is not None}
    total = answer.get("total")
    if isinstance(total, dict):
        plain |= total
    return ", ".join(f"{name} {_word(value)}" for name, value in plain.items())


def _cell(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    if isinstance(value, Iterable) and not isinstance(value, str | Mapping):
        return " ".join(_word(each) for each in value)
    return _word(value)


def _word(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
