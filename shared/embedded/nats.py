"""NATS JetStream from its wheel: file storage, every write synced, loopback, a password."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sysconfig
from collections.abc import Mapping
from pathlib import Path

import nats

from shared.embedded.home import write_private
from shared.embedded.process import Command, EmbeddedError, rotate

_CONFIG = """\
server_name: motcua
listen: "127.0.0.1:{port}"
max_payload: 1MB
jetstream {{
  store_dir: {store}
  sync_interval: always
  max_memory_store: 64MB
  max_file_store: 16GB
}}
authorization {{
  users: [
    {{ user: motcua, password: {password} }}
{sources}  ]
}}
"""
_SOURCE = """\
    {{ user: source-{name}, password: {password}, permissions {{
      publish {{ allow: ["motcua.inbox.{name}"] }}
      subscribe {{ allow: ["_INBOX_{name}.>"] }}
    }} }}
"""


def binary() -> Path:
    """The server program. EmbeddedError: not installed."""
    beside = Path(sysconfig.get_path("scripts")) / "nats-server"
    if beside.exists():
        return beside
    if found := shutil.which("nats-server"):
        return Path(found)
    raise EmbeddedError("nats-server is not installed: run `make setup`, or set NATS_URL")


class Nats:
    """One embedded broker with its store in `folder`.

    `sources` are users beside our own, name to password: `source-NAME` may publish to its inbox
    `motcua.inbox.NAME`, hear its answers below `_INBOX_NAME`, and nothing else.
    """

    def __init__(
        self,
        folder: Path,
        log: Path,
        port: int,
        password: str,
        sources: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.log = log
        self.port = port
        self._password = password
        self._sources = dict(sources or {})

    @property
    def url(self) -> str:
        """With the password in it: for children's environments, never for a log."""
        return f"nats://motcua:{self._password}@127.0.0.1:{self.port}"

    def command(self) -> Command:
        """Write the configuration and say how to start the server."""
        self.folder.mkdir(exist_ok=True, mode=0o700)
        config = self.folder / "nats.conf"
        text = _CONFIG.format(
            port=self.port,
            store=json.dumps(str(self.folder)),
            password=json.dumps(self._password),
            sources="".join(
                _SOURCE.format(name=name, password=json.dumps(secret))
                for name, secret in self._sources.items()
            ),
        )
        write_private(config, text)
        rotate(self.log)
        return Command(
            name="broker",
            argv=(str(binary()), "-c", str(config)),
            env={"PATH": os.environ.get("PATH", os.defpath)},
            log=self.log,
        )

    async def ready(self) -> None:
        """Return once JetStream answers; asks for ever, the caller sets the limit."""
        while True:
            try:
                client = await nats.connect(
                    self.url, allow_reconnect=False, connect_timeout=2, error_cb=_ignore
                )
            except Exception:
                await asyncio.sleep(0.1)
                continue
            try:
                await client.jetstream(timeout=2).account_info()
                return
            except Exception:
                await asyncio.sleep(0.1)
            finally:
                await client.close()


async def _ignore(_: Exception) -> None:
    """A server that is not up yet is what `ready` expects; it needs no line in a log."""
