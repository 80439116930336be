"""`motcua rebuild reporting`: the store of reporting anew from the streams, while the old answers."""

from __future__ import annotations

import importlib
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from shared.cli.environment import setting
from shared.cli.errors import REFUSED, UNREACHABLE, USAGE, CommandError
from shared.embedded.home import Home, read_json
from shared.embedded.postgres import Postgres

SERVICE = "reporting"


async def run(service: str, data_dir: Path) -> None:
    """Rebuild, with progress. CommandError: 1 it was refused, 2 another service, 3 nothing runs."""
    if service != SERVICE:
        raise CommandError(f"only {SERVICE} can be rebuilt", USAGE)
    database_url, nats_url = _addresses(data_dir)
    # By name: what is shared knows no service.
    module = importlib.import_module(f"services.{SERVICE}.handlers.rebuilding")
    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    )
    with bar:
        task = bar.add_task("messages", total=None)
        try:
            read = await module.rebuild(
                database_url,
                nats_url,
                lambda done, total: bar.update(task, completed=done, total=total),
            )
        except module.RebuildRefused as refusal:
            raise CommandError(str(refusal), REFUSED) from refusal
    print(f"{SERVICE} rebuilt from {read} messages")


def _addresses(data_dir: Path) -> tuple[str, str]:
    database_url, nats_url = setting("DATABASE_URL"), setting("NATS_URL")
    home = Home(data_dir)
    ports = read_json(home.instance_file).get("ports", {})
    passwords = read_json(home.path / "passwords.json")
    if not database_url and (port := ports.get("database")):
        path = home.path / "postgres"
        database_url = Postgres(path, home.log("database"), port, passwords).url(SERVICE)
    if not nats_url and (port := ports.get("broker")):
        nats_url = f"nats://motcua:{passwords['broker']}@127.0.0.1:{port}"
    if not database_url or not nats_url:
        raise CommandError(
            "nothing runs there: start it, or give DATABASE_URL and NATS_URL", UNREACHABLE
        )
    return database_url, nats_url
