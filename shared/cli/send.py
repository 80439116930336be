"""`motcua send`: CloudEvents from files into intake, in batches."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

import httpx
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from shared.cli.client import Client, Instance, fault_line, faults, problem_of
from shared.cli.errors import REFUSED, USAGE, CommandError

BATCH_EVENTS = 500
BATCH_BYTES = 900_000
"""Below intake's limit of 1 MiB a request."""
CONTENT_TYPE = "application/cloudevents-batch+json"


@dataclass(frozen=True, slots=True)
class Item:
    """One event as it stood in its file, or (`fault`) what could not be read there."""

    place: str
    text: bytes
    position: int
    fault: str = ""


@dataclass(slots=True)
class Totals:
    """How intake answered, by status, and why for each event that is not in."""

    counts: Counter[str] = field(default_factory=Counter)

    def refuse(self, item: Item, status: str, reasons: list[str]) -> None:
        """Count and print one event that was not taken."""
        self.counts[status] += 1
        print(f"{status} {item.place}: {'; '.join(reasons) or 'no reason given'}")

    @property
    def failed(self) -> int:
        return self.counts["refused"] + self.counts["conflict"]


def read(name: str) -> Iterator[Item]:
    """The events of a file, or of standard input for `-`. CommandError: cannot be opened."""
    if name == "-":
        yield from _events(sys.stdin.buffer, "stdin")
        return
    try:
        with Path(name).open("rb") as file:
            yield from _events(file, name)
    except OSError as error:
        raise CommandError(f"{name}: {error.strerror}", USAGE) from error


def _events(file: IO[bytes], name: str) -> Iterator[Item]:
    position = 0
    for number, line in enumerate(file, 1):
        position += len(line)
        text = line.strip().removeprefix(b"\xef\xbb\xbf").strip()
        if not text:
            continue
        try:
            event = json.loads(text)
        except (ValueError, RecursionError):
            # An array, or one event, written over several lines.
            if number == 1 or text in (b"[", b"{"):
                yield from _whole(text + b"\n" + file.read(), name, position)
                return
            yield Item(f"{name}:{number}", b"", position, "this is not JSON")
            continue
        if isinstance(event, list):
            yield from _array(event, name, position)
        else:
            yield _item(event, text, f"{name}:{number}", position)


def _whole(text: bytes, name: str, position: int) -> Iterator[Item]:
    end = position + len(text)
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        lines = text.splitlines()
        if lines[0][:1] == b"[" or len(lines) == 1 or lines[0] == b"{":
            yield Item(name, b"", end, "this is not JSON")
            return
        # Lines, of which the first is damaged: the others are still good.
        yield Item(f"{name}:1", b"", position, "this is not JSON")
        for number, line in enumerate(lines[1:], 2):
            position += len(line) + 1
            if not line.strip():
                continue
            try:
                yield _item(json.loads(line), line.strip(), f"{name}:{number}", position)
            except (ValueError, RecursionError):
                yield Item(f"{name}:{number}", b"", position, "this is not JSON")
        return
    if isinstance(content, list):
        yield from _array(content, name, end)
    else:
        yield _item(content, text, name, end)


def _array(events: list[Any], name: str, position: int) -> Iterator[Item]:
    for index, event in enumerate(events):
        text = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode(
            "utf-8", "surrogatepass"
        )
        yield _item(event, text, f"{name}[{index}]", position)


def _item(event: Any, text: bytes, place: str, position: int) -> Item:
    if not isinstance(event, dict):
        return Item(place, b"", position, "this is not an event, which is a JSON object")
    if isinstance(event.get("id"), str):
        place = f"{place} ({str(event.get('source', ''))[:200]} {event['id'][:200]})"
    return Item(place, text, position)


