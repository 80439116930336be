"""The same sheet with what is wrong beside each row: to be mended and sent again."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from services.intake import store
from services.intake.handlers.imports import Imports
from services.intake.rules.lists.kinds import Kind
from services.intake.rules.lists.notes import Note, words
from shared.embedded.process import tie
from shared.sheets import faults, reader

LABELS = ("Lỗi", "Đã tự sửa")
PAGE = 5000


async def write_error_sheet(
    imports: Imports, job: Mapping[str, Any], kind: Kind, folder: Path
) -> Path:
    """Write the sheet into a folder, in a process of its own; the path of the file.

    Raises:
        Unreadable: the file cannot be read any more.
    """
    path = folder / "errors.xlsx"
    request = {
        "sheet": job["sheet"].get("sheet") or job["given"].get("sheet"),
        "unpacked": imports.limits.unpacked,
        "rows": imports.limits.rows,
        "columns": imports.limits.columns,
        "path": str(path),
        "heading_row": job["sheet"].get("heading_row", 1),
        "labels": LABELS,
        "notes": await _notes(imports, job, kind),
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "shared.sheets.writing"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=reader.environment(),
        start_new_session=True,
        preexec_fn=tie(os.getpid(), signal.SIGKILL),
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            process.stdin.write(orjson.dumps(request) + b"\n")
            async for part in imports.parts(job["id"]):
                process.stdin.write(part)
                await process.stdin.drain()
            process.stdin.close()
        answer = await process.stdout.readline()
    finally:
        with contextlib.suppress(ProcessLookupError):
            if not process.stdout.at_eof():
                process.kill()
        await process.wait()
    if not answer:
        raise faults.unreadable(faults.TOO_MUCH)
    said = orjson.loads(answer)
    if "error" in said:
        raise faults.Unreadable(*said["error"])
    return path


async def _notes(imports: Imports, job: Mapping[str, Any], kind: Kind) -> dict[str, list[str]]:
    notes: dict[str, list[str]] = {}
    after = 0
    while True:
        async with imports.database.transaction() as session:
            rows = await store.list_import_rows(session, job["id"], after, PAGE)
        for row in rows:
            said = row["notes"]
            wrong = [_said(item, kind) for item in said.get("faults", ())]
            wrong += [f"Lưu ý: {_said(item, kind)}" for item in said.get("remarks", ())]
            mended = [_said(item, kind) for item in said.get("repairs", ())]
            notes[str(row["row"])] = ["; ".join(wrong), "; ".join(mended)]
        if len(rows) < PAGE:
            return notes
        after = rows[-1]["row"]


def _said(item: list[str], kind: Kind) -> str:
    note = Note(*item)
    column = kind.columns.get(note.column)
    heading = column.heading if column else note.column
    return f"{heading}: {words(note)}" if heading else words(note)
