"""`motcua serve SERVICE`: one service in the foreground, for `up` and for containers."""

from __future__ import annotations

import importlib

import uvicorn

from shared.cli import environment
from shared.cli.environment import SERVICES
from shared.cli.errors import USAGE, CommandError
from shared.cli.up import FIRST_PORT
from shared.settings import FolderFaults, SettingsError

GRACE_SECONDS = 10
"""How long open requests may take to end after SIGTERM."""


def run(service: str) -> None:
    """Serve until SIGTERM. CommandError: 2 no such service, or what it is given is wrong."""
    if service not in SERVICES:
        raise CommandError(f"no service {service!r}: one of {', '.join(SERVICES)}", USAGE)
    settings = environment.check(service)[service]
    module = importlib.import_module(f"services.{service}.app")
    try:
        app = module.create_app(settings)
    except SettingsError as error:
        raise CommandError("\n".join(error.lines), USAGE) from error
    except FolderFaults as error:
        raise CommandError(str(error), USAGE) from error
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port or FIRST_PORT + SERVICES.index(service),
        loop="uvloop",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
