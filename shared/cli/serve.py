"""`motcua serve SERVICE`: one service in the foreground, for `up` and for containers."""

from __future__ import annotations

import importlib
import os

import uvicorn

from shared.cli.errors import USAGE, CommandError
from shared.cli.up import FIRST_PORT, SERVICES
from shared.settings import SettingsError

GRACE_SECONDS = 10
"""How long open requests may take to end after SIGTERM."""


def run(service: str) -> None:
    """Serve until SIGTERM. CommandError: no such service, or its settings are wrong."""
    if service not in SERVICES:
        raise CommandError(f"no service {service!r}: one of {', '.join(SERVICES)}", USAGE)
    os.environ.setdefault("MOTCUA_PORT", str(FIRST_PORT + SERVICES.index(service)))
    module = importlib.import_module(f"services.{service}.app")
    try:
        app = module.create_app()
    except SettingsError as error:
        raise CommandError("\n".join(error.lines), USAGE) from error
    uvicorn.run(
        app,
        host=os.environ.get("MOTCUA_HOST", "127.0.0.1"),
        port=int(os.environ["MOTCUA_PORT"]),
        loop="uvloop",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
