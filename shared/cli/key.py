"""`motcua key`: keys for the software and the people that talk to this instance."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from shared import clock
from shared.cli.client import Client, Instance
from shared.cli.errors import UNREACHABLE, CommandError

ARRIVAL = 30.0
"""Seconds until a new key that some service does not know yet is reported."""


async def create(
    instance: Instance,
    name: str,
    scopes: list[str],
    units: list[str],
    sources: list[str],
    sandbox: bool = False,
) -> str:
    """Make a key, wait until every service takes it, and return it.

    Raises:
        CommandError: 1 refused, 3 unreachable. Where only some services know the key in time,
        it is printed all the same by the caller's text, because it is never shown again.
    """
    body: dict[str, Any] = {"name": name, "scopes": scopes, "units": units, "sources": sources}
    if sandbox:
        body["sandbox"] = True
    async with Client(instance) as client:
        made = await client.fetch("intake", "POST", "/v1/keys", json=body, repeatable=False)
    missing = await _unaware(instance, made["key"])
    if missing:
        raise CommandError(
            f"{', '.join(missing)} did not take the key within {ARRIVAL:g} s; they will when they "
            f"are back. The key, shown only now:\n{made['key']}",
            UNREACHABLE,
        )
    return str(made["key"])


async def _unaware(instance: Instance, key: str) -> list[str]:
    missing = list(instance.urls)
    async with Client(Instance(instance.urls, key), patience=2.0) as client:
        for _ in range(int(ARRIVAL / 0.2)):
            missing = [name for name in missing if not await _knows(client, name)]
            if not missing:
                break
            await asyncio.sleep(0.2)
    return missing


async def _knows(client: Client, service: str) -> bool:
    try:
        answer = await client.ask(service, "GET", "/v1/whoami")
    except CommandError:
        return False
    return answer.status_code == 200


async def show(instance: Instance) -> None:
    """Print every key but the keys themselves, of which only hashes are kept."""
    async with Client(instance) as client:
        answer = await client.fetch("intake", "GET", "/v1/keys")
    table = Table("id", "name", "scopes", "units", "sources", "created", "revoked", box=None)
    for key in rows(answer, "keys"):
        table.add_row(
            str(key["id"]),
            str(key.get("name", "")),
            " ".join(key.get("scopes") or ()) + (" (sandbox)" if key.get("sandbox") else ""),
            " ".join(key.get("units") or ()) or "*",
            " ".join(key.get("sources") or ()) or "*",
            local(key.get("created_at")),
            local(key.get("revoked_at")),
        )
    console().print(table)


async def revoke(instance: Instance, key_id: str) -> None:
    """Make a key invalid in every service. CommandError: 1 there is none with this id."""
    async with Client(instance) as client:
        await client.fetch("intake", "DELETE", f"/v1/keys/{key_id}")
    print(f"revoked {key_id}")


def local(instant: str | None) -> str:
    """An instant as clocks in Viet Nam show it, to the second; empty where there is none."""
    if not instant:
        return ""
    return datetime.fromisoformat(instant).astimezone(clock.VN).strftime("%Y-%m-%d %H:%M:%S")


def rows(answer: Any, name: str) -> list[dict[str, Any]]:
    """The list in an answer, bare or under its name."""
    found = answer.get(name, answer.get("rows")) if isinstance(answer, dict) else answer
    return found or []


def console() -> Console:
    """Standard output; wide where nobody looks, so that other programs find whole lines."""
    screen = Console(highlight=False)
    return screen if screen.is_terminal else Console(highlight=False, width=240)
