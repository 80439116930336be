"""`motcua send` against an intake that answers by script."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from shared.cli import client, send
from shared.cli.client import Instance
from shared.cli.errors import CommandError


class Intake:
    """Takes every event whose id does not begin with `bad`; fails as often as it is told to."""

    def __init__(self) -> None:
        self.batches: list[list[dict[str, Any]]] = []
        self.failures: list[tuple[int, dict[str, str]]] = []
        self.largest = 1 << 20
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, headers, answer = outer.answer(body)
                data = json.dumps(answer).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: object) -> None:
                """Tests are quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def answer(self, body: bytes) -> tuple[int, dict[str, str], dict[str, Any]]:
        if self.failures:
            status, headers = self.failures.pop(0)
            return status, headers, {"title": "not now"}
        if len(body) > self.largest:
            return 413, {}, {"title": "too large", "errors": []}
        batch = json.loads(body)
        self.batches.append(batch)
        return 202, {}, {"results": [self.judge(index, event) for index, event in enumerate(batch)]}

    def judge(self, index: int, event: dict[str, Any]) -> dict[str, Any]:
        faults = [{"pointer": "/data/unit", "code": "unknown_unit", "message": "no such unit"}]
        status = "accepted"
        if event["id"].startswith("bad"):
            status = "refused"
        elif event["id"].startswith("twice"):
            status = "duplicate"
        elif event["id"].startswith("other"):
            status = "conflict"
        errors = faults if status == "refused" else []
        return {"index": index, "id": event["id"], "status": status, "errors": errors}


@pytest.fixture
def intake() -> Iterator[Intake]:
    intake = Intake()
    thread = threading.Thread(target=intake.server.serve_forever, daemon=True)
    thread.start()
    yield intake
    intake.server.shutdown()
    intake.server.server_close()
    thread.join()


def event(number: object, **more: object) -> dict[str, object]:
    return {"specversion": "1.0", "id": f"{number}", "source": "/tests", **more}


def lines(path: Path, *events: object) -> str:
    path.write_text("\n".join(json.dumps(item) for item in events) + "\n")
    return str(path)


def at(intake: Intake) -> Instance:
    return Instance({"intake": intake.url}, "mc_test_key")


async def test_batches_hold_at_most_500_events(intake: Intake, tmp_path: Path) -> None:
    name = lines(tmp_path / "events.ndjson", *(event(number) for number in range(1201)))
    assert await send.run(at(intake), [name]) == 0
    assert [len(batch) for batch in intake.batches] == [500, 500, 201]
    assert [item["id"] for batch in intake.batches for item in batch] == [
        str(number) for number in range(1201)
    ]


async def test_batches_stay_below_a_mebibyte(intake: Intake, tmp_path: Path) -> None:
    name = lines(tmp_path / "e", *(event(number, text="x" * 200_000) for number in range(11)))
    assert await send.run(at(intake), [name]) == 0
    assert sum(map(len, intake.batches)) == 11
    assert all(len(json.dumps(batch)) < 1 << 20 for batch in intake.batches)


