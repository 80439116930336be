"""`motcua import`: a list into intake; its progress, its counts, the sheet with what is wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from shared.cli.client import Client, Instance, faults, problem_of
from shared.cli.errors import REFUSED, USAGE, CommandError

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0
REGISTERS = {"installers": "quota", "officers": "notify"}
"""Which service keeps those that a list of people in office names."""
COUNTS = ("rows", "accepted", "duplicate", "refused", "repaired")


def beside(file: Path) -> Path:
    """Where the sheet of errors goes unless told otherwise: FILE-loi.xlsx beside the list."""
    return file.with_name(f"{file.stem}-loi.xlsx")


def fields(
    kind: str,
    unit: str | None,
    period: str | None,
    source: str | None,
    sheet: str | None,
    delivered: str | None,
    others: list[str],
    backfill: bool = False,
) -> dict[str, str]:
    """What is sent beside the file. CommandError: a value is not NAME=VALUE."""
    named = {
        "kind": kind,
        "unit": unit,
        "period": period,
        "source": source,
        "sheet": sheet,
        "delivered": delivered,
        "backfill": "true" if backfill else None,
    }
    sent = {name: value for name, value in named.items() if value is not None}
    for other in others:
        name, equals, value = other.partition("=")
        if not equals or not name.strip():
            raise CommandError(f"--set {other}: write NAME=VALUE", USAGE)
        sent[name.strip()] = value.strip()
    return sent


async def run(instance: Instance, file: Path, sent: Mapping[str, str], errors: Path | None) -> int:
    """Upload, watch, print the counts, fetch the sheet; the exit code: 0 all is in, 1 not all.

    The same file sent again while it is being worked through is the same job, so a break does no
    harm: run the command again.

    Raises:
        CommandError: 1 refused as a whole, 2 no such file, 3 intake is unreachable.
    """
    content = _read(file)
    async with Client(instance) as client:
        job = await _upload(client, file, content, sent)
        job = await _watch(client, job, file)
        for fault in job["errors"]:
            print(f"failed: {fault['message']}")
        for name in COUNTS:
            print(f"{name} {job[name]}")
        if job["eligible"] is not None:
            print(f"eligible {job['eligible']}")
        if job["state"] == "done" and (job["refused"] or job["remarks"]):
            print(f"errors {await _fetch_sheet(client, job, errors or beside(file))}")
        if job["state"] == "done" and job["kind"] in REGISTERS and job["accepted"]:
            print(await _register(client, job))
    return REFUSED if job["state"] == "failed" or job["refused"] else 0


async def _upload(
    client: Client, file: Path, content: bytes, sent: Mapping[str, str]
) -> dict[str, Any]:
    answer = await client.ask(
        "intake", "POST", "/v1/imports", files={"file": (file.name, content)}, data=dict(sent)
    )
    if answer.status_code != 202:
        codes = {item.get("code") for item in problem_of(answer).get("errors") or ()}
        wrong_usage = codes and codes <= {"unknown_kind", "unknown_field"}
        raise CommandError(faults("intake", answer), USAGE if wrong_usage else REFUSED)
    return _job_of(answer)


async def _watch(client: Client, job: dict[str, Any], file: Path) -> dict[str, Any]:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[done]} rows"),
        TimeElapsedColumn(),
    )
    pause = FIRST_PAUSE
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(file.name, total=None, done=0)
        while job["state"] not in ("done", "failed"):
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, LONGEST_PAUSE)
            answer = await client.ask("intake", "GET", f"/v1/imports/{job['id']}")
            if answer.status_code != 200:
                raise CommandError(faults("intake", answer), REFUSED)
            job = _job_of(answer)
            at = job["progress"]
            progress.update(task, total=at["total"], completed=at["done"], done=at["done"])
    return job


async def _fetch_sheet(client: Client, job: dict[str, Any], path: Path) -> Path:
    answer = await client.ask("intake", "GET", f"/v1/imports/{job['id']}/errors.xlsx")
    if answer.status_code != 200:
        raise CommandError(faults("intake", answer), REFUSED)
    _write(path, answer.content)
    return path


async def _register(client: Client, job: dict[str, Any]) -> str:
    """Hand those that the list names to the register that keeps them; a line that says so.

    Installers are added to quota's people; the officers of the units that the list names take the
    place of those that notify knew of these units.
    """
    register = REGISTERS[job["kind"]]
    if register not in client.instance.urls:
        return f"registered 0: set MOTCUA_{register.upper()}_URL"
    listed = await client.fetch("intake", "GET", f"/v1/imports/{job['id']}/people")
    people = listed["people"]
    if not people:
        return "registered 0: the list gives no codes"
    if register == "quota":
        await client.fetch("quota", "PUT", "/v1/people", json={"people": people})
    else:
        where = {"replace": "listed"}
        await client.fetch("notify", "PUT", "/v1/officers", params=where, json=people)
    return f"registered {len(people)}"


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}", USAGE) from error


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}", USAGE) from error


def _job_of(answer: httpx.Response) -> dict[str, Any]:
    job = problem_of(answer)
    if "state" not in job:
        raise CommandError("intake does not answer as expected: is it older than this program?", 3)
    return job
