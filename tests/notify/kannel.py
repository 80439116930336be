"""A real Kannel (bearerbox and smsbox), its fake carrier, and a carrier of our own behind it."""

import contextlib
import http.server
import re
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import httpx

from shared.embedded.process import free_port
from tests.instance import wait_for
from tests.real import need

BEARERBOX, SMSBOX = Path("/usr/sbin/bearerbox"), Path("/usr/sbin/smsbox")
FAKESMSC = Path("/usr/lib/kannel/test/fakesmsc")
USER, PASSWORD = "motcua", "p&ss w0rd"
CONFIGURATION = """
group = core
admin-port = {admin}
admin-password = admin
admin-interface = 127.0.0.1
smsbox-port = {boxes}
smsbox-interface = 127.0.0.1
box-allow-ip = 127.0.0.1
log-level = 3

group = smsc
smsc = fake
smsc-id = fake
port = {fake}
connect-allow-ip = 127.0.0.1
denied-prefix = "{slow}"

group = smsc
smsc = http
system-type = kannel
smsc-id = carrier
port = {answers}
connect-allow-ip = 127.0.0.1
smsc-username = carrier
smsc-password = carrier
send-url = "http://127.0.0.1:{carrier}/send"
dlr-url = "http://127.0.0.1:{answers}/sms?username=carrier&password=carrier"
allowed-prefix = "{slow}"

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {sendsms}
sendsms-interface = 127.0.0.1
log-level = 3

group = sendsms-user
username = "{user}"
password = "{password}"

group = sms-service
keyword = default
text = ""
max-messages = 0
"""


@dataclass(frozen=True)
class Handset:
    """What a handset got: the sender, the number, ``text`` or ``ucs-2``, and the text."""

    sender: str
    number: str
    coding: str
    text: str


@dataclass
class Carrier:
    """A carrier that takes everything, and reports what it is told to, when it is told to."""

    taken: list[dict[str, str]] = field(default_factory=list)
    port: int = 0

    def find(self, number: str) -> dict[str, str] | None:
        """The newest message to a number."""
        return next((m for m in reversed(self.taken) if m["to"] == number), None)

    def report(self, number: str, kind: int) -> None:
        """Send Kannel a receipt: 1 delivered, 2 failed."""
        message = self.find(number)
        assert message is not None
        assert httpx.get(message["dlr-url"].replace("%d", str(kind))).status_code == 202


class Kannel:
    """A running gateway."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        names = ("admin", "boxes", "fake", "answers", "sendsms")
        self.ports = {name: free_port() for name in names}
        self.carrier = Carrier()
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.ports['sendsms']}/cgi-bin/sendsms"

    def start(self) -> None:
        """Start both boxes."""
        folder = self.folder / "kannel.conf"
        values = {"slow": "+8490000009", "user": USER, "password": PASSWORD}
        folder.write_text(
            CONFIGURATION.format(carrier=self.carrier.port, **self.ports, **values), "utf-8"
        )
        self.run("bearerbox", [str(BEARERBOX), "-v", "3", str(folder)])
        self.wait_port("boxes")
        self.run("smsbox", [str(SMSBOX), "-v", "3", str(folder)])
        self.wait_port("sendsms")

    def wait_port(self, name: str) -> None:
        def listens() -> bool:
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", self.ports[name]), 0.3),
            ):
                return True
            return False

        wait_for(listens, 20, self.log)

    def run(self, name: str, argv: list[str]) -> None:
        log = (self.folder / f"{name}.log").open("ab")
        self.processes[name] = subprocess.Popen(
            argv, stdout=log, stderr=subprocess.STDOUT, cwd=self.folder
        )

    def connect_carrier(self) -> None:
        """The fake carrier comes up: what waits for it is delivered, with receipts."""
        if "fakesmsc" in self.processes:
            return
        argv = [str(FAKESMSC), "-H", "127.0.0.1", "-r", str(self.ports["fake"]), "-m", "0"]
        self.run("fakesmsc", [*argv, "1 2 text nop"])

    def kill(self, name: str) -> None:
        process = self.processes.pop(name, None)
        if process is not None:
            process.send_signal(signal.SIGKILL)
            process.wait()

    def stop(self) -> None:
        for name in list(self.processes):
            self.kill(name)

    def log(self) -> str:
        return "\n".join(path.read_text(errors="replace") for path in self.folder.glob("*.log"))

    def handsets(self, number: str) -> list[Handset]:
        """What the fake carrier delivered to a number, oldest first."""
        log = (self.folder / "fakesmsc.log").read_text(errors="replace")
        found = []
        for sender, to, coding, text in re.findall(
            r"Got message \d+: <(\S+) (\S+) (text|ucs-2) ([^>]*)>", log
        ):
            if to == number:
                if coding == "ucs-2":
                    raw = unquote(text.replace("+", " "), "latin-1").encode("latin-1")
                    text = raw.decode("utf-16-be")
                found.append(Handset(sender, to, coding, text))
        return found


@contextlib.contextmanager
def kannel(folder: Path) -> Iterator[Kannel]:
    """A real gateway for as long as the block runs."""
    need("kannel kannel-extras", BEARERBOX, SMSBOX, FAKESMSC)
    gateway = Kannel(folder)
    carrier = gateway.carrier

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            carrier.taken.append({name: values[-1] for name, values in query.items()})
            self.send_response(202)
            self.end_headers()
            self.wfile.write(b"0: Accepted for delivery")

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    carrier.port = server.server_port
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        gateway.start()
        yield gateway
    finally:
        gateway.stop()
        server.shutdown()
        server.server_close()
