"""A gateway that speaks as eSMS does and lies: by the number that a message goes to.

It keeps what it took before it says anything, so what it says can be held against it.
"""

import contextlib
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import httpx

from tests.notify.serving import Quiet, serving

HANGS, DIES, REFUSES, EARLY, TWICE, BUSY, LOCKED, GARBLES = "123456789"[:8]
"""What the last digit of a number brings about; 0 and 9 are honest."""


@dataclass
class Liar:
    """What it was sent: bodies, by number, in order."""

    taken: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    asked: Counter = field(default_factory=Counter)
    port: int = 0
    honest: bool = False
    down: bool = False
    busy: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/send"

    def call_back(self, body: dict[str, Any], delivered: bool = True, status: str = "5") -> int:
        """Report what became of a message, at the address that came with it."""
        fields = {
            "SMSID": f"id-{body['RequestId'][:8]}",
            "RequestId": body["RequestId"],
            "SendStatus": status,
            "SendSuccess": "1" if delivered else "0",
            "SendFailed": "0" if delivered else "1",
            "phonenumber": body["Phone"],
        }
        address, query = body["CallbackUrl"].split("?")
        key = {name: values[0] for name, values in parse_qs(query).items()}
        return httpx.get(address, params={**key, **fields}, timeout=20).status_code

    def answer(self, body: dict[str, Any]) -> tuple[int, bytes] | None:
        """The answer to a message; null: the connection just ends."""
        number = body["Phone"]
        with self.lock:
            self.asked[number] += 1
            times = self.asked[number]
        lie = "" if self.honest else number[-1]
        if lie == REFUSES:
            return 200, b'{"CodeResult": "99", "ErrorMessage": "blocked 0900000000"}'
        if lie == LOCKED and times == 1:
            return 200, b'{"CodeResult": "101"}'
        if lie == BUSY and times == 1:
            return 429, b""
        with self.lock:
            self.taken.setdefault(number, []).append(body)
        if lie == HANGS:
            time.sleep(3)
            return None
        if lie == DIES:
            return None
        if lie == EARLY:
            self.call_back(body)
        if lie == TWICE:
            for _ in range(3):
                self.call_back(body)
        if lie == GARBLES:
            return 200, b"<html>ok"
        done = {"CodeResult": "100", "SMSID": f"id-{body['RequestId'][:8]}"}
        return 200, json.dumps(done).encode()


@contextlib.contextmanager
def liar() -> Iterator[Liar]:
    """A running gateway."""
    made = Liar()

    class Handler(Quiet):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            body = json.loads(self.rfile.read(length))
            told = (503, b"") if made.busy else None if made.down else made.answer(body)
            if told is None:
                self.close_connection = True
                return
            status, text = told
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(text)

    with serving(Handler) as made.port:
        yield made
