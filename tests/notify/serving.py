"""A server of HTTP for as long as a test wants it, in threads of its own."""

import contextlib
import http.server
import threading
from collections.abc import Iterator


class Quiet(http.server.BaseHTTPRequestHandler):
    """A handler that writes nothing about what it was asked."""

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


class _Server(http.server.ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True

    def handle_error(self, *_args: object) -> None:
        """A client that is killed breaks off."""


@contextlib.contextmanager
def serving(handler: type[Quiet]) -> Iterator[int]:
    """The port on which a handler answers."""
    server = _Server(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
