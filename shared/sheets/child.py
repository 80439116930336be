"""The process that opens files of strangers: bounded in memory, and alone when it fails.

Standard input: a line of JSON (what to do), then the file. Standard output: frames of JSON, each
after its length in 4 bytes: first what was opened, then batches of rows, last ``{"end": true}`` or
``{"error": ...}``. It reads no other file and opens no connection.
"""

import contextlib
import datetime as dt
import resource
import sys
from collections.abc import Iterable
from typing import Any, BinaryIO

import orjson

from shared.sheets import faults
from shared.sheets.opening import Limits, open_list

BATCH_ROWS = 400


def main() -> None:
    """Answer one request and end."""
    out = sys.stdout.buffer
    request = orjson.loads(sys.stdin.buffer.readline())
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (request["memory"], request["memory"]))
    try:
        _send_rows(out, request, sys.stdin.buffer.read())
        _send(out, {"end": True})
    except faults.Unreadable as fault:
        _send(out, {"error": [fault.code, fault.message, fault.status]})
    except MemoryError:
        _send(out, {"error": list(faults.TOO_MUCH)})


def _send_rows(out: BinaryIO, request: dict[str, Any], data: bytes) -> None:
    limits = Limits(request["unpacked"], request["rows"], request["columns"])
    opened = open_list(data, request["sheet"], limits)
    del data
    _send(
        out,
        {
            "format": opened.format,
            "sheet": opened.sheet,
            "sheets": opened.sheets,
            "coding": opened.coding,
            "total": opened.total,
        },
    )
    batch: list[Any] = []
    sent = 0
    for number, row in enumerate(opened.rows, 1):
        batch.append([encode(cell) for cell in row])
        if len(batch) == BATCH_ROWS:
            _send(out, {"first": sent + 1, "rows": batch})
            sent, batch = number, []
    if batch:
        _send(out, {"first": sent + 1, "rows": batch})


def encode(cell: Any) -> Any:
    """A cell as JSON: what JSON has no word for becomes a list of a letter and a text."""
    if isinstance(cell, dt.datetime):
        return ["d", cell.replace(tzinfo=None).isoformat()]
    if isinstance(cell, dt.date):
        return ["d", cell.isoformat()]
    if isinstance(cell, dt.time):
        return ["t", cell.isoformat()]
    if isinstance(cell, dt.timedelta):
        return ["t", str(cell)]
    if isinstance(cell, int) and not isinstance(cell, bool) and abs(cell) > 1 << 62:
        return float(cell)
    if isinstance(cell, str):
        return cell.encode("utf-8", "replace").decode()
    return cell


def decode(cell: Any) -> Any:
    """A cell as it was before `encode`; a time of day stays a text."""
    if not isinstance(cell, list):
        return cell
    letter, text = cell
    if letter == "t":
        return text
    return dt.datetime.fromisoformat(text) if "T" in text else dt.date.fromisoformat(text)


def _send(out: BinaryIO, frame: dict[str, Any]) -> None:
    body = orjson.dumps(frame)
    out.write(len(body).to_bytes(4, "big") + body)
    out.flush()


def rows_of(frame: dict[str, Any]) -> Iterable[tuple[int, list[Any]]]:
    """The rows of a frame with their numbers, which count from 1 as spreadsheets do."""
    for number, row in enumerate(frame["rows"], frame["first"]):
        yield number, [decode(cell) for cell in row]


if __name__ == "__main__":
    main()
