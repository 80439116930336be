"""`motcua bounce`: reports of a mail server on letters that came back, into notify."""

from __future__ import annotations

import sys
from pathlib import Path

from shared.cli.client import Client, Instance, faults
from shared.cli.errors import REFUSED, USAGE, CommandError

PATH = "/v1/receipts/smtp"
MOST_BYTES = 200_000
"""Of a report, its head: behind it stands the letter that came back."""


async def run(instance: Instance, names: list[str]) -> int:
    """Hand in reports, one a file; `-` reads standard input. Returns the exit code.

    Raises:
        CommandError: 2 a file cannot be read, 3 notify cannot be reached.
    """
    refused = 0
    async with Client(instance) as client:
        for name in names:
            answer = await client.ask("notify", "POST", PATH, content=_read(name))
            if answer.status_code == 200:
                said = answer.json().get("receipt", "no report: ignored")
                print(f"{name}: {said}")
            else:
                refused += 1
                print(f"{name}: {faults('notify', answer)}")
    return REFUSED if refused else 0


def _read(name: str) -> bytes:
    try:
        if name == "-":
            return sys.stdin.buffer.read(MOST_BYTES)
        with Path(name).open("rb") as file:
            return file.read(MOST_BYTES)
    except OSError as error:
        raise CommandError(f"cannot read {name}: {error.strerror}", USAGE) from error
