"""`motcua dead`: messages that failed for good, why, and another try."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from rich.table import Table

from shared.cli.client import Client, Instance, fault_line, problem_of
from shared.cli.errors import REFUSED, USAGE, CommandError
from shared.cli.key import console, local, rows


async def show_all(instance: Instance) -> None:
    """Print the dead letters of every service, as SERVICE:ID with the reason."""
    async with Client(instance) as client:
        found = await _all(client)
    table = Table("id", "consumer", "subject", "failed", "replayed", "reason", box=None)
    for service, row in found:
        table.add_row(
            f"{service}:{row['id']}",
            *(str(row.get(name) or "") for name in ("consumer", "subject")),
            *(local(row.get(name)) for name in ("failed_at", "replayed_at")),
            str(row.get("reason") or ""),
        )
    console().print(table)


async def show(instance: Instance, letter: str) -> None:
    """Print one dead letter as JSON."""
    service, number = _split(letter)
    async with Client(instance) as client:
        answer = await client.fetch(service, "GET", f"/v1/dead/{number}")
    print(json.dumps(answer, indent=2, ensure_ascii=False))


async def replay(instance: Instance, letters: list[str], everything: bool) -> int:
    """Try dead letters again. The exit code: 0 all went through, 1 some failed again."""
    if bool(letters) == everything:
        raise CommandError("name dead letters as SERVICE:ID, or give --all", USAGE)
    failed = 0
    async with Client(instance) as client:
        if everything:
            letters = [
                f"{service}:{row['id']}"
                for service, row in await _all(client)
                if not row.get("replayed_at")
            ]
        for letter in letters:
            service, number = _split(letter)
            answer = await client.ask(service, "POST", f"/v1/dead/{number}/replay")
            if answer.status_code < 400:
                print(f"replayed {letter}")
                continue
            failed += 1
            problem = problem_of(answer)
            reasons = [fault_line(item) for item in problem.get("errors") or ()]
            why = problem.get("detail") or problem.get("title") or answer.reason_phrase
            print(f"refused {letter}: {'; '.join([str(why), *reasons])}")
    return REFUSED if failed else 0


async def _all(client: Client) -> list[tuple[str, dict[str, Any]]]:
    names = list(client.instance.urls)
    answers = await asyncio.gather(*(client.fetch(name, "GET", "/v1/dead") for name in names))
    return [
        (name, row)
        for name, answer in zip(names, answers, strict=True)
        for row in rows(answer, "dead")
    ]


def _split(letter: str) -> tuple[str, str]:
    service, _, number = letter.partition(":")
    if not number.isdecimal():
        raise CommandError(f"{letter}: a dead letter is named SERVICE:ID, as in the list", USAGE)
    return service, number
