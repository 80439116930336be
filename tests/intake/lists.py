"""Lists for tests: sheets made of rows, and what intake says of them."""

import datetime as dt
import io
import json
from pathlib import Path
from typing import Any

import nats
import python_calamine
import xlsxwriter
import yaml

from services.intake.rules.lists.kinds import Kind, read_kinds
from tests.instance import ROOT, Instance, wait_for

INSTALLS = [
    "STT", "Đơn vị", "Ngày cài", "Ứng dụng", "Mã người cài", "Mã máy", "Số điện thoại", "Nơi cài",
    "Kết quả",
]  # fmt: skip


def declared() -> dict[str, Kind]:
    """The kinds that ship with the product."""
    files = sorted((ROOT / "deploy" / "lists").glob("*.yaml"))
    return read_kinds({path.stem: yaml.safe_load(path.read_text()) for path in files})


def workbook(rows: list[list[Any]], *more: list[list[Any]]) -> bytes:
    """A workbook of one sheet or several; days are typed cells."""
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"strings_to_formulas": False}) as book:
        day = book.add_format({"num_format": "dd/mm/yyyy"})
        for sheet in (rows, *more):
            page = book.add_worksheet()
            for number, row in enumerate(sheet):
                for position, value in enumerate(row):
                    if isinstance(value, dt.date):
                        page.write_datetime(number, position, value, day)
                    elif value is not None:
                        page.write(number, position, value)
    return content.getvalue()


def install_row(number: int, unit: str = "461", **changed: Any) -> list[Any]:
    """A faultless row of a list of installs."""
    values = {
        "number": number,
        "unit": unit,
        "at": f"{number % 28 + 1:02}/09/2019 08:{number % 60:02}",
        "app": "rtHome",
        "installer": f"{unit}-{number % 8 + 1:02}",
        "device": f"may-{unit}-{number}",
        "citizen": f"09{number:08}",
        "place": "Nhà riêng",
        "result": "Thành công",
    } | changed
    return list(values.values())


def send(
    running: Instance,
    content: bytes,
    kind: str,
    name: str = "list.xlsx",
    headers: dict[str, str] | None = None,
    replica: int = 0,
    **fields: str,
) -> Any:
    """Upload a list; the answer as it came."""
    return running.http.post(
        running.url("intake", "/v1/imports", replica),
        files={"file": (name, content)},
        data={"kind": kind, **fields},
        headers=headers,
    )


def work(running: Instance, content: bytes, kind: str, **fields: Any) -> dict[str, Any]:
    """Upload a list and wait until it has been worked through."""
    answer = send(running, content, kind, **fields)
    assert answer.status_code == 202, answer.text
    return finished(running, answer.json()["id"])


def finished(running: Instance, id: str, seconds: float = 60) -> dict[str, Any]:
    """A job when it has ended."""

    def ended() -> dict[str, Any] | None:
        job: dict[str, Any] = running.get("intake", f"/v1/imports/{id}")
        return job if job["state"] in ("done", "failed") else None

    found: dict[str, Any] = wait_for(ended, seconds, lambda: running.log("intake")[-2000:])
    return found


def counts(job: dict[str, Any]) -> tuple[int, int, int, int]:
    """(rows, accepted, duplicate, refused)."""
    return job["rows"], job["accepted"], job["duplicate"], job["refused"]


def said(running: Instance, id: str) -> dict[int, dict[str, list[str]]]:
    """By row: its faults, remarks and repairs as "column code"."""
    rows = running.get("intake", f"/v1/imports/{id}/rows", limit=5000)["rows"]
    return {
        row["row"]: {
            name: [f"{note['column']} {note['code']}".strip() for note in row[name]]
            for name in ("faults", "remarks", "repairs")
            if row[name]
        }
        for row in rows
    }


def sheet(running: Instance, id: str) -> list[list[Any]]:
    """The sheet of errors."""
    answer = running.http.get(running.url("intake", f"/v1/imports/{id}/errors.xlsx"))
    assert answer.status_code == 200, answer.text
    book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(answer.content))
    return book.get_sheet_by_index(0).to_python()


async def published(running: Instance) -> list[dict[str, Any]]:
    """Every event in the stream EVENTS."""
    client = await nats.connect(running.urls["nats"])
    try:
        jetstream = client.jetstream()
        waiting = (await jetstream.stream_info("EVENTS")).state.messages
        reader = await jetstream.subscribe("motcua.events.>", ordered_consumer=True)
        return [json.loads((await reader.next_msg(10)).data) for _ in range(waiting)]
    finally:
        await client.close()


def own_source(events: list[dict[str, Any]], source: str) -> list[dict[str, Any]]:
    """The events of one source, by time and type."""
    found = [event for event in events if event["source"] == source]
    return sorted(found, key=lambda event: (event["time"], event["type"], event["id"]))


def save(folder: Path, content: bytes, name: str = "list.xlsx") -> Path:
    """A list as a file."""
    path = folder / name
    path.write_bytes(content)
    return path
