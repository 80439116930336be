"""`motcua status`: each service's readiness, lag, dead letters and unsent notices."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from rich.table import Table

from shared.cli.client import Client, Instance
from shared.cli.errors import REFUSED, UNREACHABLE, CommandError
from shared.cli.key import console


async def run(instance: Instance, as_json: bool = False) -> int:
    """Print the table. The exit code: 0 all ready, 1 some not, 3 some unreachable."""
    async with Client(instance, patience=1.0) as client:
        found = await asyncio.gather(*(_one(client, name) for name in instance.urls))
    if as_json:
        print(json.dumps(found, indent=2))
    else:
        table = Table("service", "ready", "lag", "dead", "unsent", box=None)
        for row in found:
            ready = "unreachable" if row.get("unreachable") else "yes" if row["ready"] else "no"
            table.add_row(
                row["service"],
                ready,
                *(_cell(row, at) for at in ("lag", "dead")),
                _cell(row, "unsent"),
            )
        console().print(table)
        for row in found:
            for part, state in (row.get("parts") or {}).items():
                if state != "ok":
                    console().print(f"{row['service']} {part}: {state}")
            for part, text in (row.get("warnings") or {}).items():
                console().print(f"{row['service']} {part}: {text}")
            rules = row.get("due_rules") or {}
            if rules.get("state") == "changing":
                far = f"{rules['done']} of {rules['total']} dossiers"
                console().print(f"{row['service']} due dates follow changed rules: {far}")
    if any(row.get("unreachable") for row in found):
        return UNREACHABLE
    return 0 if all(row["ready"] for row in found) else REFUSED


async def _one(client: Client, service: str) -> dict[str, Any]:
    try:
        answer = await client.fetch(service, "GET", "/v1/status")
    except CommandError as error:
        if error.code != UNREACHABLE:
            raise
        return {"service": service, "ready": False, "unreachable": True}
    return {"service": service, "ready": False} | answer


def _cell(row: dict[str, Any], name: str) -> str:
    value = row.get(name)
    if isinstance(value, dict):
        value = sum(value.values())
    return "-" if value is None else str(value)