def batches(items: Iterator[Item]) -> Iterator[list[Item]]:
    """At most 500 events and 900,000 bytes each; one larger event goes alone."""
    batch: list[Item] = []
    size = 0
    for item in items:
        length = len(item.text) + 1
        if batch and (len(batch) == BATCH_EVENTS or size + length > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(item)
        size += length
    if batch:
        yield batch


async def deliver(client: Client, items: list[Item], totals: Totals) -> None:
    """Send one batch and count every answer. CommandError: intake takes nothing from this key."""
    for item in items:
        if item.fault:
            totals.refuse(item, "refused", [item.fault])
    good = [item for item in items if not item.fault]
    if not good:
        return
    body = b"[" + b",".join(item.text for item in good) + b"]"
    answer = await client.ask(
        "intake", "POST", "/v1/events", content=body, headers={"Content-Type": CONTENT_TYPE}
    )
    if answer.status_code in (401, 403, 404, 405, 415):
        raise CommandError(faults("intake", answer), REFUSED)
    results = problem_of(answer).get("results")
    if isinstance(results, list) and len(results) == len(good):
        _count(good, results, totals)
    elif len(good) > 1 and answer.status_code < 500:
        # The batch as a whole was refused: find out which of its events is to blame.
        half = len(good) // 2
        await deliver(client, good[:half], totals)
        await deliver(client, good[half:], totals)
    elif len(good) == 1 and answer.status_code < 500:
        totals.refuse(good[0], _status(answer), _reasons(answer))
    else:
        raise CommandError(faults("intake", answer), REFUSED)


def _count(items: list[Item], results: list[dict[str, Any]], totals: Totals) -> None:
    for position, result in enumerate(results):
        item = items[result.get("index", position)]
        status = result["status"]
        if status in ("accepted", "duplicate"):
            totals.counts[status] += 1
        else:
            reasons = [fault_line(fault) for fault in result.get("errors") or ()]
            if status == "conflict" and not reasons:
                reasons = ["an event with this source and id but another content is stored"]
            totals.refuse(item, status, reasons)


def _status(answer: httpx.Response) -> str:
    return "conflict" if answer.status_code == 409 else "refused"


def _reasons(answer: httpx.Response) -> list[str]:
    problem = problem_of(answer)
    found = [fault_line(fault) for fault in problem.get("errors") or ()]
    return found or [str(problem.get("detail") or problem.get("title") or answer.reason_phrase)]


def sizes(names: list[str]) -> dict[str, int | None]:
    """Bytes of each file, unknown for `-`. CommandError: there is no such file."""
    for name in names:
        if name != "-" and not Path(name).is_file():
            raise CommandError(f"{name}: no such file", USAGE)
    return {name: None if name == "-" else max(1, Path(name).stat().st_size) for name in names}


def as_backfill(item: Item) -> Item:
    """The same event, marked as loaded afterwards; the rest stays as it was written."""
    if item.fault:
        return item
    head = item.text.rstrip().removesuffix(b"}").rstrip()
    mark = b'"backfill":true}' if head == b"{" else b',"backfill":true}'
    return replace(item, text=head + mark)  # of a name that comes twice the last counts


async def run(instance: Instance, names: list[str], backfill: bool = False) -> int:
    """Send everything; the exit code: 0 all is in, 1 something was refused.

    `backfill` marks every event as loaded afterwards: it counts, and nobody is messaged.

    Raises:
        CommandError: 2 a file cannot be opened, 3 intake is unreachable. What was sent until
        then is in, and sending the files again does no harm.
    """
    size = sizes(names)
    totals = Totals()
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[sent]} events"),
        TimeElapsedColumn(),
    )
    try:
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            async with Client(instance) as client:
                for name in names:
                    task = progress.add_task(Path(name).name, total=size[name], sent=0)
                    sent = 0
                    items = map(as_backfill, read(name)) if backfill else read(name)
                    for batch in batches(items):
                        await deliver(client, batch, totals)
                        sent += len(batch)
                        progress.update(task, completed=batch[-1].position, sent=sent)
    finally:
        for status in ("accepted", "duplicate", "refused", "conflict"):
            if status != "conflict" or totals.counts[status]:
                print(f"{status} {totals.counts[status]}", flush=True)
    return REFUSED if totals.failed else 0