async def test_refused_and_conflicting_events_are_named_with_their_reasons(
    intake: Intake, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = lines(
        tmp_path / "e", event("good"), event("bad"), event("twice"), event("other"), [1], "text"
    )
    assert await send.run(at(intake), [name]) == 1
    out = capsys.readouterr().out
    assert f"refused {name}:2 (/tests bad): /data/unit: no such unit" in out
    assert f"conflict {name}:4 (/tests other): an event with this source and id" in out
    assert out.splitlines()[-4:] == ["accepted 1", "duplicate 1", "refused 3", "conflict 1"]


async def test_an_array_on_one_line_or_many_is_read(intake: Intake, tmp_path: Path) -> None:
    events = [event("1"), event("2")]
    (tmp_path / "one").write_text(json.dumps(events))
    (tmp_path / "many").write_text("\ufeff" + json.dumps(events, indent=2))
    (tmp_path / "single").write_text(json.dumps(event("3"), indent=2))
    names = [str(tmp_path / name) for name in ("one", "many", "single")]
    assert await send.run(at(intake), names) == 0
    ids = [[item["id"] for item in batch] for batch in intake.batches]
    assert ids == [["1", "2"], ["1", "2"], ["3"]]


@pytest.mark.parametrize("damaged", [0, 1, 2])
async def test_a_damaged_line_does_not_take_the_others_with_it(
    intake: Intake, tmp_path: Path, damaged: int, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = [json.dumps(event(number)) for number in range(3)]
    texts[damaged] = texts[damaged][:-4]
    (tmp_path / "e").write_text("\n".join(texts))
    assert await send.run(at(intake), [str(tmp_path / "e")]) == 1
    assert len(intake.batches[0]) == 2
    assert f":{damaged + 1}: this is not JSON" in capsys.readouterr().out


async def test_numbers_reach_intake_as_they_were_written(intake: Intake, tmp_path: Path) -> None:
    (tmp_path / "e").write_text(
        '{"id": "1", "source": "/t", "data": {"value": 12345678901234567890123}}\n'
    )
    assert await send.run(at(intake), [str(tmp_path / "e")]) == 0
    assert intake.batches[0][0]["data"]["value"] == 12345678901234567890123


async def test_backfill_marks_every_event_and_leaves_the_rest(
    intake: Intake, tmp_path: Path
) -> None:
    file = tmp_path / "e"
    file.write_text(
        '{"id":"1","source":"/tests","n":1.10}\n{}\nrubbish\n{"id":"3","backfill":false } \n'
    )
    marked = [send.as_backfill(item) for item in send.read(str(file))]
    assert [item.text for item in marked] == [
        b'{"id":"1","source":"/tests","n":1.10,"backfill":true}',
        b'{"backfill":true}',
        b"",
        b'{"id":"3","backfill":false,"backfill":true}',
    ]
    name = lines(tmp_path / "f", event(1), event(2))
    assert await send.run(at(intake), [name], backfill=True) == 0
    assert [item["backfill"] for batch in intake.batches for item in batch] == [True, True]


async def test_an_event_too_large_is_refused_alone(intake: Intake, tmp_path: Path) -> None:
    intake.largest = 2_000
    name = lines(tmp_path / "e", event(1), event(2, text="x" * 3_000), event(3))
    assert await send.run(at(intake), [name]) == 1
    assert [item["id"] for batch in intake.batches for item in batch] == ["1", "3"]


async def test_a_busy_intake_is_asked_again(intake: Intake, tmp_path: Path) -> None:
    intake.failures = [(503, {"Retry-After": "0"}), (429, {})]
    assert await send.run(at(intake), [lines(tmp_path / "e", event(1))]) == 0
    assert len(intake.batches) == 1


async def test_a_key_that_may_not_send_is_said_once(intake: Intake, tmp_path: Path) -> None:
    intake.failures = [(403, {})]
    with pytest.raises(CommandError, match="intake refused") as caught:
        await send.run(at(intake), [lines(tmp_path / "e", event(1))])
    assert caught.value.code == 1


async def test_nobody_there_is_exit_code_3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "FIRST_PATIENCE", 0.1)
    instance = Instance({"intake": "http://127.0.0.1:9"}, "mc_test_key")
    with pytest.raises(CommandError, match="unreachable") as caught:
        await send.run(instance, [lines(tmp_path / "e", event(1))])
    assert caught.value.code == 3


def test_an_instance_is_found_by_its_directory_or_by_urls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MOTCUA_KEY", "MOTCUA_KEY_FILE", "MOTCUA_DATA_DIR", "MOTCUA_INTAKE_URL"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "instance.json").write_text('{"urls": {"intake": "http://127.0.0.1:1"}}')
    (tmp_path / "admin.key").write_text("mc_admin_here\n")
    here = client.find(tmp_path)
    assert here == Instance({"intake": "http://127.0.0.1:1"}, "mc_admin_here")
    monkeypatch.setenv("MOTCUA_INTAKE_URL", "http://far/")
    with pytest.raises(CommandError, match="MOTCUA_KEY") as caught:
        client.find(None)
    assert caught.value.code == 2
    monkeypatch.setenv("MOTCUA_KEY", "mc_far_key")
    assert client.find(None) == Instance({"intake": "http://far"}, "mc_far_key")
    assert client.find(tmp_path).urls == here.urls
    with pytest.raises(CommandError) as caught:
        client.find(tmp_path / "nothing")
    assert caught.value.code == 3
